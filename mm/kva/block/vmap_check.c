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

/* Pages of the block that are set aside for its CPU's next runs. Under the queue's lock. */
static unsigned int in_cursor(const struct vmap_block *block)
{
	return block->owner->current_block == block ? cursor_pages(block->owner) : 0;
}

/* Count the pages by state. Pages that are being unmapped count as live. Under the queue's lock. */
static void describe(const struct vmap_block *block, struct vmap_block_info *info)
{
	*info = (struct vmap_block_info){ .start = block->start, .end = block->range->end };
	info->clean = block->clean + in_cursor(block);
	info->dirty = bitmap_weight(block->dirty_map, VMAP_BLOCK_PAGES);
	info->flushing = block->flushing;
	info->live = VMAP_BLOCK_USABLE - info->clean - info->dirty - info->flushing;
	for (unsigned int page = 0; page < VMAP_BLOCK_USABLE; page++)
		info->runs += READ_ONCE(block->run[page]) != 0;
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

/* Add pages to those that were seen. False: one of them was seen before. */
static bool see(unsigned long *seen, unsigned int page, unsigned int count)
{
	if (page + count > VMAP_BLOCK_USABLE || find_next_bit(seen, page + count, page) != page + count)
		return false;
	bitmap_set(seen, page, count);
	return true;
}

static bool see_map(unsigned long *seen, const unsigned long *map, unsigned int expected)
{
	unsigned long page;

	for_each_set_bit(page, map, VMAP_BLOCK_PAGES)
		if (!see(seen, (unsigned int)page, 1))
			return false;
	return bitmap_weight(map, VMAP_BLOCK_PAGES) == expected;
}

/* At a quiet moment each page but the guard is in one map, in the cursor or in a live run, and in no second one. */
static bool pages_right(const struct vmap_block *block, const struct vmap_block_info *info)
{
	unsigned int cursor = in_cursor(block), page;
	DECLARE_BITMAP(seen, VMAP_BLOCK_MOST) = { 0 };

	if (cursor && !see(seen, block->owner->next, cursor))
		return false;
	for (page = 0; page < VMAP_BLOCK_PAGES; page++)
		if (!see(seen, page, block->run[page]))
			return false;
	return see_map(seen, block->clean_map, block->clean) && see_map(seen, block->dirty_map, info->dirty) &&
	       see_map(seen, block->flushing_map, block->flushing) &&
	       bitmap_weight(seen, VMAP_BLOCK_PAGES) == VMAP_BLOCK_USABLE;
}

static bool block_right(const struct vmap_block *block, const struct vmap_block_info *info)
{
	unsigned int longer = block->longest + 1;

	return pages_right(block, info) && !block->in_purge && !block->gone &&
	       !list_empty(&block->marks) == block->marked && (!info->dirty || block->marked) &&
	       !block->longest == !block->clean && block->longest <= min(block->clean, (unsigned int)VMAP_MAX_ALLOC) &&
	       (longer > VMAP_MAX_ALLOC ||
		bitmap_find_run(block->clean_map, VMAP_BLOCK_USABLE, longer) == VMAP_BLOCK_USABLE);
}

static unsigned int length(const struct list_head *list)
{
	const struct list_head *at;
	unsigned int nr = 0;

	list_for_each(at, list)
		nr++;
	return nr;
}

/* Do the lists of blocks with clean pages have as many as there are, each on the list where it belongs? */
static bool lists_right(const struct vmap_queue *queue, unsigned int usable)
{
	struct vmap_block *block;
	unsigned long list;

	for_each_set_bit(list, &queue->filled, VMAP_MAX_ALLOC) {
		if (list_empty(&queue->clean[list]))
			return false;
		list_for_each_entry(block, &queue->clean[list], queue) {
			if (block->owner != queue || block->longest != list + 1)
				return false;
			usable--;
		}
	}
	return !usable;
}

/* Do the queue's count, cursor and lists agree with the blocks that it owns? */
static bool queue_right(const struct vmap_queue *queue)
{
	struct vmap_block *block;
	unsigned long index;
	unsigned int usable = 0, marked = 0, flushing = 0;

	xa_for_each(&vmap_blocks, index, block) {
		if (block->owner != queue)
			continue;
		flushing += block->flushing;
		usable += block->longest > 0;
		marked += !list_empty(&block->marks);
	}
	return flushing == queue->flushing && queue->next <= queue->limit && queue->end == queue->limit &&
	       (queue->marked.next ? length(&queue->marked) : 0) == marked && lists_right(queue, usable);
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
		printk("vmap block %lx: clean %u, live %u, dirty %u, flushing %u, longest %u do not fit its maps\n",
		       info.start, info.clean, info.live, info.dirty, info.flushing, block->longest);
		faults++;
	}
	vmap_block_stats(&stats);
	if (found != stats.live) {
		printk("vmap blocks: %lu found, %lu counted\n", found, stats.live);
		faults++;
	}
	return faults + check_queues();
}
