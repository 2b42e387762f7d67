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
 *	clean ──set aside──> in the cursor ──map──> live ──unmap──> dirty ──collected──> flushing ──flush done──> clean
 *
 *    A dirty page has an empty entry, but a TLB may still hold the old translation. Flushing: the page waits for a
 *    flush that will cover it. Only clean pages are given out, so no page is mapped where a TLB holds an old
 *    translation. A run is exactly as long as requested. A freed run can be used again whatever else lives in its
 *    block.
 *
 *    A block has a bitmap of each of the states clean, dirty and flushing. A page that is in none of them is live, or
 *    in the cursor of the CPU. So a change of state of many pages costs a few instructions for each word of a map.
 *    run[] has the length of each live run at its first page, and 0 elsewhere.
 *
 *	run	4 0 0 0 3 0 0 0 0 2 0 0 0 ...	live runs of 4, 3 and 2 pages
 *	dirty	. . . . . . . 1 . . . . . ...	one page has been unmapped
 *	clean	. . . . . . . . 1 . . . . ...	another one serves again
 *	cursor	                      ^ next	pages from here up to `limit` are this CPU's
 *
 *    The cursor is a stretch of clean pages in one block. The CPU takes its runs out of it with preemption off and
 *    without a lock: nobody else touches the cursor's pages (but see 7). When it is used up, the CPU takes the next
 *    stretch of clean pages under the lock of its queue.
 *
 *    Unmapping takes no lock: it claims the run by compare-and-exchange of run[] against 0 (of two callers one comes
 *    too late), clears its entries, and sets its bits in the dirty map.
 *
 * 3. vm_unmap_aliases() promises: after it, no TLB holds a translation that was unmapped before the call. It visits all
 *    blocks that are marked, with clean pages or without (museum: a full block was on no list and so was never
 *    flushed). It makes their dirty pages flushing, flushes once for all blocks without a spinlock, and makes the
 *    flushing pages clean. A page that is unmapped meanwhile is dirty, not flushing. The marked blocks of a CPU are on
 *    a list of its queue. The mark is set and cleared under the queue's lock; vm_unmap_ram() reads it without the lock:
 *
 *	unmapping:  bits in the dirty map | full barrier | marked? if not: lock queue, marked = true, unlock
 *	purging:    lock queue | marked = false | full barrier | collect the dirty map | unlock
 *
 *    Either the purge finds the bits, or the unmapping CPU finds no mark and sets it.
 *
 * 4. vm_stamps.blocks is one stamp (arch/tlb.h) for the dirty runs of all blocks. When a flush of all TLBs has covered
 *    it, nobody need flush again: then vm_unmap_aliases() costs two compares. The stamp is written only when it
 *    differs, which is once a generation, so a steady state writes nothing shared. The flush of a purge may be of a few
 *    ranges and so cover no stamp. So a purge sets the stamp back to a covered one *before* it visits the blocks:
 *
 *	unmapping:  dirty, marked | full barrier | raise vm_stamps.blocks if it differs
 *	purging:    purging = true | set vm_stamps.blocks back | full barrier | visit each marked block | flush
 *
 *    Either the purge finds the pages, or the unmapping CPU comes after the visit, sees the stamp set back, and raises
 *    it. A vm_unmap_aliases() that finds the stamp covered during a purge waits for its end, because that flush may be
 *    the one that it needs.
 *
 * 5. In a steady state there is no purge. A CPU recycles its own blocks when they are used up (vmap_recycle): it makes
 *    clean what a flush of all TLBs has covered, and collects dirty runs under a new stamp. So two blocks take turns:
 *    one gives runs, the other waits for its flush. The background flushes (vm_purge.c). If it has not flushed when the
 *    second block is used up too, the CPU that wants a run flushes. While only a few pages of a queue wait, not worth a
 *    flush, new dirty runs join them under a new stamp. Later they do not, because each new stamp would put off those
 *    that wait already. A recycled block with flushing pages keeps its mark, so a purge flushes them once more. During
 *    that (in_purge) its CPU does not recycle it, so no page is given out before the flush of the purge. A block in
 *    which nothing is dirty or flushing any more loses its mark, unless it is wholly clean: then a purge frees it (6).
 *
 * 6. A purge frees a block that has become wholly clean, unless its CPU has no other clean pages, or has its cursor
 *    there: so a CPU that maps and unmaps keeps its block. When address space runs out, vmap_block_reclaim() frees all
 *    wholly clean blocks. A block with a live run is never freed. When its last run is dirty, the block may go at any
 *    time, but RCU keeps its memory for CPUs with preemption off. So vm_unmap_ram() unmaps with preemption off.
 *
 * 7. vmap_revoke() takes all cursors back when space or memory is short. It makes `end` 0, so the CPU finds no room and
 *    goes the slow way, which takes the lock. After a grace period of RCU no CPU is between reading `end` and taking a
 *    run, since it has preemption off there. Then what is left of the cursor becomes clean, unless its CPU has taken a
 *    new cursor meanwhile.
 *
 * 8. Nothing grows with the number of blocks while a queue's lock is held. A queue has its blocks with clean pages on
 *    lists by the longest run that they may have. The bound is raised when pages become clean, without a look, and
 *    lowered by a search that fails; so each search that fails moves a block to a lower list, and a block that is too
 *    full for a request is not looked at. A CPU that looks for clean pages makes VMAP_SEARCHES such searches at most.
 *    Then it recycles, searches as often again, and in the end makes a new block. Purging drops the lock after
 *    VMAP_AT_ONCE blocks, and recycling ends there.
 *
 * Files, from the top: vm_map_ram.c is the API; vmap_run.h and vmap_run.c take runs and give them back; vmap_purge.c
 * makes dirty pages clean; this file makes and destroys blocks; vmap_check.c checks them.
 */
