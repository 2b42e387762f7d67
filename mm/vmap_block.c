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
 *	clean ──map──> live ──unmap──> dirty ──purge begins──> flushing ──flush done──> clean
 *
 *    Dirty: the entry is empty, but some CPU may remember it. Only a clean page is given out, so no mapping is ever made
 *    where an old one is remembered. Runs have exactly the length that was asked for; freed runs become usable again
 *    wherever they lie, whatever else lives in the block.
 *
 *	taken  0 1 1 1 1 1 1 0 0 1 1 0 ... 0	not clean
 *	heads  0 1 0 0 0 0 0 0 0 1 0 0 ... 0	first page of a live run	 live runs: 1-3 and 9-10
 *	lasts  0 0 0 1 0 0 0 0 0 0 1 0 ... 0	last page of a live run
 *	dirty  0 0 0 0 1 1 1 0 0 0 0 0 ... 0
 *
 * 3. vm_unmap_aliases() promises that nothing unmapped before the call is remembered after it. It visits the blocks that
 *    are marked dirty in the array, wherever their pages are and whether they have clean ones or not (museum: a full block
 *    was on no list and so was never flushed); moves dirty to flushing under the queue's lock, flushes once for all of
 *    them without a lock, and makes clean what was flushing. What is unmapped meanwhile is dirty again, by its own bits.
 *
 * 4. `unflushed` counts dirty and flushing pages. It falls only after the flush, so 0 means that there is nothing to wait
 *    for. What is dirtied is stamped (arch/tlb.h), each block and all of them together with the latest stamp: once a flush
 *    of everything, whoever needed it, covers that, nothing is remembered either, and a purge need not flush again. So
 *    calling with nothing to flush costs two compares. One purge runs at a time: a second caller must not return before
 *    the flush that the first one has begun on its behalf.
 *
 * 5. A purge frees a block that has become wholly clean, unless its CPU has no other clean page: a CPU that maps
 *    and unmaps keeps its block. When address space runs out, vmap_block_reclaim() frees all that are clean.
 *    A block with a live run is never freed, which is what makes the lock-free lookup in vm_unmap_ram() safe.
 */
#include "vm_internal.h"

#define VMAP_BLOCK_PAGES  (BITS_PER_LONG == 64 ? 1024u : 256u)
#define VMAP_BLOCK_SIZE	  (VMAP_BLOCK_PAGES * PAGE_SIZE)
#define VMAP_BLOCK_USABLE (VMAP_BLOCK_PAGES - 1)
/* A CPU with so many dirty pages flushes before it makes another block. */
#define VMAP_FLUSH_PAGES  (VMAP_BLOCK_PAGES / 2)

#define BLOCK_DIRTY XA_MARK_0

struct vmap_queue {
	spinlock_t lock;	 /* all fields of its blocks too, but `purge` */
	struct list_head blocks; /* with clean pages */
	unsigned int dirty;	 /* pages in its blocks, also in those without clean pages */
};

struct vmap_block {
	struct vmap_queue *owner;
	struct list_head queue;	 /* on owner->blocks; empty when no page is clean */
	struct list_head purge;	 /* on the list of the running purge */
	struct vm_range *range;
	unsigned int clean, live, dirty, flushing; /* pages; their sum is VMAP_BLOCK_USABLE */
	unsigned int longest;	 /* no clean run is longer; may be too large */
	tlb_stamp_t stamp;	 /* covers all dirty pages */
	DECLARE_BITMAP(taken_map, VMAP_BLOCK_PAGES);
	DECLARE_BITMAP(heads_map, VMAP_BLOCK_PAGES);
	DECLARE_BITMAP(lasts_map, VMAP_BLOCK_PAGES);
	DECLARE_BITMAP(dirty_map, VMAP_BLOCK_PAGES);
	DECLARE_BITMAP(flushing_map, VMAP_BLOCK_PAGES);
};

