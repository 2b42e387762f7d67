/* SPDX-License-Identifier: MIT */
/*
 * Who maps which physical addresses with which memory type. Whoever maps frames of a device (ioremap, ioremap_page_range,
 * vmap_pfn) reserves before he maps and frees when nothing is mapped and no CPU has it cached; so two mappings of one frame
 * never differ in type. RAM has its type in struct page (page_memtype), where set_memory_*() puts it and everybody who maps
 * RAM asks for it. Thread context, no lock held.
 */
#pragma once

#include <arch/memtype.h>

void memtype_init(void); /* boot, with vmalloc_init() */

/* Linux's words: "write-back", "write-through", "uncached-minus", "uncached", "write-combining". */
const char *memtype_name(enum memtype type);

/*
 * [start, end), whole pages, is about to be mapped with this type (the one in use: pgprot_memtype). Any number of
 * reservations may overlap as long as they agree. -EBUSY: some of it is reserved with another type (printed with both), or is
 * RAM in use, which is write-back (warned); -ENOMEM. A reservation ends with memtype_free() of the same three values, as often as it was made.
 */
int memtype_reserve(u64 start, u64 end, enum memtype type);
/* -EINVAL (warned): there is no such reservation. */
int memtype_free(u64 start, u64 end, enum memtype type);
/*
 * The same for frames that lie anywhere: a reservation for each run of them that lie side by side, all or none. The end takes the
 * same frames in the same order.
 */
int memtype_reserve_frames(const unsigned long *pfns, unsigned long count, enum memtype type);
void memtype_free_frames(const unsigned long *pfns, unsigned long count, enum memtype type);
/* Does nobody map this frame, of RAM or of a device, with another type? */
bool memtype_agrees(unsigned long pfn, enum memtype type);
/* Give back the memory of the one that was freed last, which is kept for the next who makes the same. */
void memtype_forget(void);

/* The reservations, sorted by start, end and type. */
struct memtype_info {
	u64 start, end;
	enum memtype type;
	unsigned long count; /* how often it was made; 0: before the first */
};
/* Go on to the one behind *info; begin with all zeros. False: there is none. */
bool memtype_next(struct memtype_info *info);

/* Trees in order, no two types over one address. Number of faults, each printed. */
unsigned int memtype_check(void);
