/* SPDX-License-Identifier: MIT */
/* vmap blocks: statistics, and the check that counts, lists and bitmaps agree (theory: vmap_block.c). */
#include "mm/kva/block/vmap_block.h"

void vmap_block_stats(struct vmap_block_stats *out)
{
	out->created = atomic_long_read(&vmap_block_counters.created);
	out->freed = atomic_long_read(&vmap_block_counters.freed);
	out->visits = atomic_long_read(&vmap_block_counters.visits);
	out->live = out->created - out->freed;
	out->usable = VMAP_BLOCK_USABLE;
}

/* Count the pages by state. A run that is being unmapped counts as live. */
static void describe(const struct vmap_block *block, struct vmap_block_info *info)
{
	unsigned int page, run;

	*info = (struct vmap_block_info){ .start = block->start, .end = block->range->end, .clean = block->clean };
	for_each_run(block, page, run, 0, block->fresh) {
		unsigned int pages = run & RUN_PAGES;

		switch (run & ~RUN_PAGES) {
		case RUN_LIVE:
		case RUN_UNMAPPING:
			info->runs++;
			info->live += pages;
			break;
		case RUN_DIRTY:
			*(page < block->whole ? &info->flushing : &info->dirty) += pages;
			break;
		case RUN_FLUSHING:
			info->flushing += pages;
			break;
		}
	}
}

/* Only a purge destroys blocks, so the purge lock keeps the block. */
bool vmap_block_next(vaddr_t from, struct vmap_block_info *info)
{
	unsigned long index = block_index(max(from, VMALLOC_START) + VMAP_BLOCK_SIZE - 1);
	struct vmap_block *block;

	mutex_lock(&vmap_purge_lock);
	block = xa_find(&vmap_blocks, &index, ~0UL, XA_PRESENT);
	if (block) {
		spin_lock(&block->owner->lock);
		describe(block, info);
		spin_unlock(&block->owner->lock);
	}
	mutex_unlock(&vmap_purge_lock);
	return block != NULL;
}

static bool block_right(const struct vmap_block *block, const struct vmap_block_info *info)
{
	unsigned int reusable = VMAP_BLOCK_PAGES - bitmap_weight(block->taken_map, VMAP_BLOCK_PAGES);
	bool marked = xa_get_mark(&vmap_blocks, block_index(block->start), BLOCK_DIRTY);

	return info->clean + info->live + info->dirty + info->flushing == VMAP_BLOCK_USABLE &&
	       info->flushing == block->flushing &&
	       atomic_long_read(&block->dirty) == (long)(info->dirty + info->flushing) && !block->in_purge &&
	       !block->gone && block->clean == VMAP_BLOCK_USABLE - block->fresh + reusable &&
	       (!block->fresh || test_bit(block->fresh - 1, block->taken_map)) &&
	       !list_empty(&block->queue) == (block->clean > 0) && !list_empty(&block->marks) == block->marked &&
	       block->marked <= marked && (!info->dirty || block->marked);
}

static unsigned int length(const struct list_head *list)
{
	const struct list_head *at;
	unsigned int nr = 0;

	list_for_each(at, list)
		nr++;
	return nr;
}

/* Do the queue's count and lists agree with the blocks that it owns? */
static bool queue_right(const struct vmap_queue *queue)
{
	struct vmap_block *block;
	unsigned long index;
	unsigned int usable = 0, marked = 0, flushing = 0;

	xa_for_each(&vmap_blocks, index, block) {
		if (block->owner != queue)
			continue;
		flushing += block->flushing;
		usable += !list_empty(&block->queue);
		marked += !list_empty(&block->marks);
	}
	return flushing == queue->flushing &&
	       (!queue->blocks.next || (length(&queue->blocks) == usable && length(&queue->marked) == marked));
}

static unsigned int check_queues(void)
{
	unsigned int cpu, faults = 0;

	for_each_possible_cpu(cpu) {
		if (queue_right(per_cpu_ptr(&vmap_queue, cpu)))
			continue;
		printk("vmap queue of CPU %u: its lists or its count of pages that wait do not fit its blocks\n", cpu);
		faults++;
	}
	return faults;
}

unsigned int vmap_block_check(void)
{
	unsigned long index, found = 0;
	struct vmap_block_stats stats;
	struct vmap_block_info info;
	struct vmap_block *block;
	unsigned int faults = 0;

	xa_for_each(&vmap_blocks, index, block) {
		found++;
		describe(block, &info);
		if (block_right(block, &info))
			continue;
		printk("vmap block %lx: clean %u, live %u, dirty %u, flushing %u, fresh %u do not fit its maps\n",
		       info.start, info.clean, info.live, info.dirty, info.flushing, block->fresh);
		faults++;
	}
	vmap_block_stats(&stats);
	if (found != stats.live) {
		printk("vmap blocks: %lu found, %lu counted\n", found, stats.live);
		faults++;
	}
	return faults + check_queues();
}
