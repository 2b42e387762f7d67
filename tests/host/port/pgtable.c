/* SPDX-License-Identifier: MIT */
/*
 * Page tables of the host machine: the reference tree as boot leaves it (the direct map), table pages for tests that
 * have no page allocator, and the MMU as a function. Nobody ever really loads these tables.
 */
#include "tests/host/port/port.h"
#include "tests/host/port/pgtable.h"
#include "tests/host/port/host.h"

#include <arch/mmu_sync.h>
#include <arch/x86/mm/internal.h>
#include <arch/x86/mm/oracle.h>
#include <kernel/inject.h>
#include <kernel/spinlock.h>
#include <lib/string.h>

pteval_t pte_supported = ~(pteval_t)0;

static pte_t reference_root[PT_ENTRIES] __aligned(PAGE_SIZE);
struct pgtable kernel_pgtable = { .root = reference_root, .serial = 1 };

void host_reference_init(void)
{
	struct mmu_update u;
	vaddr_t start = layout.direct_start, end = start + min((u64)arch_lowmem_limit(), host_ram_size());

	memset(reference_root, 0, sizeof(reference_root));
	oracle_reset();
	tlb_oracle(tree_new(&kernel_pgtable));
	INIT_LIST_HEAD(&pgd_list);
	arch_update_kernel_mappings_begin(&u, start, end);
	BUG_ON(pgtable_map(&kernel_pgtable, &u, start, end, 0, PAGE_KERNEL, 30));
	arch_update_kernel_mappings_end(&u);
}

void *host_translate(vaddr_t addr)
{
	struct pgtable_leaf leaf = pgtable_query(pgtable_current(), addr);

	return leaf.present ? phys_to_virt(leaf.phys) : NULL;
}

/* --- a supply of table pages: from the top of lowmem downwards, and round through a stack of freed ones --------- */

static phys_addr_t next_table, free_tables;
static unsigned long live_tables;
static DEFINE_SPINLOCK(table_lock);

static phys_addr_t take_table(void)
{
	phys_addr_t table = free_tables;

	if (table)
		free_tables = *(phys_addr_t *)phys_to_virt(table);
	else
		table = next_table -= PAGE_SIZE;
	return table;
}

phys_addr_t host_table_alloc(gfp_t gfp __maybe_unused)
{
	phys_addr_t table;

	if (inject_fails(INJECT_TABLE))
		return 0;
	spin_lock(&table_lock);
	table = take_table();
	live_tables++;
	spin_unlock(&table_lock);
	memset(phys_to_virt(table), 0, PAGE_SIZE);
	return table;
}

/* What is freed turns to rubbish, so that whoever still walks through it goes astray at once. */
void host_table_free(phys_addr_t table)
{
	memset(phys_to_virt(table), 0xa5, PAGE_SIZE);
	spin_lock(&table_lock);
	*(phys_addr_t *)phys_to_virt(table) = free_tables;
	free_tables = table;
	live_tables--;
	spin_unlock(&table_lock);
}

unsigned long host_live_tables(void) { return live_tables; }

void host_pgtable_init(void)
{
	next_table = (phys_addr_t)min((u64)arch_lowmem_limit(), host_ram_size());
	free_tables = 0;
	live_tables = 0;
	pgtable_set_allocator(host_table_alloc, host_table_free);
	host_reference_init();
}