#include "mm/kva/block/vmap_block.h"

struct vmap_block_size vmap_block_size __ro_after_init;
static struct vmap_block no_block; /* of a queue without a cursor */
DEFINE_PER_CPU(struct vmap_queue, vmap_queue) = {
	.lock = SPINLOCK_INIT("vmap_queue.lock", RANK_VMAP_QUEUE), .current_block = &no_block, .stamp = { -1ul } };
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

void block_set_longest(struct vmap_block *block, unsigned int longest)
{
	struct vmap_queue *queue = block->owner;
	struct list_head *list;

	longest = min(longest, min(block->clean, (unsigned int)VMAP_MAX_ALLOC));
	if (longest == block->longest)
		return;
	if (block->longest) {
		list_del(&block->queue);
		if (list_empty(&queue->clean[block->longest - 1]))
			queue->filled &= ~BIT(block->longest - 1);
	}
	block->longest = longest;
	if (!longest)
		return;
	list = &queue->clean[longest - 1];
	if (!(queue->filled & BIT(longest - 1)))
		INIT_LIST_HEAD(list);
	queue->filled |= BIT(longest - 1);
	list_add(&block->queue, list);
}

void block_put_clean(struct vmap_block *block, unsigned int page, unsigned int count)
{
	bitmap_set(block->clean_map, page, count);
	block->clean += count;
	block_set_longest(block, VMAP_MAX_ALLOC);
}

void block_take_clean(struct vmap_block *block, unsigned int page, unsigned int count)
{
	if (count == VMAP_BLOCK_USABLE)
		bitmap_zero(block->clean_map, VMAP_BLOCK_PAGES);
	else
		bitmap_clear(block->clean_map, page, count);
	block->clean -= count;
	block_set_longest(block, block->longest);
}

void cursor_drop(struct vmap_queue *queue)
{
	unsigned int pages = cursor_pages(queue);

	if (pages)
		block_put_clean(queue->current_block, queue->limit - pages, pages);
	cursor_set(queue, &no_block, 0, 0);
}

/* The first page since the last purge has become dirty. (If the block is gone, the purge has found it.) */
void vmap_block_mark(struct vmap_block *block)
{
	struct vmap_queue *queue = block->owner;

	spin_lock(&queue->lock);
	if (!block->marked && !block->gone) {
		if (!queue->marked.next) /* an empty list points to itself: no static per-CPU initializer can do that */
			INIT_LIST_HEAD(&queue->marked);
		list_add_tail(&block->marks, &queue->marked);
		WRITE_ONCE(block->marked, true);
	}
	spin_unlock(&queue->lock);
	smp_mb(); /* before the look at vm_stamps.blocks: see 4 */
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

/*
 * The pages behind the first run are clean: this CPU's cursor, unless the thread has come to another CPU since it
 * began.
 */
static void enter_queue(struct vmap_block *block, unsigned int count)
{
	struct vmap_queue *queue = block->owner;

	spin_lock(&queue->lock);
	if (queue != this_cpu_ptr(&vmap_queue)) {
		block_put_clean(block, count, VMAP_BLOCK_USABLE - count);
	} else {
		cursor_drop(queue);
		cursor_set(queue, block, count, VMAP_BLOCK_USABLE);
	}
	spin_unlock(&queue->lock);
}

struct vmap_run block_create(unsigned int count)
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
	block->owner = raw_cpu_ptr(&vmap_queue);
	INIT_LIST_HEAD(&block->marks);
	run = give_run(block, 0, count);
	if (xa_insert(&vmap_blocks, block_index(block->start), block, GFP_KERNEL))
		goto fail_insert;
	schedule_point("vb:inserted");
	vm_range_publish(block->range);
	atomic_long_inc(&vmap_block_counters.created);
	enter_queue(block, count);
	return run;

fail_insert:
	vm_range_discard(block->range);
fail_range:
	kfree(block);
	return (struct vmap_run){ 0 };
}

void block_leave_queue(struct vmap_block *block)
{
	block_set_longest(block, 0);
	list_del_init(&block->marks);
	block->gone = true;
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
