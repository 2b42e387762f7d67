/* SPDX-License-Identifier: MIT */
/*
 * Memory before the page allocator: sorted arrays of RAM and of what is taken, filled from the boot loader's map.
 * Boot CPU only, single-threaded. Read-only after page_alloc_init(); then any context may ask.
 */
#pragma once

#include <lib/compiler.h>
#include <lib/gfp.h>

struct boot_info;

#define MEMBLOCK_MAX 640 /* all that a boot loader's map may have, and as much again for what lies in between */

struct memblock_region {
	u64 start, end; /* bytes, page-aligned, end exclusive */
};

/* Read the map: RAM up to `limit` (what the CPU and this mode can address) and `mem=`; what is cut off is reported. */
void memblock_init(const struct boot_info *boot, u64 limit);
/* Mark as taken, rounded out to pages. Overlaps are fine. Panics when the array is full. */
void memblock_reserve(u64 start, u64 end);
/*
 * `size` bytes aligned to `align` (a power of two, both in whole pages), wholly below `below`. Lowest fit, never frame 0;
 * 0 = none. Zeroed if it lies where RAM is mapped; else as it was.
 */
u64 memblock_alloc(u64 size, u64 align, u64 below);
/* A zeroed page table where RAM is mapped (handed to arch by main.c until the page allocator runs). 0 = none. */
phys_addr_t memblock_table_alloc(gfp_t gfp);
/* RAM below `end` is in the direct map that is loaded: until the first call what lies below arch_boot_reach() is. */
void memblock_mapped(u64 end);
/* No more changes: the page allocator has taken over. */
void memblock_close(void);

unsigned int memblock_ram(const struct memblock_region **regions);
unsigned int memblock_reserved(const struct memblock_region **regions);
bool memblock_is_ram(u64 start, u64 end);	/* wholly RAM in use by this kernel (what mem= left) */
bool memblock_overlaps_ram(u64 start, u64 end); /* any byte of it */
u64 memblock_end_of_ram(void);
u64 memblock_ram_size(void); /* bytes of RAM, reserved parts included */

/*
 * Find the first stretch at or above *start, and below `limit`, of RAM that nobody reserved. To visit all of them:
 *	for (pos = 0; memblock_next_free(&pos, &end, limit); pos = end) ...
 */
bool memblock_next_free(u64 *start, u64 *end, u64 limit);
