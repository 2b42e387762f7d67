/* SPDX-License-Identifier: MIT */
/* vmap blocks: making dirty pages clean, freeing blocks, and vm_unmap_aliases() (theory: vmap_block.c). */
#include "mm/kva/block/vmap_block.h"

static bool purging;
DEFINE_MUTEX(vmap_purge_lock);

#define GO_ROUND 2u /* blocks that a CPU needs: one gives runs, one waits for its flush */

/* --- under a queue's lock ----------------------------------------------------------------------------------------- */

static void add_flushing(struct vmap_block *block, unsigned int first, unsigned int last, unsigned int pages)
{
	block->first = block->flushing ? min(block->first, first) : first;
	block->last = block->flushing ? max(block->last, last) : last;
	block->flushing += pages;
	WRITE_ONCE(block->owner->flushing, block->owner->flushing + pages);
}

/* Make the dirty pages of a word of the maps flushing. There are some. Returns how many. */
static unsigned int collect_word(unsigned long *dirty_map, unsigned long *flushing_map)
{
	unsigned long dirty = READ_ONCE(*dirty_map);

	if (~dirty)
		dirty = xchg(dirty_map, 0ul);
	else
		WRITE_ONCE(*dirty_map, 0ul); /* the word is full, so nobody adds to it */
	*flushing_map |= dirty;
	return (unsigned int)hweight_long(dirty);
}

/* Make all dirty pages flushing. True: there were any. */
static bool collect(struct vmap_block *block)
{
	unsigned int words = block_words(), first = words, last = 0, pages = 0;

	for (unsigned int i = 0; i < words; i++) {
		if (!READ_ONCE(block->dirty_map[i]))
			continue;
		pages += collect_word(&block->dirty_map[i], &block->flushing_map[i]);
		first = min(first, i);
		last = i;
	}
	if (!pages)
		return false;
	add_flushing(block, first * BITS_PER_LONG + (unsigned int)__ffs(block->flushing_map[first]),
		     last * BITS_PER_LONG + (unsigned int)__fls(block->flushing_map[last]) + 1, pages);
	return true;
}

static void make_clean(struct vmap_block *block)
{
	if (!block->flushing)
		return;
	for (unsigned int i = BIT_WORD(block->first); i <= BIT_WORD(block->last - 1); i++) {
		block->clean_map[i] |= block->flushing_map[i];
		block->flushing_map[i] = 0;
	}
	block->clean += block->flushing;
	WRITE_ONCE(block->owner->flushing, block->owner->flushing - block->flushing);
	block->flushing = 0;
	block_set_longest(block, VMAP_MAX_ALLOC);
}

static void drop_mark(struct vmap_block *block)
{
	WRITE_ONCE(block->marked, false);
	list_del_init(&block->marks);
}

/* Do enough pages wait to be worth a flush? A hint, without the lock. */
static bool flush_is_due(const struct vmap_queue *queue) { return READ_ONCE(queue->flushing) >= VMAP_FLUSH_PAGES; }

/*
 * Covered pages become clean. Then dirty pages are collected under a new stamp; not while pages of this block wait and
 * a flush is due, because a new stamp would put them off. True: the block is wholly clean.
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

/* Has a block that was recycled nothing that a purge could flush or free? Then it loses its mark. */
static bool loses_mark(struct vmap_block *block)
{
	if (block->in_purge || block->flushing || block->clean == VMAP_BLOCK_USABLE)
		return false;
	drop_mark(block);
	smp_mb(); /* a CPU that makes a page dirty from now on sees that there is no mark */
	if (bitmap_empty(block->dirty_map, VMAP_BLOCK_PAGES))
		return true;
	WRITE_ONCE(block->marked, true);
	return false;
}

