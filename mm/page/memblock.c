/* SPDX-License-Identifier: MIT */
/*
 * Memory before the page allocator.
 *
 * There are two sets of byte ranges: RAM, and reserved memory. Each is sorted by address, and its ranges neither
 * overlap nor touch. Free memory is RAM that is not reserved. All operations are linear walks.
 */
#include "mm/page/page_internal.h"

struct region_set {
	const char *name;
	unsigned int nr;
	struct memblock_region region[MEMBLOCK_MAX];
};

static struct region_set ram = { .name = "ram" };
static struct region_set reserved = { .name = "reserved" };
static bool closed;
static u64 mapped; /* the direct map has all RAM below this */

CMDLINE_OPTION(mem, "mem=SIZE", "use RAM below this address only");

/* Add a range and merge it with all regions that it overlaps or touches. */
static void region_add(struct region_set *set, u64 start, u64 end)
{
	unsigned int first = 0, last;

	if (start >= end)
		return;
	while (first < set->nr && set->region[first].end < start)
		first++;
	for (last = first; last < set->nr && set->region[last].start <= end; last++) {
		start = min(start, set->region[last].start);
		end = max(end, set->region[last].end);
	}
	/* Regions first..last-1 are replaced by one. */
	if (first == last && set->nr == MEMBLOCK_MAX)
		panic("memblock: no room for %llx-%llx among %u %s regions", start, end, set->nr, set->name);
	memmove(&set->region[first + 1], &set->region[last], (set->nr - last) * sizeof(set->region[0]));
	set->nr = set->nr - (last - first) + 1;
	set->region[first] = (struct memblock_region) { start, end };
}

/* Enter the part of a RAM region below `limit`; returns the bytes that were cut off. */
static u64 add_ram_below(const struct boot_region *region, u64 limit)
{
	u64 start = min(region->start, limit), end = min(region->end, limit);

	region_add(&ram, start, end);
	return (region->end - region->start) - (end - start);
}

void memblock_init(const struct boot_info *boot, u64 limit)
{
	u64 mem = ALIGN_DOWN(cmdline_size("mem", limit), (u64)PAGE_SIZE);
	u64 cut_by_limit = 0, cut = 0;

	ram.nr = reserved.nr = 0;
	mapped = arch_boot_reach();
	closed = false;
	limit = ALIGN_DOWN(limit, (u64)PAGE_SIZE);
	for (unsigned int i = 0; i < boot->nr_regions; i++) {
		const struct boot_region *region = &boot->region[i];

		if (region->kind != BOOT_MEM_RAM)
			continue;
		cut_by_limit += region->end - max(region->start, min(region->end, limit));
		cut += add_ram_below(region, min(mem, limit));
	}
	if (cut_by_limit)
		pr_warn("memory: beyond what this CPU and this mode can address: %llu MiB above %llu MiB not used\n",
			cut_by_limit >> 20, limit >> 20);
	if (cut > cut_by_limit)
		printk("memory: cut off by mem=: %llu MiB above %llu MiB not used\n", (cut - cut_by_limit) >> 20,
		       mem >> 20);
	memblock_reserve(0, PAGE_SIZE); /* so that physical address 0 can mean "none" */
}

void memblock_reserve(u64 start, u64 end)
{
	BUG_ON(closed);
	region_add(&reserved, ALIGN_DOWN(start, (u64)PAGE_SIZE), ALIGN(end, (u64)PAGE_SIZE));
}

void memblock_close(void)
{
	closed = true;
}

/* First address in [start, end) that no reserved region covers, or end; *next: where the free stretch ends. */
static u64 skip_reserved(u64 start, u64 end, u64 *next)
{
	*next = end;
	for (unsigned int i = 0; i < reserved.nr && start < end; i++) {
		const struct memblock_region *r = &reserved.region[i];

		if (r->end <= start)
			continue;
		if (r->start > start) {
			*next = min(end, r->start);
			break;
		}
		start = r->end;
	}
	return min(start, end);
}

bool memblock_next_free(u64 *start, u64 *end, u64 limit)
{
	for (unsigned int i = 0; i < ram.nr; i++) {
		u64 last = min(ram.region[i].end, limit);
		u64 first = max(ram.region[i].start, *start);

		if (first >= last)
			continue;
		first = skip_reserved(first, last, end);
		if (first < last) {
			*start = first;
			return true;
		}
	}
	return false;
}

u64 memblock_alloc(u64 size, u64 align, u64 below)
{
	u64 pos, stop;

	BUG_ON(closed || !is_power_of_2(align));
	size = ALIGN(size, (u64)PAGE_SIZE);
	for (pos = 0; memblock_next_free(&pos, &stop, below); pos = stop) {
		u64 base = ALIGN(pos, max(align, (u64)PAGE_SIZE));

		if (base >= stop || stop - base < size)
			continue;
		memblock_reserve(base, base + size);
		if (base + size <= mapped)
			memset(phys_to_virt(base), 0, size);
		return base;
	}
	return 0;
}

phys_addr_t memblock_table_alloc(gfp_t gfp __maybe_unused)
{
	return memblock_alloc(PAGE_SIZE, PAGE_SIZE, mapped);
}

void memblock_mapped(u64 end)
{
	mapped = max(mapped, end);
}

unsigned int memblock_ram(const struct memblock_region **regions)
{
	*regions = ram.region;
	return ram.nr;
}

unsigned int memblock_reserved(const struct memblock_region **regions)
{
	*regions = reserved.region;
	return reserved.nr;
}

bool memblock_is_ram(u64 start, u64 end)
{
	for (unsigned int i = 0; i < ram.nr; i++)
		if (ram.region[i].start <= start && end <= ram.region[i].end)
			return true;
	return false;
}

bool memblock_overlaps_ram(u64 start, u64 end)
{
	for (unsigned int i = 0; i < ram.nr; i++)
		if (ram.region[i].start < end && start < ram.region[i].end)
			return true;
	return false;
}

u64 memblock_end_of_ram(void)
{
	return ram.nr ? ram.region[ram.nr - 1].end : 0;
}

u64 memblock_ram_size(void)
{
	u64 sum = 0;

	for (unsigned int i = 0; i < ram.nr; i++)
		sum += ram.region[i].end - ram.region[i].start;
	return sum;
}
