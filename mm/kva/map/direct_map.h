/* SPDX-License-Identifier: MIT */
/* Changes of mappings of RAM that is in use, and of the kernel's other mappings of the same frames (direct_map.c). */
#pragma once

#include "mm/page/page_internal.h"

struct map_change {
	pgprot_t set, clear; /* bits to set and to clear in every leaf */
	bool follow;	     /* the direct map and the image are changed too, except for NX */
	bool type;	     /* set and clear contain a memory type */
	bool small;	     /* split all large leaves of the range (direct map and image); change nothing else */
	bool no_flush;	     /* the caller flushes the TLBs */
};

#define MAP_NO_BITS   ((pgprot_t){ 0 })
/* All bits that a memory type may set: write-combining and uncached together have them. */
#define MAP_TYPE_BITS \
	((pgprot_t){ pgprot_writecombine(MAP_NO_BITS).val | pgprot_set_memtype(MAP_NO_BITS, MEMTYPE_UC).val })

/*
 * Change all leaves of [start, end), which lies in the direct map, in the image, or in vmalloc space. In vmalloc space
 * every page must be mapped, and no leaf may reach over an end. -ENOMEM: nothing has changed. Thread context, may
 * sleep, no lock held.
 */
int map_change_range(vaddr_t start, vaddr_t end, const struct map_change *change);

/*
 * Make pages ordinary again in the direct map: present, writable, write-back; no TLB remembers anything else. Unless
 * start is 0 the same happens at start, where they are mapped in order. Needs no memory. A page that it cannot change
 * (its leaf has other pages too) stays marked, and so cannot be freed. Context as above.
 */
void map_reset_pages(vaddr_t start, struct page **pages, unsigned long count);

/* --- memtype.c --- */

/*
 * May these pages be mapped with this prot: do they all have its memory type? Pointers that are no pages are skipped.
 */
bool pages_agree_slow(struct page **pages, unsigned long count, pgprot_t prot);
static inline bool pages_agree(struct page **pages, unsigned long count, pgprot_t prot)
{
	if (likely(!((prot.val & MAP_TYPE_BITS.val) | READ_ONCE(pages_retyped))))
		return true;
	return pages_agree_slow(pages, count, prot);
}