static DEFINE_PER_CPU(struct vmap_queue, vmap_queue) = { .lock = SPINLOCK_INIT("vmap_queue.lock", RANK_VMAP_QUEUE) };
static DEFINE_XARRAY(blocks);
static atomic_long_t unflushed;
static atomic_long_t last_stamp; /* covers the dirty pages of all blocks */
static DEFINE_MUTEX(purge_lock);
static struct {
	atomic_long_t created, freed, visits;
} counters;

/* The queue has a lock, so nothing goes wrong if the thread is moved to another CPU meanwhile. */
static struct vmap_queue *this_queue(void)
{
	struct vmap_queue *queue = raw_cpu_ptr(&vmap_queue);

	if (likely(READ_ONCE(queue->blocks.next)))
		return queue;
	spin_lock(&queue->lock);
	if (!queue->blocks.next) /* an empty list points to itself, which a per-CPU template cannot */
		INIT_LIST_HEAD(&queue->blocks);
	spin_unlock(&queue->lock);
	return queue;
}

static unsigned long block_index(vaddr_t addr)
{
	return (addr - ALIGN_DOWN(VMALLOC_START, VMAP_BLOCK_SIZE)) / VMAP_BLOCK_SIZE;
}

static vaddr_t page_addr(const struct vmap_block *block, unsigned int page)
{
	return block->range->start + page * PAGE_SIZE;
}

/* --- blocks come and go ----------------------------------------------------------------------------------------- */

static void mark_live(struct vmap_block *block, unsigned int page, unsigned int count)
{
	bitmap_set(block->taken_map, page, count);
	__set_bit(page, block->heads_map);
	__set_bit(page + count - 1, block->lasts_map);
	block->clean -= count;
	block->live += count;
}

/* A new block of this CPU, with its first `count` pages live. Returns their address, or 0. */
static vaddr_t block_create(struct vmap_queue *queue, unsigned int count)
{
	const struct vm_request rq = {
		.size = VMAP_BLOCK_SIZE,
		.align = VMAP_BLOCK_SIZE,
		.lo = VMALLOC_START,
		.hi = VMALLOC_END,
		.kind = VM_RANGE_BLOCK,
	};
	struct vmap_block *block = kzalloc(sizeof(*block), GFP_KERNEL);

	if (!block)
		return 0;
	block->range = vm_range_obtain(&rq);
	if (!block->range)
		goto fail_range;
	block->owner = queue;
	block->clean = block->longest = VMAP_BLOCK_USABLE;
	INIT_LIST_HEAD(&block->queue);
	mark_live(block, 0, count);
	if (xa_insert(&blocks, block_index(block->range->start), block, GFP_KERNEL))
		goto fail_insert;
	schedule_point("vb:inserted");
	vm_range_publish(block->range);
	atomic_long_inc(&counters.created);
	spin_lock(&queue->lock);
	if (list_empty(&block->queue)) /* a reclaim that met it in the array may have queued it */
		list_add_tail(&block->queue, &queue->blocks);
	spin_unlock(&queue->lock);
	return block->range->start;

fail_insert:
	vm_range_free(block->range);
fail_range:
	kfree(block);
	return 0;
}

/* The end of a block that is clean and on no queue. */
static void block_destroy(struct vmap_block *block)
{
	struct vm_range *range = vm_range_claim(block->range->start, VM_RANGE_BLOCK, 0);

	if (range != block->range)
		panic("vmap block %p: its range %p is %p in the tree", block, block->range, range);
	xa_erase(&blocks, block_index(range->start));
	vm_range_free(range);
	kfree(block);
	atomic_long_inc(&counters.freed);
}

/* The block that contains addr, or NULL. The caller holds a live run in it. */
static struct vmap_block *block_find(vaddr_t addr)
{
	return addr >= VMALLOC_START && addr < VMALLOC_END ? xa_load(&blocks, block_index(addr)) : NULL;
}

/* --- runs of pages ---------------------------------------------------------------------------------------------- */

