/* SPDX-License-Identifier: MIT */
/*
 * vmap blocks: short-lived mappings of a few pages, without a search for address space and without a flush for each.
 *
 * 1. A block is a stretch of vmalloc space of VMAP_BLOCK_PAGES pages, aligned to its size, and belongs to the CPU that
 *    made it. vm_map_ram() takes a run of pages from a block of its own CPU; vm_unmap_ram() may come from any CPU and
 *    finds the block by the address in one array that holds all live blocks. The last page is never used: the guard.
 *
 * 2. Each page goes round a circle:
 *
 *	clean ──map──> live ──unmap──> dirty ──collected──> flushing ──flush done──> clean
 *
 *    A dirty page has an empty entry, but a TLB may still hold the old translation. Flushing: the page waits for a
 *    flush that will cover it. Only clean pages are given out, so no page is mapped where a TLB holds an old
 *    translation. A run is exactly as long as requested. A freed run can be used again whatever else lives in its
 *    block. Pages from `fresh` on are all clean and are given out in order. When they are used up, the clean pages
 *    below `fresh` are found in `taken`. The page just below `fresh` is never clean.
 *
 *	run	D4 0 0 0 L3 0 0 0 0 L2 0 | 0 ... 0	a dirty run of 4 pages, a live one of 3, a live one of 2;
 *	taken	1  1 1 1 1  1 1 0 0 1  1 | 1 ... 1	0 in taken: clean, though below fresh
 *						   ^ fresh = 11
 *
 *    Often all pages of a block below `fresh` are dirty. Then `whole` = `fresh` makes all of them flushing without a
 *    look at each run. The count `dirty` shows this case: vm_unmap_ram() adds to it only after the entries are empty
 *    and the run says dirty, so the count is never too high. When it equals `fresh`, no run below is live or being
 *    unmapped.
 *
 *    Giving out a run takes the lock of the CPU's queue. Unmapping takes no lock: it claims the run by
 *    compare-and-exchange (of two callers one comes too late), clears its entries, and makes it dirty by a store.
 *
 * 3. vm_unmap_aliases() promises: after it, no TLB holds a translation that was unmapped before the call. It visits all
 *    blocks that are marked dirty in the array, with clean pages or without (museum: a full block was on no list and so
 *    was never flushed). It makes their dirty runs flushing, flushes once for all blocks without a lock, and makes the
 *    flushing runs clean. A run that is unmapped meanwhile is dirty, not flushing. The mark is set and cleared under
 *    the queue's lock, together with block->marked, which vm_unmap_ram() reads without the lock:
 *
 *	unmapping:  run = dirty | full barrier | marked? if not: lock queue, set the mark, marked = true, unlock
 *	purging:    lock queue | marked = false, clear the mark | full barrier | collect dirty runs | unlock
 *
 *    Either the purge finds the run, or the unmapping CPU finds no mark and sets it.
 *
 * 4. vm_stamps.blocks is one stamp (arch/tlb.h) for the dirty runs of all blocks. When a flush of all TLBs has covered
 *    it, nobody need flush again: then vm_unmap_aliases() costs two compares. The stamp is written only when it
 *    differs, which is once a generation, so a steady state writes nothing shared. The flush of a purge may be of a few
 *    ranges and so cover no stamp. So a purge sets the stamp back to a covered one *before* it visits the blocks:
 *
 *	unmapping:  run = dirty, mark | full barrier | raise vm_stamps.blocks if it differs
 *	purging:    purging = true | set vm_stamps.blocks back | full barrier | visit each marked block | flush
 *
 *    Either the purge finds the run, or the unmapping CPU comes after the visit, sees the stamp set back, and raises
 *    it. A vm_unmap_aliases() that finds the stamp covered during a purge waits for its end, because that flush may be
 *    the one that it needs.
 *
 * 5. In a steady state there is no purge. A CPU recycles its own blocks when they are used up (vmap_recycle): it makes
 *    clean what a flush of all TLBs has covered, and collects dirty runs under a new stamp. So two blocks take turns:
 *    one gives runs, the other waits for its flush. The background flushes (vm_purge.c). If it has not flushed when the
 *    second block is used up too, the CPU that wants a run flushes. No other CPU touches these blocks.
 *    While only a few pages of a queue wait, not worth a flush, new dirty runs join them under a new stamp. Later they
 *    do not, because each new stamp would put off those that wait already.
 *    A recycled block keeps its mark, so a purge flushes its flushing runs once more. During that (in_purge) its CPU
 *    does not recycle it, so no run is given out before the flush of the purge.
 *
 * 6. A purge frees a block that has become wholly clean, unless its CPU has no other block with clean pages: so a CPU
 *    that maps and unmaps keeps its block. When address space runs out, vmap_block_reclaim() frees all wholly clean
 *    blocks. A block with a live run is never freed. When its last run is dirty, the block may go at any time, but RCU
 *    keeps its memory for CPUs with preemption off. So vm_unmap_ram() unmaps with preemption off.
 *
 * Files, from the top: vm_map_ram.c is the API; vmap_run.h and vmap_run.c take runs and give them back; vmap_purge.c
 * makes dirty pages clean; this file makes and destroys blocks; vmap_check.c checks them.
 */
