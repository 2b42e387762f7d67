/* SPDX-License-Identifier: MIT */
/* vmap blocks: how dirty pages become clean, blocks go, and vm_unmap_aliases() keeps its promise (theory: vmap_block.c). */
#include "vmap_block.h"

static bool purging;
static DEFINE_MUTEX(purge_lock);

/* From now on the running purge answers for what is dirty in this block. */
static void begin_flush(struct vmap_block *block, struct tlb_batch *batch)
{
	spin_lock(&block->owner->lock);
	if (block->dirty) {
		unsigned int first = find_first_bit(block->dirty_map, VMAP_BLOCK_USABLE);
		unsigned int last = find_last_bit(block->dirty_map, VMAP_BLOCK_USABLE);

		if (!tlb_stamp_covered(block->stamp))
			tlb_batch_add(batch, page_addr(block, first), page_addr(block, last + 1));
		bitmap_copy(block->flushing_map, block->dirty_map, VMAP_BLOCK_PAGES);
		bitmap_zero(block->dirty_map, VMAP_BLOCK_PAGES);
		xa_clear_mark(&vmap_blocks, block_index(block->range->start), BLOCK_DIRTY);
		WRITE_ONCE(block->owner->dirty, block->owner->dirty - block->dirty);
		block->flushing = block->dirty;
		block->dirty = 0;
	}
	spin_unlock(&block->owner->lock);
}

static void make_clean(struct vmap_block *block)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(VMAP_BLOCK_PAGES); i++)
		block->taken_map[i] &= ~block->flushing_map[i];
	bitmap_zero(block->flushing_map, VMAP_BLOCK_PAGES);
	block->clean += block->flushing;
	block->flushing = 0;
	block->longest = VMAP_BLOCK_USABLE;
	if (block->clean == VMAP_BLOCK_USABLE)
		block_make_fresh(block);
	if (block->clean && list_empty(&block->queue))
		list_add_tail(&block->queue, &block->owner->blocks);
}

/* The flush is done. True: the block is off its queue and the caller destroys it. */
static bool end_flush(struct vmap_block *block, bool reclaim)
{
	struct vmap_queue *queue = block->owner;
	bool retire;

	spin_lock(&queue->lock);
	make_clean(block);
	retire = block->clean == VMAP_BLOCK_USABLE && (reclaim || !list_is_singular(&queue->blocks));
	if (retire)
		list_del_init(&block->queue);
	spin_unlock(&queue->lock);
	return retire;
}

/* From now on the running purge answers for all that is dirty. */
static void take_over(void)
{
	WRITE_ONCE(purging, true);
	smp_mb();
	atomic_long_set(&vmap_blocks_stamp, (long)tlb_gen_completed() - 1);
	smp_mb();
}

/* One pass: blocks with dirty pages, or with reclaim all blocks. Returns how many it freed. */
unsigned int vmap_purge(bool reclaim)
{
	struct vmap_block *block, *next;
	struct tlb_batch batch;
	unsigned int freed = 0;
	unsigned long index;
	LIST_HEAD(visited);

	tlb_batch_init(&batch);
	batch.cause = TLB_ALIASES;
	mutex_lock(&purge_lock); /* whoever waits here sleeps, so the flush that it waits for gets through */
	take_over();
	xa_for_each_filtered(&vmap_blocks, index, block, 0, ~0UL, reclaim ? XA_PRESENT : BLOCK_DIRTY) {
		begin_flush(block, &batch);
		list_add(&block->purge, &visited);
		atomic_long_inc(&vmap_block_counters.visits);
	}
	schedule_point("vb:purge");
	tlb_batch_flush(&batch);
	smp_store_release(&purging, false);
	list_for_each_entry_safe(block, next, &visited, purge) {
		if (end_flush(block, reclaim)) {
			block_destroy(block);
			freed++;
		}
	}
	trace(TRACE_PURGE_VMAP_AREA_LAZY, VMALLOC_START, VMALLOC_END, freed);
	mutex_unlock(&purge_lock);
	return freed;
}

void vmap_purge_if_much(void)
{
	unsigned int cpu;
	bool much = false;

	for_each_possible_cpu(cpu)
		much |= READ_ONCE(per_cpu_ptr(&vmap_queue, cpu)->dirty) >= VMAP_FLUSH_PAGES;
	if (much)
		vmap_purge(false);
}

