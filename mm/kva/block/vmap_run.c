/* SPDX-License-Identifier: MIT */
/*
 * vmap blocks: the slow paths. Where a run comes from when the current block has no fresh pages, and how a block is
 * marked dirty (theory: vmap_block.c; the fast paths: vmap_run.h).
 */
#include "mm/kva/block/vmap_run.h"

/* An empty list points to itself, so a static per-CPU initializer cannot make one. Under the queue's lock. */
static void init_lists(struct vmap_queue *queue)
{
	if (queue->blocks.next)
		return;
	INIT_LIST_HEAD(&queue->blocks);
	INIT_LIST_HEAD(&queue->marked);
}

static const struct vmap_run no_run;

/* Find and take clean pages below `fresh`. False: no run of them is long enough. */
static bool find_clean(struct vmap_block *block, unsigned int count, unsigned int *page)
{
	if (block->longest < count)
		return false;
	*page = (unsigned int)bitmap_find_next_zero_area(block->taken_map, VMAP_BLOCK_USABLE, 0, count, 0);
	if (*page >= VMAP_BLOCK_USABLE) {
		block->longest = count - 1;
		return false;
	}
	bitmap_set(block->taken_map, *page, count);
	return true;
}

/* Make the first clean run that is long enough live. no_run: none is. Under the queue's lock. */
static struct vmap_run take_run(struct vmap_block *block, unsigned int count)
{
	unsigned int page = block->fresh;
	struct vmap_run run;

	if (page + count <= VMAP_BLOCK_USABLE)
		block->fresh += count;
	else if (!find_clean(block, count, &page))
		return no_run;
	run = give_run(block, page, count);
	if (!block->clean)
		list_del_init(&block->queue);
	return run;
}

/* A clean run of any block of one queue. */
static struct vmap_run take_from_queue(struct vmap_queue *queue, unsigned int count)
{
	struct vmap_run run = no_run;
	struct vmap_block *block;

	spin_lock(&queue->lock);
	init_lists(queue);
	list_for_each_entry(block, &queue->blocks, queue) {
		run = take_run(block, count);
		if (run.addr) {
			queue->last = block;
			break;
		}
	}
	spin_unlock(&queue->lock);
	return run;
}

/* No address space or memory for a new block: take a run from any CPU's blocks. */
static struct vmap_run steal_run(unsigned int count)
{
	struct vmap_run run = no_run;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		run = take_from_queue(per_cpu_ptr(&vmap_queue, cpu), count);
		if (run.addr)
			break;
	}
	return run;
}

static struct vmap_run take_recycled(struct vmap_queue *queue, unsigned int count)
{
	vmap_recycle(queue);
	return take_from_queue(queue, count);
}

/* No new block could be made: purge, then try this CPU's blocks, a new block, and all CPUs' blocks. */
static struct vmap_run take_after_purge(struct vmap_queue *queue, unsigned int count)
{
	struct vmap_run run;

	vmap_purge(false);
	run = take_from_queue(queue, count);
	if (!run.addr)
		run = block_create(queue, count);
	return run.addr ? run : steal_run(count);
}

struct vmap_run vmap_run_alloc_slow(struct vmap_queue *queue, unsigned int count)
{
	struct vmap_run run = take_from_queue(queue, count);

	if (!run.addr)
		run = take_recycled(queue, count);
	if (!run.addr && READ_ONCE(queue->flushing) >= VMAP_MUCH_PAGES) {
		flush_tlb_all();
		run = take_recycled(queue, count);
	}
	if (!run.addr)
		run = block_create(queue, count);
	return run.addr ? run : take_after_purge(queue, count);
}

/* The first run since the last purge has become dirty. (If the block is gone, the purge has found the run.) */
void vmap_block_mark(struct vmap_block *block)
{
	spin_lock(&block->owner->lock);
	if (!block->marked && !block->gone) {
		xa_set_mark(&vmap_blocks, block_index(block->start), BLOCK_DIRTY);
		list_add_tail(&block->marks, &block->owner->marked);
		WRITE_ONCE(block->marked, true);
	}
	spin_unlock(&block->owner->lock);
	smp_mb(); /* before the look at vm_stamps.blocks: see 4 */
}