/* Make the first clean run that is long enough live. False: there is none. Under the queue's lock. */
static bool take_run(struct vmap_block *block, unsigned int count, unsigned int *page)
{
	if (block->longest < count)
		return false;
	*page = bitmap_find_next_zero_area(block->taken_map, VMAP_BLOCK_USABLE, 0, count, 0);
	if (*page >= VMAP_BLOCK_USABLE) {
		block->longest = count - 1;
		return false;
	}
	mark_live(block, *page, count);
	if (!block->clean)
		list_del_init(&block->queue);
	return true;
}

/* A clean run of some block of this CPU: its address, or 0. One lock, however many blocks are too full. */
static vaddr_t take_from_queue(struct vmap_queue *queue, unsigned int count)
{
	struct vmap_block *block;
	unsigned int page;
	vaddr_t addr = 0;

	spin_lock(&queue->lock);
	list_for_each_entry(block, &queue->blocks, queue) {
		if (take_run(block, count, &page)) {
			addr = page_addr(block, page);
			break;
		}
	}
	spin_unlock(&queue->lock);
	return addr;
}

static unsigned int purge(bool reclaim);

vaddr_t vmap_run_alloc(unsigned int count)
{
	struct vmap_queue *queue = this_queue();
	vaddr_t addr = take_from_queue(queue, count);

	if (!addr && READ_ONCE(queue->dirty) < VMAP_FLUSH_PAGES)
		addr = block_create(queue, count);
	if (!addr) { /* enough is dirty, or there is no memory: use again what was used */
		purge(false);
		addr = take_from_queue(queue, count);
	}
	return addr ? addr : block_create(queue, count);
}

/* Is [page, page + count) exactly one live run? Then it is the caller's alone: a second unmap finds none. */
static bool release_run(struct vmap_block *block, unsigned int page, unsigned int count)
{
	bool live;

	spin_lock(&block->owner->lock);
	live = test_bit(page, block->heads_map) &&
	       find_next_bit(block->lasts_map, VMAP_BLOCK_USABLE, page) == page + count - 1;
	if (live) {
		__clear_bit(page, block->heads_map);
		__clear_bit(page + count - 1, block->lasts_map);
	}
	spin_unlock(&block->owner->lock);
	return live;
}

static void raise_last_stamp(tlb_stamp_t stamp)
{
	long last = atomic_long_read(&last_stamp), was;

	while (tlb_stamp_later((tlb_stamp_t){ (unsigned long)last }, stamp).gen != (unsigned long)last) {
		was = atomic_long_cmpxchg(&last_stamp, last, (long)stamp.gen);
		if (was == last)
			return;
		last = was;
	}
}

/* Has everything that was dirty when this was called been flushed by others? */
static bool all_covered(void)
{
	return tlb_stamp_covered((tlb_stamp_t){ (unsigned long)atomic_long_read(&last_stamp) });
}

static void dirty_run(struct vmap_block *block, unsigned int page, unsigned int count)
{
	struct vmap_queue *queue = block->owner;
	tlb_stamp_t stamp = tlb_stamp();

	raise_last_stamp(stamp);
	spin_lock(&queue->lock);
	block->stamp = block->dirty ? tlb_stamp_later(block->stamp, stamp) : stamp;
	if (!block->dirty)
		xa_set_mark(&blocks, block_index(block->range->start), BLOCK_DIRTY);
	bitmap_set(block->dirty_map, page, count);
	block->live -= count;
	block->dirty += count;
	queue->dirty += count;
	atomic_long_add(count, &unflushed);
	spin_unlock(&queue->lock);
}

bool vmap_run_free(vaddr_t addr, unsigned int count)
{
	struct vmap_block *block = block_find(addr);
	unsigned int page;

	if (!block)
		return false;
	page = (unsigned int)((addr - block->range->start) >> PAGE_SHIFT);
	if (!release_run(block, page, count))
		return false;
	vm_unmap_noflush(addr, addr + count * PAGE_SIZE);
	schedule_point("vb:unmapped");
	dirty_run(block, page, count);
	tlb_oracle(deferred(addr, addr + count * PAGE_SIZE));
	return true;
}