/* The stamp is read first: who sees it set back sees the purge that has done so, or its end. */
static bool is_dirty(void)
{
	tlb_stamp_t stamp = { (unsigned long)atomic_long_read(&vmap_blocks_stamp) };

	smp_rmb();
	return smp_load_acquire(&purging) || !tlb_stamp_covered(stamp);
}

void vm_unmap_aliases(void)
{
	unsigned long since = tlb_oracle_now();

	might_sleep();
	vm_cache_flush();
	if (unlikely(is_dirty()))
		vmap_purge(false);
	tlb_oracle(aliases_closed(since));
}

bool vmap_block_reclaim(void)
{
	return vmap_purge(true) > 0;
}

/* --- reports and checks ----------------------------------------------------------------------------------------- */

void vmap_block_stats(struct vmap_block_stats *out)
{
	out->created = atomic_long_read(&vmap_block_counters.created);
	out->freed = atomic_long_read(&vmap_block_counters.freed);
	out->visits = atomic_long_read(&vmap_block_counters.visits);
	out->live = out->created - out->freed;
}

static unsigned int count_runs(const struct vmap_block *block)
{
	unsigned int nr = 0;

	for (unsigned int page = 0; page < VMAP_BLOCK_PAGES; page++)
		nr += READ_ONCE(block->run[page]) != 0;
	return nr;
}

/* A block can go only in a purge, so it stays while none runs. */
bool vmap_block_next(vaddr_t from, struct vmap_block_info *info)
{
	unsigned long index = block_index(max(from, VMALLOC_START) + VMAP_BLOCK_SIZE - 1);
	struct vmap_block *block;

	mutex_lock(&purge_lock);
	block = xa_find(&vmap_blocks, &index, ~0UL, XA_PRESENT);
	if (block) {
		spin_lock(&block->owner->lock);
		*info = (struct vmap_block_info){
			.start = block->range->start, .end = block->range->end, .clean = block->clean, .live = block->live,
			.dirty = block->dirty, .flushing = block->flushing, .runs = count_runs(block) };
		spin_unlock(&block->owner->lock);
	}
	mutex_unlock(&purge_lock);
	return block != NULL;
}

/* Pages of the runs that the block knows. */
static unsigned int live_pages(const struct vmap_block *block)
{
	unsigned int sum = 0;

	for (unsigned int page = 0; page < VMAP_BLOCK_PAGES; page++)
		sum += block->run[page];
	return sum;
}

static bool block_right(const struct vmap_block *block)
{
	unsigned int reusable = VMAP_BLOCK_PAGES - bitmap_weight(block->taken_map, VMAP_BLOCK_PAGES);

	return block->clean + block->live + block->dirty + block->flushing == VMAP_BLOCK_USABLE &&
	       block->clean == VMAP_BLOCK_USABLE - block->fresh + reusable && block->flushing == 0 &&
	       block->live == live_pages(block) &&
	       block->dirty == bitmap_weight(block->dirty_map, VMAP_BLOCK_PAGES) &&
	       !list_empty(&block->queue) == (block->clean > 0) &&
	       xa_get_mark(&vmap_blocks, block_index(block->range->start), BLOCK_DIRTY) == (block->dirty > 0);
}

/* A queue's count is of its own blocks' pages, whoever unmapped them. */
static unsigned int check_queues(void)
{
	unsigned int cpu, faults = 0;

	for_each_possible_cpu(cpu) {
		const struct vmap_queue *queue = per_cpu_ptr(&vmap_queue, cpu);
		unsigned long index, dirty = 0;
		struct vmap_block *block;

		xa_for_each(&vmap_blocks, index, block)
			dirty += block->owner == queue ? block->dirty : 0;
		if (dirty == queue->dirty)
			continue;
		printk("vmap queue of CPU %u: %lu pages dirty, %u counted\n", cpu, dirty, queue->dirty);
		faults++;
	}
	return faults;
}

unsigned int vmap_block_check(void)
{
	unsigned long index, found = 0;
	struct vmap_block_stats stats;
	struct vmap_block *block;
	unsigned int faults = 0;

	xa_for_each(&vmap_blocks, index, block) {
		found++;
		if (block_right(block))
			continue;
		printk("vmap block %lx: clean %u, live %u, dirty %u, flushing %u do not fit its bitmaps\n",
		       block->range->start, block->clean, block->live, block->dirty, block->flushing);
		faults++;
	}
	vmap_block_stats(&stats);
	if (found != stats.live) {
		printk("vmap blocks: %lu found, %lu counted\n", found, stats.live);
		faults++;
	}
	return faults + check_queues();
}
