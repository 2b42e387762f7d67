/* SPDX-License-Identifier: MIT */
/* Shared by the files vmap_*.c only. Theory: vmap_block.c. */
#pragma once

#include "mm/kva/area/area.h"
#include "mm/kva/block/block.h"

/*
 * The size of blocks, a power of two, is decided at boot. A block is as large as what one page table maps, but 128
 * blocks must fit into the arena: then eight CPUs that use two blocks each take at most an eighth of it. At least seven
 * of the longest runs fit into a block, however small the arena is: with fewer, nearly every run would cost a flush.
 */
#define VMAP_BLOCK_MOST 1024u /* pages: entries of the largest table that there is */
extern struct vmap_block_size {
	unsigned int usable; /* pages, without the guard page */
	unsigned int shift;
	unsigned long bytes; /* 1 << shift */
} vmap_block_size;
#define VMAP_BLOCK_PAGES  (vmap_block_size.usable + 1)
#define VMAP_BLOCK_USABLE vmap_block_size.usable
#define VMAP_BLOCK_SIZE	  vmap_block_size.bytes
/* A CPU without clean pages calls the background if this many wait for a flush; with MUCH it flushes by itself. */
#define VMAP_FLUSH_PAGES  (VMAP_BLOCK_PAGES / 2)
#define VMAP_MUCH_PAGES	  (VMAP_BLOCK_PAGES / 2 * 3)

#define BLOCK_DIRTY XA_MARK_0

/*
 * run[] of the first page of a run: its state, and its length in the low byte. run[] of all other pages is 0.
 */
#define RUN_PAGES     0xffu
#define RUN_LIVE      0x100u
#define RUN_UNMAPPING 0x200u /* a vm_unmap_ram() has claimed it and clears its entries */
#define RUN_DIRTY     0x400u
#define RUN_FLUSHING  0x800u

/* A run of pages in a block: its address and its entries. addr 0: there is none. */
struct vmap_run {
	vaddr_t addr;
	pte_t *ptes;
};

struct vmap_queue {
	spinlock_t lock;	 /* also for all fields of its blocks, except `dirty`, `purge` and `run` */
	bool surplus;		 /* more than GO_ROUND blocks have become wholly clean; a hint */
	struct vmap_block *last; /* the block of the last run; never NULL */
	struct list_head blocks; /* those with clean pages */
	struct list_head marked; /* those with the mark; the one recycled last is the last */
	tlb_stamp_t stamp;	 /* of the runs that were collected last */
	unsigned int flushing;	 /* pages, in all its blocks; read without the lock as a hint */
};

struct vmap_block {
	vaddr_t start;
	pte_t *ptes;
	unsigned int fresh;	 /* pages from here on are clean and were not given out yet */
	unsigned int clean, flushing; /* pages */
	unsigned int whole;	 /* all pages below are flushing, though their runs say dirty */
	/* pages that are dirty or flushing; counted after the run says so, so it may be too low */
	atomic_long_t dirty;
	tlb_stamp_t stamp;	 /* covers the flushing pages, unless a purge does */
	unsigned int first, last; /* the flushing pages are among first ... last - 1 */
	unsigned int longest;	 /* no clean run below fresh is longer; may be too large */
	bool marked;		 /* BLOCK_DIRTY is set, and it is on owner->marked; read without the lock */
	bool in_purge;		 /* the running purge flushes it */
	bool gone;		 /* it is being destroyed */
	struct vmap_queue *owner;
	struct list_head queue;	 /* on owner->blocks; empty when no page is clean */
	struct list_head marks;	 /* on owner->marked; or empty */
	struct list_head purge;	 /* on the list of the running purge */
	struct vm_range *range;
	struct rcu_head rcu;
	DECLARE_BITMAP(taken_map, VMAP_BLOCK_MOST);
	u16 run[VMAP_BLOCK_MOST]; /* VMAP_BLOCK_PAGES of them exist */
};
static_assert(VMAP_MAX_ALLOC <= RUN_PAGES, "lengths of runs are bytes");

/* The next page at which a run may begin, behind clean pages. */
static inline unsigned int step_over_clean(const struct vmap_block *block, unsigned int page)
{
	unsigned long taken;

	page++;
	taken = block->taken_map[page / BITS_PER_LONG] >> page % BITS_PER_LONG;
	return taken ? page + (unsigned int)__builtin_ctzl(taken) : ALIGN(page + 1, BITS_PER_LONG);
}

/*
 * Find the first run at or behind *page and below `end` (`fresh` at most). Returns its run[] and sets *page. 0: there
 * is none. Under the queue's lock.
 */
static inline unsigned int next_run(const struct vmap_block *block, unsigned int *page, unsigned int end)
{
	for (; *page < end; *page = step_over_clean(block, *page)) {
		unsigned int run = READ_ONCE(block->run[*page]);

		if (run)
			return run;
	}
	return 0;
}

/* All runs that begin in pages start ... end - 1. */
#define for_each_run(block, page, run, start, end) \
	for ((page) = (start); ((run) = next_run(block, &(page), end)) != 0; (page) += (run) & RUN_PAGES)

DECLARE_PER_CPU(struct vmap_queue, vmap_queue);
extern struct xarray vmap_blocks;	  /* all live ones, by address */
extern struct vmap_block_counters {
	atomic_long_t created, freed, visits;
} vmap_block_counters;

/* --- vmap_block.c --- */

static inline unsigned long block_index(vaddr_t addr)
{
	return (addr - ALIGN_DOWN(VMALLOC_START, VMAP_BLOCK_SIZE)) >> vmap_block_size.shift;
}

static inline vaddr_t page_addr(const struct vmap_block *block, unsigned int page)
{
	return block->start + page * PAGE_SIZE;
}

/* Make the pages live. Under the queue's lock, or before others can find the block. */
static inline struct vmap_run give_run(struct vmap_block *block, unsigned int page, unsigned int count)
{
	WRITE_ONCE(block->run[page], (u16)(RUN_LIVE + count));
	block->clean -= count;
	return (struct vmap_run){ page_addr(block, page), block->ptes + page };
}

/* Make a block for this queue, with its first `count` pages live. addr 0: no space or memory. May sleep. */
struct vmap_run block_create(struct vmap_queue *queue, unsigned int count);
/* The block is wholly clean: all its pages are fresh again. Under the queue's lock. */
void block_make_fresh(struct vmap_block *block);
/* Take a block that will be destroyed off its queue: it gives no more runs. Under the queue's lock. */
void block_leave_queue(struct vmap_block *block);
/* Destroy a block that is clean and has left its queue. */
void block_destroy(struct vmap_block *block);

/* --- vmap_purge.c --- */

extern struct mutex vmap_purge_lock; /* only a purge destroys blocks, so all stay while this is held */

/*
 * Recycle some of this CPU's blocks: covered pages become clean; dirty runs are collected and wait for the next flush.
 * Calls the background if enough wait. Any context that may take the queue's lock.
 */
void vmap_recycle(struct vmap_queue *queue);
/*
 * Flush all dirty runs and make them clean. reclaim: visit all blocks, and free each one without a mapping. Returns how
 * many blocks it freed. Thread context, may sleep.
 */
unsigned int vmap_purge(bool reclaim);
