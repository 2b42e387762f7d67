/* SPDX-License-Identifier: MIT */
/* A host machine on which mm runs as it does after booting: memblock, page tables, page array, buddy, slabs. */
#pragma once

#include "tests/host/port/host.h"
#include "tests/host/port/pgtable.h"

#include <kernel/boot_info.h>
#include <lib/string.h>
#include <mm/memblock.h>
#include <mm/slab.h>

#define MIB (1ull << 20)

static inline void no_early_free(phys_addr_t frame)
{
	panic("table page %pa freed before there is a page allocator", &frame);
}

/* boot->region[] is the memory map. The machine's RAM reaches to ram_bytes (a multiple of 4 MiB), holes included. */
static inline void mm_machine_map(const struct boot_info *boot, u64 ram_bytes, unsigned int cpus)
{
	host_machine(ram_bytes, cpus);
	if (ram_bytes <= 2048 * MIB) /* the parts of the page array that stay unmapped shall not look like holes */
		memset(vmemmap, PAGE_USED, (ram_bytes >> PAGE_SHIFT) * sizeof(struct page));
	memblock_init(boot, arch_phys_limit());
	memblock_reserve(0, MIB);
	pgtable_set_allocator(memblock_table_alloc, no_early_free);
	host_reference_init();
	page_alloc_init();
	pgtable_set_allocator(mm_table_alloc, mm_table_free);
	slab_init();
}

/* RAM without holes. */
static inline void mm_machine(u64 ram_bytes, unsigned int cpus)
{
	static struct boot_info boot;

	memset(&boot, 0, sizeof(boot));
	boot.nr_regions = 1;
	boot.region[0] = (struct boot_region) { 0, ram_bytes, BOOT_MEM_RAM };
	mm_machine_map(&boot, ram_bytes, cpus);
}
