/* SPDX-License-Identifier: MIT */
/*
 * Reservations of memory types for physical addresses. Two mappings of one frame must never differ in type. So code
 * that maps frames of a device (ioremap, ioremap_page_range, vmap_pfn) first reserves their type. It frees the
 * reservation when nothing is mapped any more and no TLB remembers a cached mapping (for uncached ones the flush may
 * come later). RAM has its type in struct page instead (page_memtype): set_memory_*() sets it. Free pages are
 * write-back; code that maps pages which others own asks for their type. Thread context, no lock held.
 */
#pragma once

#include <arch/memtype.h>

void memtype_init(void); /* boot, with vmalloc_init() */

/* Linux's names: "write-back", "write-through", "uncached-minus", "uncached", "write-combining". */
const char *memtype_name(enum memtype type);

/*
 * Reserve the type for [start, end), whole pages, before they are mapped. The type is the one that the CPU will use:
 * pgprot_memtype(). Reservations of the same type may overlap. -EBUSY: a part is reserved with another type (printed,
 * with both), or is RAM (warned); -ENOMEM. Each reservation is freed by one memtype_free() of the same three
 * values.
 */
int memtype_reserve(u64 start, u64 end, enum memtype type);
/* -EINVAL (warned): there is no such reservation. */
int memtype_free(u64 start, u64 end, enum memtype type);
/*
 * The same for a list of frames: one reservation for each run of frames side by side; all or none.
 * memtype_free_frames() takes the same frames in the same order.
 */
int memtype_reserve_frames(const unsigned long *pfns, unsigned long count, enum memtype type);
void memtype_free_frames(const unsigned long *pfns, unsigned long count, enum memtype type);
/* False: the frame, of RAM or of a device, has another type. */
bool memtype_agrees(unsigned long pfn, enum memtype type);
/* Free the memory of the reservation that was freed last. (It is kept because the next one is often the same.) */
void memtype_forget(void);

/* The reservations, sorted by start, end and type. */
struct memtype_info {
	u64 start, end;
	enum memtype type;
	unsigned long count; /* how many of it there are now; 0: where memtype_next() begins */
};
/* *info becomes the reservation behind it; begin with all zeros. False: there are no more. */
bool memtype_next(struct memtype_info *info);

/* Trees in order, no two types over one address. Number of faults, each printed. */
unsigned int memtype_check(void);
