/* SPDX-License-Identifier: MIT */
/* vmap blocks: making dirty pages clean, freeing blocks, and vm_unmap_aliases() (theory: vmap_block.c). */
#include "mm/kva/block/vmap_block.h"

static bool purging;
DEFINE_MUTEX(vmap_purge_lock);

#define GO_ROUND       2u /* blocks that a CPU needs: one gives runs, one waits for its flush */
#define RECYCLE_BLOCKS 8u /* blocks that are recycled under one holding of the lock */

/* --- under a queue's lock ----------------------------------------------------------------------------------------- */

static void add_flushing(struct vmap_block *block, unsigned int first, unsigned int last, unsigned int pages)
{
	block->first = block->flushing ? min(block->first, first) : first;
	block->last = block->flushing ? max(block->last, last) : last;
	block->flushing += pages;
	WRITE_ONCE(block->owner->flushing, block->owner->flushing + pages);
}

/* All pages below `fresh` are dirty, and none becomes live before the flush: no need to look at each run. */
static bool collect_whole(struct vmap_block *block)
{
	block->whole = block->fresh;
	add_flushing(block, 0, block->whole, block->whole);
	return block->whole > 0;
}

/* Make all dirty runs flushing. True: there were any. */
static bool collect(struct vmap_block *block)
{
	unsigned int page, run, first, last = 0, pages = 0;

	if (!block->flushing && atomic_long_read_acquire(&block->dirty) == (long)block->fresh)
		return collect_whole(block);
	for_each_run(block, page, run, block->whole, block->fresh)
		if (run & RUN_DIRTY)
			break;
	first = page;
	for_each_run(block, page, run, first, block->fresh) {
		if (!(run & RUN_DIRTY))
			continue;
		WRITE_ONCE(block->run[page], (u16)(run ^ RUN_DIRTY ^ RUN_FLUSHING));
		pages += run & RUN_PAGES;
		last = page + (run & RUN_PAGES);
	}
	if (pages)
		add_flushing(block, first, last, pages);
	return pages > 0;
}

/* Pages from `page` up to `fresh` are clean: make them fresh again, together with clean pages just below. */
static void return_to_fresh(struct vmap_block *block, unsigned int page)
{
	if (unlikely(page && !test_bit(page - 1, block->taken_map))) {
		unsigned int end = page;

		page = (unsigned int)find_last_bit(block->taken_map, end) + 1;
		bitmap_set(block->taken_map, page, end - page);
	}
	block->fresh = page;
}

/* The flushing runs become clean. Other runs of the block are live or dirty. */
static void return_runs(struct vmap_block *block)
{
	unsigned int page, run;

	if (block->whole) { /* runs above `whole` were given out since */
		memset(block->run, 0, block->whole * sizeof(block->run[0]));
		bitmap_clear(block->taken_map, 0, block->whole);
	}
	for_each_run(block, page, run, max(block->first, block->whole), block->last) {
		if (!(run & RUN_FLUSHING))
			continue;
		WRITE_ONCE(block->run[page], 0);
		if (page + (run & RUN_PAGES) == block->fresh)
			return_to_fresh(block, page);
		else
			bitmap_clear(block->taken_map, page, run & RUN_PAGES);
	}
	block->longest = VMAP_BLOCK_USABLE;
}

static void make_clean(struct vmap_block *block)
{
	atomic_long_sub((long)block->flushing, &block->dirty);
	WRITE_ONCE(block->owner->flushing, block->owner->flushing - block->flushing);
	block->clean += block->flushing;
	if (block->clean == VMAP_BLOCK_USABLE)
		block_make_fresh(block);
	else if (block->flushing)
		return_runs(block);
	block->flushing = block->whole = 0;
	if (block->clean && list_empty(&block->queue))
		list_add_tail(&block->queue, &block->owner->blocks);
}

/* Do enough pages wait to be worth a flush? A hint, without the lock. */
static bool flush_is_due(const struct vmap_queue *queue) { return READ_ONCE(queue->flushing) >= VMAP_FLUSH_PAGES; }

/*
 * Covered pages become clean. Then dirty runs are collected under a new stamp, unless enough pages already wait, which
 * a new stamp would put off. True: the block is wholly clean.
 */
static bool recycle(struct vmap_block *block)
{
	if (block->in_purge)
		return false;
	if (block->flushing && tlb_stamp_covered(block->stamp))
		make_clean(block);
	if ((!block->flushing || !flush_is_due(block->owner)) && collect(block))
		block->owner->stamp = block->stamp = tlb_stamp();
	return block->clean == VMAP_BLOCK_USABLE;
}

