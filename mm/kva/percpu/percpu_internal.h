/* SPDX-License-Identifier: MIT */
/* Shared by percpu_space.c and percpu_alloc.c only. Words: theory of percpu_space.c. */
#pragma once

#include "mm/kva/area/area.h"

#include <mm/percpu_alloc.h>

#define UNIT_PAGES    (unsigned int)(PERCPU_UNIT_SIZE >> PAGE_SHIFT)
#define GRANULE_SHIFT 4u
#define NR_GRANULES   (unsigned int)(PERCPU_UNIT_SIZE >> GRANULE_SHIFT)
#define PAGE_GRANULES (unsigned int)(PAGE_SIZE >> GRANULE_SHIFT)
#define NR_CLASSES    45u /* class_of(NR_GRANULES) + 1 */

/* Three words for each granule. They are kept in parts of PART_GRANULES, each one slab object. */
enum percpu_word { PERCPU_TAG, PERCPU_NEXT, PERCPU_PREV, NR_PERCPU_WORDS };
#define PART_GRANULES 1024u
#define NR_PARTS      (NR_GRANULES / PART_GRANULES)

struct percpu_chunk {
	struct rb_node node;	/* by base */
	struct list_head list;	/* on the list of its slot; a chunk without objects: on empty_chunks */
	struct vm_struct **units;
	vaddr_t base;		/* address of the first unit */
	unsigned int nr_used;	/* granules in use */
	unsigned int slot;
	DECLARE_BITMAP(classes, NR_CLASSES); /* which lists of free runs are not empty */
	u16 head[NR_CLASSES];
	DECLARE_BITMAP(populated, UNIT_PAGES); /* written under populate_lock and percpu_lock */
	struct page **page[UNIT_PAGES];	       /* an array of this page of each unit; NULL: not allocated */
	u16 *part[NR_PERCPU_WORDS][NR_PARTS];
};

/* A run of granules. */
struct percpu_place {
	struct percpu_chunk *chunk;
	unsigned int at, n;
};

/* --- percpu_space.c. Under percpu_lock, unless a line says otherwise; only the check walks all chunks. ------------ */

/* Allocate and free the words of a chunk; without the lock. False: no memory, and nothing is allocated. */
bool percpu_space_make(struct percpu_chunk *chunk, gfp_t gfp);
void percpu_space_destroy(struct percpu_chunk *chunk);
/* Add a chunk, as one free run. Remove a chunk without objects. */
void percpu_space_join(struct percpu_chunk *chunk);
void percpu_space_leave(struct percpu_chunk *chunk);

/* Take place->n granules, at a multiple of `align` granules; sets place->chunk and ->at. False: no room was found. */
bool percpu_space_take(struct percpu_place *place, unsigned int align);
/* The same in this chunk, which was just added: never fails. */
bool percpu_space_take_in(struct percpu_chunk *fresh, struct percpu_place *place, unsigned int align);
/* The same as the first, but only where all pages exist. */
bool percpu_space_take_populated(struct percpu_place *place, unsigned int align);
/* Do the pages of the place all exist? */
bool percpu_space_populated(const struct percpu_place *place);
/*
 * Free the object that begins at this address of the first unit. Returns its chunk; NULL: no object begins there. *n:
 * granules.
 */
struct percpu_chunk *percpu_space_free(vaddr_t addr, unsigned int *n);
/*
 * Cut the object that begins there to place->n granules; sets place->chunk and ->at. Returns how many granules it had;
 * if these are fewer, nothing changes.
 */
unsigned int percpu_space_cut(vaddr_t addr, struct percpu_place *place);

/*
 * Check everything; without the lock, at a quiet moment. Number of faults, each printed; *found: chunks, bytes and
 * pages.
 */
unsigned int percpu_space_check(struct percpu_alloc_stats *found);
