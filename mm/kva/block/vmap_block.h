/* SPDX-License-Identifier: MIT */
/* Shared by the files of this folder only. Theory: vmap_block.c. */
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

/* A run of pages in a block: its address and its entries. addr 0: there is none. */
struct vmap_run {
	vaddr_t addr;
	pte_t *ptes;
};

/*
 * A CPU's blocks, and its cursor: pages next ... limit - 1 of `current_block`. Only this CPU takes pages out of the
 * cursor, by `next`, with preemption off and without the lock. Other changes of the cursor are made under the lock, by
 * this CPU or by vmap_revoke(). All other fields but `surplus` are written under the lock.
 */
struct vmap_queue {
	struct vmap_block *current_block; /* never NULL */
	unsigned int next;	 /* the page that is given out next */
	unsigned int end;	 /* limit; 0: the cursor has been revoked */
	unsigned int limit;
	spinlock_t lock;	 /* also for all fields of its blocks, except `dirty_map`, `visit` and `run` */
	bool surplus;		 /* more than GO_ROUND blocks have become wholly clean; a hint */
	unsigned int flushing;	 /* pages, in all its blocks; read without the lock as a hint */
	tlb_stamp_t stamp;	 /* of the runs that were collected last */
	struct list_head marked; /* blocks with the mark; those that were recycled go to the end */
	struct list_head visiting; /* blocks with the mark that the running purge is about to visit */
	unsigned long searches;	 /* of bitmaps of clean pages */
	unsigned long filled;	 /* bit n: clean[n] is not empty. Clear: clean[n] may be anything */
	struct list_head clean[VMAP_MAX_ALLOC]; /* blocks with clean pages, by `longest` - 1 */
};

/* A page is in one of the maps, in its CPU's cursor, or live (which includes that it is being unmapped). */
struct vmap_block {
	vaddr_t start;
	pte_t *ptes;
	bool marked;		 /* it is on owner->marked or owner->visiting; read without the lock */
	bool in_purge;		 /* the running purge flushes it */
	bool gone;		 /* it is being destroyed */
	unsigned int clean, flushing; /* pages in these maps */
	unsigned int longest;	 /* no run in clean_map is longer, VMAP_MAX_ALLOC at most; may be too large */
	unsigned int first, last; /* the flushing pages are among first ... last - 1 */
	tlb_stamp_t stamp;	 /* covers the flushing pages, unless a purge does */
	struct vmap_queue *owner;
	struct list_head queue;	 /* on owner->clean[longest - 1]; on none if no page is in clean_map */
	struct list_head marks;	 /* on owner->marked or owner->visiting; or empty */
	struct list_head visit;	 /* on a list of the running purge */
	struct vm_range *range;
	struct rcu_head rcu;
	DECLARE_BITMAP(dirty_map, VMAP_BLOCK_MOST); /* bits are set by any CPU, without the lock */
	DECLARE_BITMAP(clean_map, VMAP_BLOCK_MOST);
	DECLARE_BITMAP(flushing_map, VMAP_BLOCK_MOST);
	u8 run[VMAP_BLOCK_MOST]; /* length of the live run that begins there, or 0; VMAP_BLOCK_PAGES of them exist */
};
static_assert(VMAP_MAX_ALLOC <= 0xff, "lengths of runs are bytes");
static_assert(VMAP_MAX_ALLOC <= BITS_PER_LONG, "a run lies in two words of a map");

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

/* Words of each map that are in use. */
static inline unsigned int block_words(void) { return VMAP_BLOCK_PAGES / BITS_PER_LONG; }

/* Make the pages, which are in no map, live. */
static inline struct vmap_run give_run(struct vmap_block *block, unsigned int page, unsigned int count)
{
	WRITE_ONCE(block->run[page], (u8)count);
	return (struct vmap_run){ page_addr(block, page), block->ptes + page };
}

/*
 * The pages become clean (take_clean(): are clean, and leave the map), and the block goes to the list where it belongs.
 * Under the queue's lock.
 */
void block_put_clean(struct vmap_block *block, unsigned int page, unsigned int count);
void block_take_clean(struct vmap_block *block, unsigned int page, unsigned int count);
/* Pages were added to clean_map, or a search has shown how long the runs in it are at most. Under the queue's lock. */
void block_set_longest(struct vmap_block *block, unsigned int longest);
/* Pages in the queue's cursor; a hint for other CPUs. Under the queue's lock. */
static inline unsigned int cursor_pages(const struct vmap_queue *queue)
{
	return queue->limit - READ_ONCE(queue->next);
}
/* Pages next ... limit - 1 of the block are the cursor now; they are in no map. Under the queue's lock. */
static inline void cursor_set(struct vmap_queue *queue, struct vmap_block *block, unsigned int next, unsigned int limit)
{
	WRITE_ONCE(queue->current_block, block);
	WRITE_ONCE(queue->next, next);
	queue->limit = limit;
	WRITE_ONCE(queue->end, limit);
}
/* The cursor's pages are clean pages of its block again. Its CPU, or who has revoked it; under the queue's lock. */
void cursor_drop(struct vmap_queue *queue);
/* Mark a block, in which a page has become dirty. Takes the queue's lock. */
void vmap_block_mark(struct vmap_block *block);
/* Make a block for this CPU, with its first `count` pages live. addr 0: no space or memory. May sleep. */
struct vmap_run block_create(unsigned int count);
/* Take a block that will be destroyed off its queue: it gives no more runs. Under the queue's lock. */
void block_leave_queue(struct vmap_block *block);
/* Destroy a block that is clean and has left its queue. */
void block_destroy(struct vmap_block *block);

/* --- vmap_purge.c --- */

extern struct mutex vmap_purge_lock; /* only a purge destroys blocks, so all stay while this is held */

#define VMAP_AT_ONCE 8u /* blocks that are visited under one holding of a queue's lock */

/*
 * Recycle some of the queue's blocks: covered pages become clean; dirty ones are collected and wait for the next flush.
 * True: enough wait for a flush, or there are clean blocks to free, so the caller calls the background. Under the
 * queue's lock.
 */
bool vmap_recycle(struct vmap_queue *queue);
/* All CPUs' cursors become clean pages of their blocks again. Thread context, may sleep. */
void vmap_revoke(void);
/*
 * Flush all dirty runs and make them clean. reclaim: visit all blocks, and free each one without a mapping. Returns how
 * many blocks it freed. Thread context, may sleep.
 */
unsigned int vmap_purge(bool reclaim);
