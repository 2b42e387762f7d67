/* SPDX-License-Identifier: MIT */
/* Changes of mappings of RAM that is in use, and of all that the kernel itself maps of the same frames (direct_map.c). */
#pragma once

#include "mm/page/page_internal.h"

struct map_change {
	pgprot_t set, clear; /* bits of every leaf */
	bool follow;	     /* the direct map and the image follow, but for NX */
	bool type;	     /* set and clear have a memory type */
	bool small;	     /* no large leaf is left in the range, if it is one of the direct map or the image */
	bool no_flush;	     /* what CPUs remember of the rights is the caller's affair */
};

#define MAP_NO_BITS   ((pgprot_t){ 0 })
/* The bits of every memory type: those of the one with all of them are found by asking. */
#define MAP_TYPE_BITS ((pgprot_t){ pgprot_writecombine(MAP_NO_BITS).val | pgprot_set_memtype(MAP_NO_BITS, MEMTYPE_UC).val })

/*
 * Change all leaves of [start, end), which lies in the direct map, in the image, or in vmalloc space, where every page is
 * mapped and no leaf reaches over an end. -ENOMEM: nothing has changed. Thread context, may sleep, no lock held.
 */
int map_change_range(vaddr_t start, vaddr_t end, const struct map_change *change);

/*
 * Pages become ordinary ones again in the direct map: present, writable, write-back, forgotten otherwise; and at start, where
 * they are mapped in order, unless that is 0. Needs no memory; what it cannot do (a leaf that others share) stays marked, and
 * so the page cannot be freed. Context as above.
 */
void map_reset_pages(vaddr_t start, struct page **pages, unsigned long count);

/* --- memtype.c --- */

/* May these pages be mapped with this prot: are they all of its memory type? They may be anything; what is no page is not asked. */
bool pages_agree_slow(struct page **pages, unsigned long count, pgprot_t prot);
static inline bool pages_agree(struct page **pages, unsigned long count, pgprot_t prot)
{
	if (likely(!((prot.val & MAP_TYPE_BITS.val) | READ_ONCE(pages_retyped))))
		return true;
	return pages_agree_slow(pages, count, prot);
}