/* --- purge ------------------------------------------------------------------------------------------------------ */

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
		xa_clear_mark(&blocks, block_index(block->range->start), BLOCK_DIRTY);
		block->owner->dirty -= block->dirty;
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
	block->longest = VMAP_BLOCK_USABLE;
	if (block->clean && list_empty(&block->queue))
		list_add_tail(&block->queue, &block->owner->blocks);
	atomic_long_sub(block->flushing, &unflushed);
	block->flushing = 0;
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

/* One pass: blocks with dirty pages, or with reclaim all blocks. Returns how many it freed. */
static unsigned int purge(bool reclaim)
{
	struct vmap_block *block, *next;
	struct tlb_batch batch;
	unsigned int freed = 0;
	unsigned long index;
	LIST_HEAD(visited);

	tlb_batch_init(&batch);
	batch.cause = TLB_ALIASES;
	mutex_lock(&purge_lock); /* whoever waits here sleeps, so the flush that it waits for gets through */
	xa_for_each_filtered(&blocks, index, block, 0, ~0UL, reclaim ? XA_PRESENT : BLOCK_DIRTY) {
		begin_flush(block, &batch);
		list_add(&block->purge, &visited);
		atomic_long_inc(&counters.visits);
	}
	schedule_point("vb:purge");
	tlb_batch_flush(&batch);
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

void vm_unmap_aliases(void)
{
	unsigned long since = tlb_oracle_now();

	if (atomic_long_read(&unflushed) && !all_covered())
		purge(false);
	tlb_oracle(aliases_closed(since));
}

bool vmap_block_reclaim(void)
{
	return purge(true) > 0;
}

/* --- reports and checks ----------------------------------------------------------------------------------------- */

void vmap_block_stats(struct vmap_block_stats *out)
{
	out->created = atomic_long_read(&counters.created);
	out->freed = atomic_long_read(&counters.freed);
	out->visits = atomic_long_read(&counters.visits);
	out->live = out->created - out->freed;
}

static bool block_right(const struct vmap_block *block)
{
	unsigned int taken = bitmap_weight(block->taken_map, VMAP_BLOCK_PAGES);

	return block->clean + block->live + block->dirty + block->flushing == VMAP_BLOCK_USABLE &&
	       taken == VMAP_BLOCK_USABLE - block->clean && block->flushing == 0 &&
	       block->dirty == bitmap_weight(block->dirty_map, VMAP_BLOCK_PAGES) &&
	       bitmap_weight(block->heads_map, VMAP_BLOCK_PAGES) == bitmap_weight(block->lasts_map, VMAP_BLOCK_PAGES) &&
	       !list_empty(&block->queue) == (block->clean > 0) &&
	       xa_get_mark(&blocks, block_index(block->range->start), BLOCK_DIRTY) == (block->dirty > 0);
}

/* A queue's count is of its own blocks' pages, whoever unmapped them. */
static unsigned int check_queues(void)
{
	unsigned int cpu, faults = 0;

	for_each_possible_cpu(cpu) {
		const struct vmap_queue *queue = per_cpu_ptr(&vmap_queue, cpu);
		unsigned long index, dirty = 0;
		struct vmap_block *block;

		xa_for_each(&blocks, index, block)
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
	unsigned long index, found = 0, dirty = 0;
	struct vmap_block_stats stats;
	struct vmap_block *block;
	unsigned int faults = 0;

	xa_for_each(&blocks, index, block) {
		found++;
		dirty += block->dirty;
		if (block_right(block))
			continue;
		printk("vmap block %lx: clean %u, live %u, dirty %u, flushing %u do not fit its bitmaps\n",
		       block->range->start, block->clean, block->live, block->dirty, block->flushing);
		faults++;
	}
	vmap_block_stats(&stats);
	if (found != stats.live || dirty != (unsigned long)atomic_long_read(&unflushed)) {
		printk("vmap blocks: %lu found, %lu counted; %lu pages dirty, %ld counted\n", found, stats.live, dirty,
		       atomic_long_read(&unflushed));
		faults++;
	}
	return faults + check_queues();
}