#include "mm/kva/block/vmap_block.h"

struct vmap_block_size vmap_block_size;
static struct vmap_block no_block = { .fresh = VMAP_BLOCK_MOST }; /* a `last` without pages */
DEFINE_PER_CPU(struct vmap_queue, vmap_queue) = {
	.lock = SPINLOCK_INIT("vmap_queue.lock", RANK_VMAP_QUEUE), .last = &no_block, .stamp = { -1ul } };
DEFINE_XARRAY(vmap_blocks);
struct vmap_block_counters vmap_block_counters;

void vmap_block_init(void)
{
	unsigned long share = (VMALLOC_END - VMALLOC_START) / 128, least = 8ul * VMAP_MAX_ALLOC * PAGE_SIZE;
	unsigned long bytes =
		min((unsigned long)rounddown_pow_of_two(max(share, least)), (unsigned long)pt_level_size(2));

	BUG_ON(bytes > VMAP_BLOCK_MOST * PAGE_SIZE);
	vmap_block_size = (struct vmap_block_size){
		.usable = (unsigned int)(bytes >> PAGE_SHIFT) - 1,
		.shift = ilog2(bytes),
		.bytes = bytes,
	};
}

/* --- blocks come and go ----------------------------------------------------------------------------------------- */

void block_make_fresh(struct vmap_block *block)
{
	memset(block->run, 0, block->fresh * sizeof(block->run[0]));
	if (!block->whole) /* with `whole`, no page below is clean in the bitmap */
		bitmap_set(block->taken_map, 0, block->fresh);
	block->fresh = block->longest = 0;
}

/* A range with its page table, for a new block. NULL: no space or memory. */
static struct vm_range *block_range(void)
{
	const struct vm_request rq = {
		.size = VMAP_BLOCK_SIZE,
		.align = VMAP_BLOCK_SIZE,
		.lo = VMALLOC_START,
		.hi = VMALLOC_END,
		.kind = VM_RANGE_BLOCK,
	};
	struct vm_range *range = vm_range_obtain(&rq);

	if (!range || !vm_range_prepare(range))
		return range;
	vm_range_discard(range);
	return NULL;
}

static void enter_queue(struct vmap_queue *queue, struct vmap_block *block)
{
	spin_lock(&queue->lock);
	queue->last = block;
	if (list_empty(&block->queue)) /* a reclaim may have found it in the array and queued it */
		list_add_tail(&block->queue, &queue->blocks);
	spin_unlock(&queue->lock);
}

struct vmap_run block_create(struct vmap_queue *queue, unsigned int count)
{
	struct vmap_block *block = kzalloc(offsetof(struct vmap_block, run[VMAP_BLOCK_PAGES]), GFP_KERNEL);
	struct vmap_run run;

	if (!block)
		return (struct vmap_run){ 0 };
	block->range = block_range();
	if (!block->range)
		goto fail_range;
	block->start = block->range->start;
	block->ptes = block->range->ptes;
	block->owner = queue;
	block->clean = VMAP_BLOCK_USABLE;
	INIT_LIST_HEAD(&block->queue);
	INIT_LIST_HEAD(&block->marks);
	bitmap_fill(block->taken_map, VMAP_BLOCK_PAGES);
	block->fresh = count;
	run = give_run(block, 0, count);
	if (xa_insert(&vmap_blocks, block_index(block->start), block, GFP_KERNEL))
		goto fail_insert;
	schedule_point("vb:inserted");
	vm_range_publish(block->range);
	atomic_long_inc(&vmap_block_counters.created);
	enter_queue(queue, block);
	return run;

fail_insert:
	vm_range_discard(block->range);
fail_range:
	kfree(block);
	return (struct vmap_run){ 0 };
}

void block_leave_queue(struct vmap_block *block)
{
	list_del_init(&block->queue);
	list_del_init(&block->marks);
	block->gone = true;
	if (block->owner->last == block)
		block->owner->last = &no_block;
}

/* The CPU that unmapped its last run may still use the block. */
static void free_block_later(struct rcu_head *head)
{
	kfree(container_of(head, struct vmap_block, rcu));
}

void block_destroy(struct vmap_block *block)
{
	struct vm_range *range = vm_range_claim(block->start, VM_RANGE_BLOCK, 0);

	if (range != block->range)
		panic("vmap block %p: its range %p is %p in the index", block, block->range, range);
	xa_erase(&vmap_blocks, block_index(range->start));
	vm_range_discard(range);
	call_rcu(&block->rcu, free_block_later);
	atomic_long_inc(&vmap_block_counters.freed);
}
