/* SPDX-License-Identifier: MIT */
/* What mm/kva/percpu/percpu_space.c and mm/kva/percpu/percpu_alloc.c share. */
#pragma once

#include "mm/kva/area/area.h"

#include <mm/percpu_alloc.h>

#define UNIT_PAGES    (unsigned int)(PERCPU_UNIT_SIZE >> PAGE_SHIFT)
#define GRANULE_SHIFT 4u
#define NR_GRANULES   (unsigned int)(PERCPU_UNIT_SIZE >> GRANULE_SHIFT)
#define PAGE_GRANULES (unsigned int)(PAGE_SIZE >> GRANULE_SHIFT)
#define NR_CLASSES    45u /* of a run of NR_GRANULES, and one more: see class_of() */

/* What is kept for each granule, in parts of one slab object each. */
enum percpu_word { PERCPU_TAG, PERCPU_NEXT, PERCPU_PREV, NR_PERCPU_WORDS };
#define PART_GRANULES 1024u
#define NR_PARTS      (NR_GRANULES / PART_GRANULES)

struct percpu_chunk {
	struct rb_node node;	/* by base */
	struct list_head list;	/* of its slot; then of those on their way out */
	struct vm_struct **units;
	vaddr_t base;		/* of the first unit */
	unsigned int nr_used;	/* granules */
	unsigned int slot;
	DECLARE_BITMAP(classes, NR_CLASSES); /* which lists of free runs are not empty */
	u16 head[NR_CLASSES];
	DECLARE_BITMAP(populated, UNIT_PAGES); /* changes under the lock, in the hands of who holds populate_lock */
	struct page **page[UNIT_PAGES];	       /* an array with one for each unit; NULL: none has that page */
	u16 *part[NR_PERCPU_WORDS][NR_PARTS];
};

/* A run of granules. */
struct percpu_place {
	struct percpu_chunk *chunk;
	unsigned int at, n;
};

/* --- mm/kva/percpu/percpu_space.c. Under percpu_lock, and every call takes a bounded time, whatever there is. ---------------------- */

/* Room for the words of a chunk; without the lock. False: none of it is left. */
bool percpu_space_make(struct percpu_chunk *chunk, gfp_t gfp);
void percpu_space_destroy(struct percpu_chunk *chunk);
/* A chunk joins, as one free run. One without objects leaves. */
void percpu_space_join(struct percpu_chunk *chunk);
void percpu_space_leave(struct percpu_chunk *chunk);

/* place->n granules at a multiple of `align` of them: place->chunk and ->at. False: no room was found. */
bool percpu_space_take(struct percpu_place *place, unsigned int align);
/* In this chunk, which has just joined: never fails. True. */
bool percpu_space_take_in(struct percpu_chunk *fresh, struct percpu_place *place, unsigned int align);
/* The same as the first, where all pages are there. */
bool percpu_space_take_populated(struct percpu_place *place, unsigned int align);
/* Do the pages of the place all exist? */
bool percpu_space_populated(const struct percpu_place *place);
/* The object that begins at this address of the first unit is free again; *n: its granules. NULL: none does; else the chunk. */
struct percpu_chunk *percpu_space_free(vaddr_t addr, unsigned int *n);
/* The object that begins there keeps place->n granules, and place->chunk and ->at say where. How many it had: if fewer, nothing changes. */
unsigned int percpu_space_cut(vaddr_t addr, struct percpu_place *place);

/* At a quiet moment. Number of faults, each printed; *found: what there is. */
unsigned int percpu_space_check(struct percpu_alloc_stats *found);
