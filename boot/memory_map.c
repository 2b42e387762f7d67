/* SPDX-License-Identifier: MIT */
/*
 * From a firmware's memory map to a sorted list. Its entries come in any order, and may overlap, have length 0, or end
 * within a page.
 *
 * A sweep goes from border to border of the entries, from address 0 upwards:
 *
 *	entries		RAM	 |-----------------------|
 *			ACPI		     |------------------|
 *			reserved	     |---|
 *	borders			 ^	     ^   ^	 ^	^
 *	result			 RAM	     res ACPI		hole
 *
 * Between two borders nothing changes, so one pass over all entries gives the kind: the most careful one among the
 * entries that cover the place. The sweep needs no memory beside the result, does not depend on the order, and cannot
 * get overlaps wrong. Its time is the square of the number of entries, which is 20 to 200 on real machines.
 */
#include <arch/layout.h>
#include "memory_map.h"

/* Read an entry, cut off at MEMORY_MAP_END. If it is no RAM, it grows to whole pages. False: the entry is invalid. */
static bool read_entry(const struct memory_map *map, u32 i, struct boot_region *region)
{
	const u64 page = PAGE_SIZE;

	if (!map->decode(map->entries + (size_t)i * map->entry_size, &region->start, &region->end, &region->kind))
		return false;
	region->end = min(region->end, MEMORY_MAP_END);
	if (region->start >= region->end)
		return false;
	if (region->kind != BOOT_MEM_RAM) {
		region->start = ALIGN_DOWN(region->start, page);
		region->end = ALIGN(region->end, page);
	}
	return true;
}

/* What lies between `pos` and the next border. */
struct stretch {
	bool covered; /* by an entry; else it is a hole */
	enum boot_mem_kind kind;
	u64 border; /* MEMORY_MAP_END if there is none */
};

static void look_at_map(const struct memory_map *map, u64 pos, struct stretch *s)
{
	struct boot_region entry;

	for (u32 i = 0; i < map->count; i++) {
		if (!read_entry(map, i, &entry) || entry.end <= pos)
			continue;
		if (entry.start > pos) {
			s->border = min(s->border, entry.start);
			continue;
		}
		s->border = min(s->border, entry.end);
		s->kind = max(s->kind, entry.kind);
		s->covered = true;
	}
}

/* Video memory and ROMs: some firmware's map wrongly calls them RAM. */
#define NO_RAM_START 0xa0000u
#define NO_RAM_END   0x100000u

static void keep_the_hole(struct boot_info *info, u64 pos, struct stretch *s)
{
	if (pos < NO_RAM_START)
		s->border = min(s->border, (u64)NO_RAM_START);
	if (pos < NO_RAM_START || pos >= NO_RAM_END)
		return;
	s->border = min(s->border, (u64)NO_RAM_END);
	if (!s->covered || s->kind != BOOT_MEM_RAM)
		return;
	s->kind = BOOT_MEM_RESERVED;
	info->ram_in_hole += s->border - pos;
}

static struct stretch look_at(const struct memory_map *maps, unsigned int nr_maps, u64 pos)
{
	struct stretch s = { .covered = false, .kind = BOOT_MEM_RAM, .border = MEMORY_MAP_END };

	for (unsigned int i = 0; i < nr_maps; i++)
		look_at_map(&maps[i], pos, &s);
	return s;
}

/* The cost of leaving a region out: none if it is no RAM; the highest below 1 MiB, where other CPUs start. */
static u64 worth(const struct boot_region *r)
{
	const u64 low_memory = 1 << 20;

	if (r->kind != BOOT_MEM_RAM)
		return 0;
	return r->start < low_memory ? ~0ull : r->end - r->start;
}

static void leave_one_out(struct boot_info *info)
{
	struct boot_region *least = info->region, *end = info->region + info->nr_regions;

	for (struct boot_region *r = info->region; r < end; r++)
		if (worth(r) < worth(least))
			least = r;
	info->left_out++;
	info->ram_left_out += worth(least);
	for (info->nr_regions--; least + 1 < end; least++)
		least[0] = least[1];
}

/* Add a region above all others. If it continues the last one, and both are of one kind, the last one grows. */
static void append(struct boot_info *info, u64 start, u64 end, enum boot_mem_kind kind)
{
	struct boot_region *last = info->nr_regions ? &info->region[info->nr_regions - 1] : NULL;

	if (last && last->end == start && last->kind == kind) {
		last->end = end;
		return;
	}
	if (info->nr_regions > BOOT_MAX_REGIONS)
		leave_one_out(info);
	info->region[info->nr_regions++] = (struct boot_region){ start, end, kind };
}

/*
 * Only whole pages of RAM can be used. This comes last, so that two adjacent entries of RAM may share a page. Regions
 * of other kinds are whole pages already, except RAM in the hole, which counts as reserved.
 */
static void keep_whole_pages(struct boot_info *info)
{
	const u64 page = PAGE_SIZE;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < info->nr_regions; i++) {
		struct boot_region region = info->region[i];

		region.start = ALIGN(region.start, page);
		region.end = ALIGN_DOWN(region.end, page);
		if (region.start < region.end)
			info->region[kept++] = region;
	}
	info->nr_regions = kept;
}

void memory_map_resolve(const struct memory_map *maps, unsigned int nr_maps, struct boot_info *info)
{
	struct boot_region entry;

	for (u32 i = 0; i < maps->count; i++)
		info->dropped_entries += !read_entry(maps, i, &entry);

	for (u64 pos = 0; pos < MEMORY_MAP_END;) {
		struct stretch s = look_at(maps, nr_maps, pos);

		keep_the_hole(info, pos, &s);
		if (s.covered)
			append(info, pos, s.border, s.kind);
		pos = s.border;
	}
	if (info->nr_regions > BOOT_MAX_REGIONS)
		leave_one_out(info);
	keep_whole_pages(info);
}
