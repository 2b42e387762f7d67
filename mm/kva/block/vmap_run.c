/* SPDX-License-Identifier: MIT */
/*
 * vmap blocks: the slow paths. Where a run comes from when the cursor is used up (theory: vmap_block.c; the fast paths:
 * vmap_run.h).
 */
#include "mm/kva/block/vmap_run.h"

static const struct vmap_run no_run;

#define VMAP_SEARCHES 4u /* of bitmaps, that one call makes under one holding of a lock */

/*
 * Find a stretch of `count` clean pages or more in blocks of the queue. Returns the block, and the stretch, *first ...
 * *end - 1. NULL: there is none, or VMAP_SEARCHES blocks have none. Under the queue's lock.
 */
static struct vmap_block *find_clean(struct vmap_queue *queue, unsigned int count, unsigned int *first,
				     unsigned int *end)
{
	for (unsigned int n = 0; n < VMAP_SEARCHES && queue->filled >> (count - 1); n++) {
		struct list_head *longest = &queue->clean[__fls(queue->filled)];
		struct vmap_block *block = list_first_entry(longest, struct vmap_block, queue);

		*first = 0;
		*end = VMAP_BLOCK_USABLE;
		if (block->clean == VMAP_BLOCK_USABLE)
			return block;
		queue->searches++;
		*first = (unsigned int)bitmap_find_run(block->clean_map, VMAP_BLOCK_USABLE, count);
		if (*first < VMAP_BLOCK_USABLE) {
			*end = (unsigned int)find_next_zero_bit(block->clean_map, VMAP_BLOCK_USABLE, *first + count);
			return block;
		}
		block_set_longest(block, count - 1);
	}
	return NULL;
}

/* The cursor goes to a stretch of `count` clean pages or more, and gives the first run. no_run: there is none. */
static struct vmap_run take_stretch(struct vmap_queue *queue, unsigned int count)
{
	unsigned int first, end;
	struct vmap_block *block = find_clean(queue, count, &first, &end);

	if (!block)
		return no_run;
	block_take_clean(block, first, end - first);
	cursor_set(queue, block, first + count, end);
	return give_run(block, first, count);
}

/* A run of this CPU's clean pages, or of those that recycling makes clean. */
static struct vmap_run take_run(unsigned int count)
{
	struct vmap_queue *queue;
	struct vmap_run run;
	bool call = false;

	preempt_disable();
	queue = this_cpu_ptr(&vmap_queue);
	spin_lock(&queue->lock);
	cursor_drop(queue);
	run = take_stretch(queue, count);
	if (!run.addr) {
		call = vmap_recycle(queue);
		run = take_stretch(queue, count);
	}
	spin_unlock(&queue->lock);
	preempt_enable();
	if (call)
		vm_purge_soon();
	return run;
}

/* A run out of any CPU's blocks. */
static struct vmap_run steal_from(struct vmap_queue *queue, unsigned int count)
{
	struct vmap_run run = no_run;
	struct vmap_block *block;
	unsigned int first, end;

	spin_lock(&queue->lock);
	block = find_clean(queue, count, &first, &end);
	if (block) {
		block_take_clean(block, first, count);
		run = give_run(block, first, count);
	}
	spin_unlock(&queue->lock);
	return run;
}

/* No address space or memory for a new block: every block of every CPU is looked at. */
static struct vmap_run steal_run(unsigned int count)
{
	struct vmap_run run = no_run;
	unsigned int cpu;

	vmap_revoke();
	for_each_possible_cpu(cpu) {
		struct vmap_queue *queue = per_cpu_ptr(&vmap_queue, cpu);

		while (!run.addr && READ_ONCE(queue->filled) >> (count - 1))
			run = steal_from(queue, count);
	}
	return run;
}

/* No new block could be made: purge, then try this CPU's blocks, a new block, and all CPUs' blocks. */
static struct vmap_run take_after_purge(unsigned int count)
{
	struct vmap_run run;

	vmap_purge(false);
	run = take_run(count);
	if (!run.addr)
		run = block_create(count);
	return run.addr ? run : steal_run(count);
}

struct vmap_run vmap_run_alloc_slow(unsigned int count)
{
	struct vmap_run run = take_run(count);

	if (!run.addr && READ_ONCE(raw_cpu_ptr(&vmap_queue)->flushing) >= VMAP_MUCH_PAGES) {
		flush_tlb_all();
		run = take_run(count);
	}
	if (!run.addr)
		run = block_create(count);
	return run.addr ? run : take_after_purge(count);
}
