/* SPDX-License-Identifier: MIT */
/* A firmware's memory map in any format, and its conversion to the sorted list in struct boot_info. */
#pragma once

#include <kernel/boot_info.h>

/* x86 has 52 bits of physical address at most (Intel SDM vol. 3, 4.1.4): nothing lies above. */
#define MEMORY_MAP_END (1ULL << 52)

struct memory_map {
	const u8 *entries; /* NULL: there is no such map */
	u32 count;
	u32 entry_size; /* bytes from one entry to the next, at least what decode reads */

	/* One entry, in bytes as the firmware says; false: zero length, or it wraps around. */
	bool (*decode)(const u8 *entry, u64 *start, u64 *end, enum boot_mem_kind *kind);
};

/*
 * Fill info->region[] from the maps together (the second one only reserves parts of the first), and count invalid
 * entries of the first in info->dropped_entries. Between 640 KiB and 1 MiB there is never RAM, whatever a map says. If
 * more than BOOT_MAX_REGIONS are left after merging, some become holes, and are counted: first regions that are no RAM,
 * since neither those nor holes are used, then the smallest RAM; never RAM in the first MiB, where other CPUs start.
 * Pure; its time is the square of the number of entries.
 */
void memory_map_resolve(const struct memory_map *maps, unsigned int nr_maps, struct boot_info *info);
