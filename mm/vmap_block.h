/* SPDX-License-Identifier: MIT */
/* What vmap_block.c (theory there) and vmap_purge.c share with each other and with nobody else. */
#pragma once

#include "vm_internal.h"

/* A block lies in one page table. */
#define VMAP_BLOCK_PAGES  (BITS_PER_LONG == 64 ? 512u : 256u)
#define VMAP_BLOCK_SIZE	  (VMAP_BLOCK_PAGES * PAGE_SIZE)
#define VMAP_BLOCK_USABLE (VMAP_BLOCK_PAGES - 1)
/* A CPU with so many dirty pages flushes before it makes another block, and calls the background before that. */
#define VMAP_FLUSH_PAGES  (VMAP_BLOCK_PAGES / 2)
#define VMAP_CALL_PAGES	  (VMAP_BLOCK_PAGES / 4 * 3) /* of a block, when it is used up to there */

#define BLOCK_DIRTY XA_MARK_0

struct vmap_queue {
	spinlock_t lock;	 /* all fields of its blocks too, but `purge` and `run` */
	struct list_head blocks; /* with clean pages */
	unsigned int dirty;	 /* pages in its blocks, also in those without clean pages */
};

struct vmap_block {
	struct vmap_queue *owner;
	struct list_head queue;	 /* on owner->blocks; empty when no page is clean */
	struct list_head purge;	 /* on the list of the running purge */
	struct vm_range *range;
	unsigned int clean, live, dirty, flushing; /* pages; their sum is VMAP_BLOCK_USABLE */
	unsigned int fresh;
	unsigned int calm;	 /* up to there fresh pages are given out without a thought: VMAP_CALL_PAGES, then all */
	unsigned int longest;	 /* no clean run below fresh is longer; may be too large */
	tlb_stamp_t stamp;	 /* covers all dirty pages */
	u8 run[VMAP_BLOCK_PAGES]; /* its end is claimed by compare-and-exchange: of two that unmap one comes too late */
	DECLARE_BITMAP(taken_map, VMAP_BLOCK_PAGES);
	DECLARE_BITMAP(dirty_map, VMAP_BLOCK_PAGES);
	DECLARE_BITMAP(flushing_map, VMAP_BLOCK_PAGES);
};
static_assert(VMAP_MAX_ALLOC < 256, "lengths of runs are bytes");

DECLARE_PER_CPU(struct vmap_queue, vmap_queue);
extern struct xarray vmap_blocks;	  /* all live ones, by address */
extern atomic_long_t vmap_blocks_stamp; /* covers all dirty pages, unless a purge is on */
extern struct vmap_block_counters {
	atomic_long_t created, freed, visits;
} vmap_block_counters;

/* --- vmap_block.c --- */

static inline unsigned long block_index(vaddr_t addr)
{
	return (addr - ALIGN_DOWN(VMALLOC_START, VMAP_BLOCK_SIZE)) / VMAP_BLOCK_SIZE;
}

static inline vaddr_t page_addr(const struct vmap_block *block, unsigned int page)
{
	return block->range->start + page * PAGE_SIZE;
}

/* Wholly clean: everything is fresh again. */
void block_make_fresh(struct vmap_block *block);
/* The end of a block that is clean and on no queue. */
void block_destroy(struct vmap_block *block);

/* --- vmap_purge.c --- */

/*
 * Flush what is dirty and make it clean; with reclaim visit all blocks and free every one that holds no mapping. Returns
 * how many it freed. Thread context, may sleep.
 */
unsigned int vmap_purge(bool reclaim);
