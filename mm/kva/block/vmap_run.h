/* SPDX-License-Identifier: MIT */
/* Taking runs of pages out of blocks and giving them back: the fast paths of vm_map_ram() (theory: vmap_block.c). */
#pragma once

#include "mm/kva/block/vmap_block.h"

/* --- out -------------------------------------------------------------------------------------------------------- */

/*
 * `count` (<= VMAP_MAX_ALLOC) pages of this CPU's cursor. False: it has not so many. The cursor is this CPU's alone, so
 * with preemption off, as it is here, there is no need of a lock.
 */
static __always_inline bool vmap_run_take(unsigned int count, struct vmap_run *run)
{
	struct vmap_queue *queue = this_cpu_ptr(&vmap_queue);
	unsigned int page = queue->next;

	if (unlikely(page + count > READ_ONCE(queue->end)))
		return false;
	WRITE_ONCE(queue->next, page + count);
	*run = give_run(queue->current_block, page, count);
	return true;
}

/* A run from any source: other blocks, recycled pages, a new block, a purge. No run: no space or memory. */
struct vmap_run vmap_run_alloc_slow(unsigned int count);

/* --- back -------------------------------------------------------------------------------------------------------- */

/* Which page of the block begins at addr? None: VMAP_BLOCK_PAGES or more. */
static inline unsigned long block_page(const struct vmap_block *block, vaddr_t addr)
{
	unsigned long offset = addr - block->start;

	return offset >> PAGE_SHIFT | offset << (BITS_PER_LONG - PAGE_SHIFT); /* a remainder ends up in the top bits */
}

/* The pages lie in one word of the map, or in two. Ends with a full barrier. */
static __always_inline void set_dirty(struct vmap_block *block, unsigned long page, unsigned int count)
{
	unsigned long *word = &block->dirty_map[page / BITS_PER_LONG], pages = ~0UL >> -count % BITS_PER_LONG;
	unsigned int at = page % BITS_PER_LONG;

	__atomic_fetch_or(word, pages << at, __ATOMIC_SEQ_CST);
	if (unlikely(at + count > BITS_PER_LONG))
		__atomic_fetch_or(word + 1, pages >> (BITS_PER_LONG - at), __ATOMIC_SEQ_CST);
}

/*
 * Unmap the run of exactly these pages and make them dirty. False: there is no such run, and nothing has changed.
 * Preemption is off. The caller looks whether the block has its mark, then notes the stamp.
 */
static __always_inline bool vmap_run_unmap(struct vmap_block *block, unsigned long page, unsigned int count)
{
	u8 run = (u8)count;

	if (unlikely(page >= VMAP_BLOCK_PAGES || !try_cmpxchg(&block->run[page], &run, (u8)0)))
		return false;
	if (CONFIG_KASAN)
		kasan_take((void *)(block->start + (page << PAGE_SHIFT)), (size_t)count << PAGE_SHIFT,
			   KASAN_VMALLOC_FREE);
	pte_clear_run(block->ptes + page, count);
	schedule_point("vb:unmapped");
	set_dirty(block, page, count);
	schedule_point("vb:dirty");
	return true;
}