void vmap_recycle(struct vmap_queue *queue)
{
	struct vmap_block *block, *next;
	unsigned int nr = 0, clean = 0;
	LIST_HEAD(visited);
	bool call;

	spin_lock(&queue->lock);
	list_for_each_entry_safe(block, next, &queue->marked, marks) {
		if (nr++ == RECYCLE_BLOCKS)
			break;
		clean += recycle(block);
		list_move_tail(&block->marks, &visited);
	}
	list_splice_tail_init(&visited, &queue->marked);
	if (clean > GO_ROUND)
		queue->surplus = true;
	call = (flush_is_due(queue) && !tlb_stamp_covered(queue->stamp)) || queue->surplus;
	spin_unlock(&queue->lock);
	if (call)
		vm_purge_soon();
}

static bool vmap_wants_flush(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		const struct vmap_queue *queue = per_cpu_ptr(&vmap_queue, cpu);
		tlb_stamp_t stamp = { READ_ONCE(queue->stamp.gen) }; /* a hint, without the lock */

		if (flush_is_due(queue) && !tlb_stamp_covered(stamp))
			return true;
	}
	return false;
}

/* --- purging ------------------------------------------------------------------------------------------------------ */

/* From now on the running purge flushes what is dirty in this block. */
static void begin_flush(struct vmap_block *block, struct tlb_batch *batch)
{
	spin_lock(&block->owner->lock);
	if (block->marked) {
		WRITE_ONCE(block->marked, false);
		list_del_init(&block->marks);
		xa_clear_mark(&vmap_blocks, block_index(block->start), BLOCK_DIRTY);
	}
	smp_mb(); /* a CPU that makes a run dirty too late for collect() sees that there is no mark */
	collect(block);
	block->in_purge = true;
	if (block->flushing)
		tlb_batch_add(batch, page_addr(block, block->first), page_addr(block, block->last));
	spin_unlock(&block->owner->lock);
}

/* The flush is over. True: the block has left its queue, and the caller destroys it. */
static bool end_flush(struct vmap_block *block, bool reclaim)
{
	struct vmap_queue *queue = block->owner;
	bool retire;

	spin_lock(&queue->lock);
	make_clean(block);
	block->in_purge = false;
	retire = block->clean == VMAP_BLOCK_USABLE && (reclaim || !list_is_singular(&queue->blocks));
	if (retire)
		block_leave_queue(block);
	spin_unlock(&queue->lock);
	return retire;
}

/* From now on the running purge flushes all that is dirty: set the stamp back. */
static void take_over(void)
{
	WRITE_ONCE(purging, true);
	smp_mb();
	atomic_long_set(&vm_stamps.blocks, (long)tlb_gen_completed() - 1);
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
	mutex_lock(&vmap_purge_lock); /* whoever waits here sleeps, so the flush that it waits for gets through */
	take_over();
	xa_for_each_filtered(&vmap_blocks, index, block, 0, ~0UL, reclaim ? XA_PRESENT : BLOCK_DIRTY) {
		begin_flush(block, &batch);
		list_add(&block->purge, &visited);
		atomic_long_inc(&vmap_block_counters.visits);
		if (!reclaim && !xa_marked(&vmap_blocks, BLOCK_DIRTY))
			break; /* that was the last one; what is marked from now on is not this purge's */
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
	mutex_unlock(&vmap_purge_lock);
	return freed;
}

static void vmap_free_surplus(void)
{
	bool surplus = false;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct vmap_queue *queue = per_cpu_ptr(&vmap_queue, cpu);

		if (!READ_ONCE(queue->surplus))
			continue;
		WRITE_ONCE(queue->surplus, false);
		surplus = true;
	}
	if (surplus)
		vmap_purge(false);
}

/* The stamp is read first: a CPU that sees it set back also sees `purging`, or that the purge has flushed. */
static bool is_dirty(void)
{
	bool covered = vm_stamp_covered(&vm_stamps.blocks);

	return smp_load_acquire(&purging) || !covered;
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

static bool vmap_block_reclaim(void)
{
	return vmap_purge(true) > 0;
}

const struct vm_keeper vmap_block_keeper = {
	.reclaim = vmap_block_reclaim, .wants_flush = vmap_wants_flush, .flushed = vmap_free_surplus,
};
