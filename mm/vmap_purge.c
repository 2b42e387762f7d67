/* SPDX-License-Identifier: MIT */
/* vmap blocks: how dirty pages become clean, blocks go, and vm_unmap_aliases() keeps its promise (theory: vmap_block.c). */
#include "vmap_block.h"

static bool purging;
static DEFINE_MUTEX(purge_lock);

/* The dirty runs become flushing ones. */
static void collect(struct vmap_block *block)
{
	unsigned int page, run, end = block->fresh;

	block->first = end;
	for_each_run(block, page, run, 0, end) {
		if ((run & ~RUN_PAGES) != RUN_DIRTY)
			continue;
		run &= RUN_PAGES;
		block->first = min(block->first, page);
		block->last = page + run;
		block->flushing += run;
		WRITE_ONCE(block->run[page], (u16)(RUN_FLUSHING | run));
	}
}

/* From now on the running purge answers for what is dirty in this block. */
static void begin_flush(struct vmap_block *block, struct tlb_batch *batch)
{
	spin_lock(&block->owner->lock);
	if (block->marked) {
		WRITE_ONCE(block->marked, false);
		xa_clear_mark(&vmap_blocks, block_index(block->start), BLOCK_DIRTY);
	}
	smp_mb(); /* who makes a run dirty that is not found now sees that there is no mark */
	collect(block);
	if (block->flushing) {
		tlb_batch_add(batch, page_addr(block, block->first), page_addr(block, block->last));
		atomic_long_sub((long)block->flushing, &block->owner->dirty);
	}
	spin_unlock(&block->owner->lock);
}

/* Some runs of the block are live or dirty: what was flushing comes back among them. */
static void return_runs(struct vmap_block *block)
{
	unsigned int page, run;

	for_each_run(block, page, run, block->first, block->last) {
		if ((run & ~RUN_PAGES) != RUN_FLUSHING)
			continue;
		bitmap_clear(block->taken_map, page, run & RUN_PAGES);
		WRITE_ONCE(block->run[page], 0);
	}
	block->longest = VMAP_BLOCK_USABLE;
}

static void make_clean(struct vmap_block *block)
{
	block->clean += block->flushing;
	if (block->clean == VMAP_BLOCK_USABLE)
		block_make_fresh(block);
	else if (block->flushing)
		return_runs(block);
	block->flushing = 0;
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
		block_leave_queue(block);
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
		much |= queue_is_dirty(per_cpu_ptr(&vmap_queue, cpu));
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

/* Counts by state; a run that is being unmapped counts as live. */
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
			info->dirty += pages;
			break;
		case RUN_FLUSHING:
			info->flushing += pages;
			break;
		}
	}
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
		describe(block, info);
		spin_unlock(&block->owner->lock);
	}
	mutex_unlock(&purge_lock);
	return block != NULL;
}

static bool block_right(const struct vmap_block *block, const struct vmap_block_info *info)
{
	unsigned int reusable = VMAP_BLOCK_PAGES - bitmap_weight(block->taken_map, VMAP_BLOCK_PAGES);
	bool marked = xa_get_mark(&vmap_blocks, block_index(block->start), BLOCK_DIRTY);

	return info->clean + info->live + info->dirty + info->flushing == VMAP_BLOCK_USABLE && !info->flushing &&
	       block->clean == VMAP_BLOCK_USABLE - block->fresh + reusable &&
	       !list_empty(&block->queue) == (block->clean > 0) && block->marked <= marked && (!info->dirty || block->marked);
}

/* A queue's count is of its own blocks' pages, whoever unmapped them; on its list are those that have clean ones. */
static bool queue_right(const struct vmap_queue *queue)
{
	struct vmap_block_info info;
	struct vmap_block *block;
	unsigned long index;
	long dirty = 0, usable = 0, listed = 0;

	xa_for_each(&vmap_blocks, index, block) {
		if (block->owner != queue)
			continue;
		describe(block, &info);
		dirty += info.dirty;
		usable += block->clean > 0;
	}
	if (queue->blocks.next)
		list_for_each_entry(block, &queue->blocks, queue)
			listed += block->owner == queue ? 1 : 1000000; /* a foreign one: never right */
	return dirty == atomic_long_read(&queue->dirty) && usable == listed;
}

static unsigned int check_queues(void)
{
	unsigned int cpu, faults = 0;

	for_each_possible_cpu(cpu) {
		if (queue_right(per_cpu_ptr(&vmap_queue, cpu)))
			continue;
		printk("vmap queue of CPU %u: its list or its count of dirty pages does not fit its blocks\n", cpu);
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
		printk("vmap block %lx: clean %u, live %u, dirty %u, flushing %u, fresh %u do not fit its maps\n", info.start,
		       info.clean, info.live, info.dirty, info.flushing, block->fresh);
		faults++;
	}
	vmap_block_stats(&stats);
	if (found != stats.live) {
		printk("vmap blocks: %lu found, %lu counted\n", found, stats.live);
		faults++;
	}
	return faults + check_queues();
}
