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
 *    Dirty: the entry is empty, but some CPU may remember it. Only a clean page is given out, so no mapping is ever made
 *    where an old one is remembered. Runs have exactly the length that was asked for; freed runs become usable again
 *    wherever they lie, whatever else lives in the block. Pages from `fresh` on are all clean, and are given out in order;
 *    only when they are used up is `taken` searched, which knows those below. The last one below is never clean.
 *
 *	run	D4 0 0 0 L3 0 0 0 0 L2 0 | 0 ... 0	a dirty run of 4 pages, a live one of 3, a live one of 2;
 *	taken	1  1 1 1 1  1 1 0 0 1  1 | 1 ... 1	0 in taken: clean, though below fresh
 *						   ^ fresh = 11
 *
 *    Where every run of a block is dirty, as often in a steady state, none is looked at: all below `whole` is flushing then.
 *    That is seen by `dirty`, a count of pages. Who unmaps adds to it after the entries are empty and the run says dirty, so the
 *    count is never too high: when it is as high as `fresh`, nothing below is live, nor between live and dirty.
 *
 *    Giving runs out takes the lock of the CPU's queue. Unmapping takes none: the run is claimed by compare-and-exchange (of
 *    two that unmap one comes too late), its entries are emptied, and it is declared dirty by a store.
 *
 * 3. vm_unmap_aliases() promises that nothing unmapped before the call is remembered after it. It visits the blocks that
 *    are marked dirty in the array, wherever their pages are and whether they have clean ones or not (museum: a full block
 *    was on no list and so was never flushed); turns dirty runs into flushing ones, flushes once for all of them without a
 *    lock, and makes clean what was flushing. What is unmapped meanwhile is dirty, and not flushing. The mark is set and
 *    cleared under the queue's lock, together with block->marked, which those who unmap look at without it:
 *
 *	who unmaps:  run = dirty | full barrier | marked? if not: lock queue, set the mark, marked = true, unlock
 *	who purges:  lock queue | marked = false, clear the mark | full barrier | collect dirty runs | unlock
 *
 *    Either the purge finds the run, or the one who unmaps finds no mark and sets it.
 *
 * 4. What is dirtied is stamped (arch/tlb.h), all blocks together (vm_stamps.blocks). Once a flush of everything, whoever needed
 *    it, covers that, nothing is remembered, and nobody need flush again: so calling with nothing to flush costs two
 *    compares. vm_stamps.blocks is written only when it differs, that is once a generation, so a steady state writes nothing
 *    shared. A purge, whose flush may be of a few ranges and so covers no stamp, sets it back to something covered *before* it
 *    visits the blocks:
 *
 *	who unmaps:  run = dirty, mark | full barrier | raise vm_stamps.blocks if it differs
 *	who purges:  purging = true | set vm_stamps.blocks back | full barrier | visit each marked block | flush
 *
 *    Either the purge finds the run, or the one who unmaps comes after its visit, sees the stamp set back, and raises it.
 *    A caller who finds the stamp covered while a purge is on waits for its end: the flush may be on his behalf.
 *
 * 5. In a steady state nobody purges: a CPU looks after its own blocks when they are used up (vmap_recycle). What is dirty
 *    it collects under a stamp, and what a flush of everything has covered since it takes back; so two blocks take turns, one
 *    from which runs are given, one that waits for its flush. Flushing is the background's work (vm_purge.c); only if it has
 *    not come when the second block is used up too, the one who wants a run flushes. No other CPU touches those blocks.
 *    While so few pages wait that they are not worth a flush, what else has become dirty in their block joins them, all under a
 *    new stamp; later it does not, or what waits would be put off again and again.
 *    A block that was recycled keeps its mark, and what is flushing in it is flushed by a purge once more; between the
 *    beginning and the end of that (in_purge) its CPU does not recycle it, so no run comes back before its own flush.
 *
 * 6. A purge frees a block that has become wholly clean, unless its CPU has no other clean page: a CPU that maps
 *    and unmaps keeps its block. When address space runs out, vmap_block_reclaim() frees all that are clean.
 *    A block with a live run is never freed; once its last run is dirty, it may go at any time, but its memory stays for
 *    those who have preemption off (RCU): therefore unmapping does all it does with preemption off.
 *
 * Files, from the top: vm_map_ram.c the API; vmap_run.h and vmap_run.c runs on their way out and back; vmap_purge.c how what
 * is dirty becomes clean; here the blocks themselves. vmap_check.c looks on.
 */
#include "mm/kva/block/vmap_block.h"

struct vmap_block_size vmap_block_size;
static struct vmap_block no_block = { .fresh = VMAP_BLOCK_MOST }; /* it has nothing to give */
DEFINE_PER_CPU(struct vmap_queue, vmap_queue) = {
	.lock = SPINLOCK_INIT("vmap_queue.lock", RANK_VMAP_QUEUE), .last = &no_block, .stamp = { -1ul } };
DEFINE_XARRAY(vmap_blocks);
struct vmap_block_counters vmap_block_counters;

void vmap_block_init(void)
{
	unsigned long share = (VMALLOC_END - VMALLOC_START) / 128, least = 8ul * VMAP_MAX_ALLOC * PAGE_SIZE;
	unsigned long bytes = min((unsigned long)rounddown_pow_of_two(max(share, least)), (unsigned long)pt_level_size(2));

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
	if (!block->whole) /* or else there is no hole */
		bitmap_set(block->taken_map, 0, block->fresh);
	block->fresh = block->longest = 0;
}

/* Address space and page table of a new block. */
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
	if (list_empty(&block->queue)) /* a reclaim that met it in the array may have queued it */
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

/* Somebody who unmapped its last run may still be looking at it. */
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
