/* SPDX-License-Identifier: MIT */
/* Above all chambers of kva/: starting them in order, the list of keepers, and vmalloc_check(). */
#include "mm/kva/area/area.h"
#include "mm/kva/block/block.h"
#include "mm/kva/io/io.h"

#include <mm/memtype.h>

/* Keepers, in the order in which they are asked when space or memory is short: the cheapest first. */
static const struct vm_keeper *const keepers[] = {
	&vm_cache_keeper, &vmap_block_keeper, &vm_tables_keeper, &memtype_keeper, NULL
};

void vmalloc_init(void)
{
	vm_count_most = min(totalram_pages(), (unsigned long)((VMALLOC_END - VMALLOC_START) >> PAGE_SHIFT) - 1);
	vm_cache_set_bounds(1);
	vm_range_init();
	vm_keepers = keepers;
	vm_array_free = kvfree;
	vmap_block_init();
	vm_early_import();
	memtype_init();
	ioremap_init();
	vm_leaves_init();
	vm_set_quarantine(cmdline_has("quarantine"));
}

void vmalloc_init_purge(void)
{
	vm_cache_set_bounds(num_online_cpus());
	vm_tables_init();
	vm_purge_init();
	page_on_shortage(vm_memory_short);
}

unsigned int vmalloc_check(void)
{
	return vm_range_check() + vm_cache_check() + vmap_block_check();
}