bool vmap_recycle(struct vmap_queue *queue)
{
	struct vmap_block *block, *next;
	unsigned int nr = 0, clean = 0;
	LIST_HEAD(visited);

	if (!queue->marked.next)
		return false;
	list_for_each_entry_safe(block, next, &queue->marked, marks) {
		if (nr++ == VMAP_AT_ONCE)
			break;
		clean += recycle(block);
		if (!loses_mark(block))
			list_move_tail(&block->marks, &visited);
	}
	list_splice_tail_init(&visited, &queue->marked);
	if (clean > GO_ROUND)
		queue->surplus = true;
	return (flush_is_due(queue) && !tlb_stamp_covered(queue->stamp)) || queue->surplus;
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

/*
 * Take up to VMAP_AT_ONCE of the blocks that this purge visits in the queue. From now on it flushes what is dirty in
 * them. Adds them to `visited`, and returns how many. Under the queue's lock.
 */
static unsigned int begin_some(struct vmap_queue *queue, struct tlb_batch *batch, struct list_head *visited)
{
	struct vmap_block *block, *some[VMAP_AT_ONCE];
	unsigned int nr = 0;

	while (nr < VMAP_AT_ONCE && !list_empty(&queue->visiting)) {
		block = some[nr++] = list_first_entry(&queue->visiting, struct vmap_block, marks);
		drop_mark(block);
	}
	smp_mb(); /* a CPU that makes a page dirty too late for collect() sees that there is no mark */
	for (unsigned int i = 0; i < nr; i++) {
		block = some[i];
		collect(block);
		block->in_purge = true;
		if (block->flushing && !batch->all)
			tlb_batch_add(batch, page_addr(block, block->first), page_addr(block, block->last));
		list_add_tail(&block->visit, visited);
	}
	return nr;
}

/* Visit the blocks that are marked now. What is marked from now on is not this purge's. Returns how many. */
static long begin_flush(struct vmap_queue *queue, struct tlb_batch *batch, struct list_head *visited)
{
	long visits;

	if (!READ_ONCE(queue->marked.next) || list_empty(&queue->marked)) /* see 4: then the stamp is raised again */
		return 0;
	spin_lock(&queue->lock);
	INIT_LIST_HEAD(&queue->visiting);
	list_splice_tail_init(&queue->marked, &queue->visiting);
	visits = begin_some(queue, batch, visited);
	while (!list_empty(&queue->visiting)) {
		spin_unlock(&queue->lock);
		spin_lock(&queue->lock);
		visits += begin_some(queue, batch, visited);
	}
	spin_unlock(&queue->lock);
	return visits;
}

/* Has the CPU clean pages beside those of this block? */
static bool others_are_clean(const struct vmap_block *block)
{
	const struct vmap_queue *queue = block->owner;

	return cursor_pages(queue) || queue->filled != BIT(block->longest - 1) ||
	       !list_is_singular(&queue->clean[block->longest - 1]);
}

/* The flush is over. True: the block has left its queue. */
static bool end_block(struct vmap_block *block, bool reclaim)
{
	make_clean(block);
	block->in_purge = false;
	if (block->clean != VMAP_BLOCK_USABLE || block->owner->current_block == block ||
	    (!reclaim && !others_are_clean(block)))
		return false;
	block_leave_queue(block);
	return true;
}

/* For the first VMAP_AT_ONCE of `visited` at most, which belong to one CPU. Those that go come to `gone`. */
static void end_some(struct list_head *visited, bool reclaim, struct list_head *gone)
{
	struct vmap_block *block = list_first_entry(visited, struct vmap_block, visit);
	struct vmap_queue *queue = block->owner;

	spin_lock(&queue->lock);
	for (unsigned int n = 0; n < VMAP_AT_ONCE && !list_empty(visited); n++) {
		block = list_first_entry(visited, struct vmap_block, visit);
		if (block->owner != queue)
			break;
		list_del(&block->visit);
		if (end_block(block, reclaim))
			list_add_tail(&block->visit, gone);
	}
	spin_unlock(&queue->lock);
}

/* From now on the running purge flushes all that is dirty: set the stamp back. */
static void take_over(void)
{
	WRITE_ONCE(purging, true);
	smp_wmb(); /* is_dirty() reads the stamp first */
	atomic_long_set(&vm_stamps.blocks, (long)tlb_gen_completed() - 1);
	smp_mb();
}

static unsigned int destroy_all(struct list_head *gone)
{
	struct vmap_block *block, *next;
	unsigned int nr = 0;

	list_for_each_entry_safe(block, next, gone, visit) {
		block_destroy(block);
		nr++;
	}
	return nr;
}

static void mark_all(void)
{
	struct vmap_block *block;
	unsigned long index;

	xa_for_each(&vmap_blocks, index, block)
		vmap_block_mark(block);
}

/* One pass: blocks with dirty pages, or with reclaim all blocks. Returns how many it freed. */
static unsigned int purge(bool reclaim)
{
	struct tlb_batch batch;
	unsigned int freed, cpu;
	long visits = 0;
	LIST_HEAD(visited);
	LIST_HEAD(gone);

	tlb_batch_init(&batch);
	batch.cause = TLB_ALIASES;
	take_over();
	for_each_possible_cpu(cpu)
		visits += begin_flush(per_cpu_ptr(&vmap_queue, cpu), &batch, &visited);
	atomic_long_set(&vmap_block_counters.visits, atomic_long_read(&vmap_block_counters.visits) + visits);
	schedule_point("vb:purge");
	tlb_batch_flush(&batch);
	smp_store_release(&purging, false);
	while (!list_empty(&visited))
		end_some(&visited, reclaim, &gone);
	freed = destroy_all(&gone);
	trace(TRACE_PURGE_VMAP_AREA_LAZY, VMALLOC_START, VMALLOC_END, freed);
	return freed;
}

static bool revoke_begin(struct vmap_queue *queue)
{
	bool any;

	spin_lock(&queue->lock);
	any = queue->limit;
	WRITE_ONCE(queue->end, 0u);
	spin_unlock(&queue->lock);
	return any;
}

static void revoke_end(struct vmap_queue *queue)
{
	spin_lock(&queue->lock);
	if (!queue->end) /* else the CPU has a new cursor */
		cursor_drop(queue);
	spin_unlock(&queue->lock);
}

/* One at a time, under the purge lock: a second one would not wait long enough for a cursor that came between. */
static void revoke_all(void)
{
	bool any = false;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		any |= revoke_begin(per_cpu_ptr(&vmap_queue, cpu));
	if (!any)
		return;
	synchronize_rcu();
	for_each_possible_cpu(cpu)
		revoke_end(per_cpu_ptr(&vmap_queue, cpu));
}

void vmap_revoke(void)
{
	mutex_lock(&vmap_purge_lock);
	revoke_all();
	mutex_unlock(&vmap_purge_lock);
}

unsigned int vmap_purge(bool reclaim)
{
	unsigned int freed;

	mutex_lock(&vmap_purge_lock); /* whoever waits here sleeps, so the flush that it waits for gets through */
	if (reclaim) {
		revoke_all();
		mark_all();
	}
	freed = purge(reclaim);
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
