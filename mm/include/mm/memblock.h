/* SPDX-License-Identifier: MIT */
/*
 * Memory before the page allocator: sorted arrays of RAM and of reserved memory, filled from the boot loader's map.
 * Boot CPU only, single-threaded. Read-only after page_alloc_init(); then any context may read.
 */
#pragma once

#include <lib/compiler.h>
#include <lib/gfp.h>

struct boot_info;

#define MEMBLOCK_MAX 640 /* regions in each array; a boot loader's map has at most BOOT_MAX_REGIONS */

struct memblock_region {
	u64 start, end; /* bytes, page-aligned, end exclusive */
};

/* Read the map: RAM up to `limit` (what the CPU and this mode can address) and `mem=`; what is cut off is reported. */
void memblock_init(const struct boot_info *boot, u64 limit);
/* Reserve memory, rounded out to pages. Overlaps are fine. Panics when the array is full. */
void memblock_reserve(u64 start, u64 end);
/*
 * Reserve `size` bytes aligned to `align` (a power of two), wholly below `below`: the lowest place that fits, in whole
 * pages, never frame 0. 0: there is none. Zeroed if the direct map has it, otherwise not.
 */
u64 memblock_alloc(u64 size, u64 align, u64 below);
/* A zeroed page table where RAM is mapped (handed to arch by main.c until the page allocator runs). 0 = none. */
phys_addr_t memblock_table_alloc(gfp_t gfp);
/* From now on RAM below `end` is in the direct map. (Before the first call: RAM below arch_boot_reach().) */
void memblock_mapped(u64 end);
/* No more changes: the page allocator has taken over. */
void memblock_close(void);

unsigned int memblock_ram(const struct memblock_region **regions);
unsigned int memblock_reserved(const struct memblock_region **regions);
bool memblock_is_ram(u64 start, u64 end);	/* is all of it RAM that this kernel uses? (mem= excludes some) */
bool memblock_overlaps_ram(u64 start, u64 end); /* is any byte of it such RAM? */
u64 memblock_end_of_ram(void);
u64 memblock_ram_size(void); /* bytes of RAM, reserved parts included */

/*
 * Find the first stretch of RAM that is not reserved, at or above *start and below `limit`. To visit all of them:
 *	for (pos = 0; memblock_next_free(&pos, &end, limit); pos = end) ...
 */
bool memblock_next_free(u64 *start, u64 *end, u64 limit);
