/* SPDX-License-Identifier: MIT */
/* What the files vmap_*.c share with each other and with nobody else. Theory: vmap_block.c. */
#pragma once

#include "mm/kva/area/area.h"
#include "mm/kva/block/block.h"

/*
 * How large blocks are, a power of two, is decided at boot: as much as one page table maps, but 128 of them fit into the arena,
 * so that those of eight CPUs, of which two go round on each, take no more than an eighth of it. At least seven of the longest
 * runs fit into a block, however small the arena is: fewer would be a flush for each.
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
/* A CPU that is out of clean pages and has so many that wait for a flush calls the background; with MUCH it flushes itself. */
#define VMAP_FLUSH_PAGES  (VMAP_BLOCK_PAGES / 2)
#define VMAP_MUCH_PAGES	  (VMAP_BLOCK_PAGES / 2 * 3)

#define BLOCK_DIRTY XA_MARK_0

/*
 * What stands in run[] for the first page of a run: its state, and its length in the low byte. For its other pages, and where
 * no run is, it is 0.
 */
#define RUN_PAGES     0xffu
#define RUN_LIVE      0x100u
#define RUN_UNMAPPING 0x200u /* somebody has claimed it and empties its entries */
#define RUN_DIRTY     0x400u
#define RUN_FLUSHING  0x800u

/* A run of pages in a block, and the entries of the first one and those behind it. addr 0: there is none. */
struct vmap_run {
	vaddr_t addr;
	pte_t *ptes;
};

struct vmap_queue {
	spinlock_t lock;	 /* all fields of its blocks too, but `dirty`, `purge` and `run` */
	bool surplus;		 /* more blocks have become clean than go round; a hint */
	struct vmap_block *last; /* from which the last run came; never NULL */
	struct list_head blocks; /* with clean pages */
	struct list_head marked; /* whose mark is set; who was recycled last is last */
	tlb_stamp_t stamp;	 /* of what was collected last */
	unsigned int flushing;	 /* pages, in all its blocks; read without the lock as a hint */
};

struct vmap_block {
	vaddr_t start;
	pte_t *ptes;
	unsigned int fresh;
	unsigned int clean, flushing; /* pages */
	unsigned int whole;	 /* all pages below are flushing, though their runs say dirty */
	atomic_long_t dirty;	 /* pages that are dirty or flushing; counted after the run says so, so it may be too low */
	tlb_stamp_t stamp;	 /* covers what is flushing, unless a purge does */
	unsigned int first, last; /* what is flushing lies between them: pages first ... last - 1 */
	unsigned int longest;	 /* no clean run below fresh is longer; may be too large */
	bool marked;		 /* BLOCK_DIRTY is set, and it is on owner->marked; read without the lock */
	bool in_purge;		 /* what is flushing is the running purge's */
	bool gone;		 /* is being destroyed */
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

/* The next page that may have a run: those that are clean are stepped over. */
static inline unsigned int step_over_clean(const struct vmap_block *block, unsigned int page)
{
	unsigned long taken;

	page++;
	taken = block->taken_map[page / BITS_PER_LONG] >> page % BITS_PER_LONG;
	return taken ? page + (unsigned int)__builtin_ctzl(taken) : ALIGN(page + 1, BITS_PER_LONG);
}

/*
 * The first run at or behind *page, and in front of `end` (fresh at most): what stands in run[], and *page is where. 0: there is
 * none. Under the queue's lock.
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

/* The pages become live. Under the queue's lock, or before anybody knows the block. */
static inline struct vmap_run give_run(struct vmap_block *block, unsigned int page, unsigned int count)
{
	WRITE_ONCE(block->run[page], (u16)(RUN_LIVE + count));
	block->clean -= count;
	return (struct vmap_run){ page_addr(block, page), block->ptes + page };
}

/* A new block of this CPU's queue, with its first `count` pages live. addr 0: no space or memory. Thread context, may sleep. */
struct vmap_run block_create(struct vmap_queue *queue, unsigned int count);
/* Wholly clean: everything is fresh again. Under the queue's lock. */
void block_make_fresh(struct vmap_block *block);
/* The block is to be destroyed: nobody gets a run of it any more. Under the queue's lock. */
void block_leave_queue(struct vmap_block *block);
/* The end of a block that is clean and has left its queue. */
void block_destroy(struct vmap_block *block);

/* --- vmap_purge.c --- */

extern struct mutex vmap_purge_lock; /* blocks go only in a purge, so while this is held all stay */

/*
 * A CPU takes back what flushes have covered in its own blocks, and what is dirty there waits for the next flush, which is
 * ordered. Any context that may take the queue's lock.
 */
void vmap_recycle(struct vmap_queue *queue);
/*
 * Flush what is dirty and make it clean; with reclaim visit all blocks and free every one that holds no mapping. Returns
 * how many it freed. Thread context, may sleep.
 */
unsigned int vmap_purge(bool reclaim);
