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
 *    wherever they lie, whatever else lives in the block. Pages from `fresh` on were not used since the block was last wholly
 *    clean, and are given out in order; only when they are used up is `taken` searched, which knows those below.
 *
 *	run	0 3 0 0 0 0 0 0 0 2 0 0 | 0 ... 0	length of the live run that begins here: 1-3 and 9-10
 *	dirty	0 0 0 0 1 1 1 0 0 0 0 0 | 0 ... 0	     ^ fresh = 12
 *	taken	1 1 1 1 1 1 1 0 0 1 1 1 | 1 ... 1	0: clean, though below fresh (7 and 8)
 *
 * 3. vm_unmap_aliases() promises that nothing unmapped before the call is remembered after it. It visits the blocks that
 *    are marked dirty in the array, wherever their pages are and whether they have clean ones or not (museum: a full block
 *    was on no list and so was never flushed); moves dirty to flushing under the queue's lock, flushes once for all of
 *    them without a lock, and makes clean what was flushing. What is unmapped meanwhile is dirty again, by its own bits.
 *
 * 4. What is dirtied is stamped (arch/tlb.h), each block and all of them together (blocks_stamp). Once a flush of
 *    everything, whoever needed it, covers that, nothing is remembered, and nobody need flush again: so calling with nothing to
 *    flush costs two compares. blocks_stamp is written only when it differs, that is once a generation, so a steady state
 *    writes nothing shared. A purge, whose flush may be of a few ranges and so covers no stamp, sets it back to something
 *    covered *before* it visits the blocks:
 *
 *	who unmaps:  lock queue | mark dirty | raise blocks_stamp if it differs | unlock
 *	who purges:  purging = true | set blocks_stamp back | visit each marked block: lock queue, collect, unlock | flush
 *
 *    Either the purge finds the pages, or the one who unmaps comes after its visit, sees the stamp set back, and raises it.
 *    A caller who finds the stamp covered while a purge is on waits for its end: the flush may be on his behalf.
 *
 * 5. A purge frees a block that has become wholly clean, unless its CPU has no other clean page: a CPU that maps
 *    and unmaps keeps its block. When address space runs out, vmap_block_reclaim() frees all that are clean.
 *    A block with a live run is never freed, which is what makes the lock-free lookup in vm_unmap_ram() safe.
 *
 * 6. Purging is the background's work (vm_purge.c): it is called when a CPU has many dirty pages and its block is nearly used
 *    up. Only if it has not come when no page is clean, the one who wants some purges.
 */
#include "vmap_block.h"

DEFINE_PER_CPU(struct vmap_queue, vmap_queue) = { .lock = SPINLOCK_INIT("vmap_queue.lock", RANK_VMAP_QUEUE) };
DEFINE_XARRAY(vmap_blocks);
atomic_long_t vmap_blocks_stamp = { -1 }; /* covered from the beginning */
struct vmap_block_counters vmap_block_counters;

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

/* --- blocks come and go ----------------------------------------------------------------------------------------- */

static void mark_live(struct vmap_block *block, unsigned int page, unsigned int count)
{
	WRITE_ONCE(block->run[page], (u8)count);
	block->clean -= count;
	block->live += count;
}

void block_make_fresh(struct vmap_block *block)
{
	block->fresh = block->longest = 0;
	block->calm = VMAP_CALL_PAGES;
	bitmap_fill(block->taken_map, VMAP_BLOCK_PAGES);
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
	vm_range_free(range);
	return NULL;
}

static void enter_queue(struct vmap_queue *queue, struct vmap_block *block)
{
	spin_lock(&queue->lock);
	if (list_empty(&block->queue)) /* a reclaim that met it in the array may have queued it */
		list_add_tail(&block->queue, &queue->blocks);
	spin_unlock(&queue->lock);
}

/* A new block of this CPU, with its first `count` pages live. False: no space or memory. */
static bool block_create(struct vmap_queue *queue, unsigned int count, struct vmap_run *run)
{
	struct vmap_block *block = kzalloc(sizeof(*block), GFP_KERNEL);

	if (!block)
		return false;
	block->range = block_range();
	if (!block->range)
		goto fail_range;
	block->owner = queue;
	block->clean = VMAP_BLOCK_USABLE;
	INIT_LIST_HEAD(&block->queue);
	block_make_fresh(block);
	mark_live(block, 0, count);
	block->fresh = count;
	*run = (struct vmap_run){ block->range, 0 };
	if (xa_insert(&vmap_blocks, block_index(block->range->start), block, GFP_KERNEL))
		goto fail_insert;
	schedule_point("vb:inserted");
	vm_range_publish(block->range);
	atomic_long_inc(&vmap_block_counters.created);
	enter_queue(queue, block);
	return true;

fail_insert:
	vm_range_free(block->range);
fail_range:
	kfree(block);
	return false;
}

void block_destroy(struct vmap_block *block)
{
	struct vm_range *range = vm_range_claim(block->range->start, VM_RANGE_BLOCK, 0);

	if (range != block->range)
		panic("vmap block %p: its range %p is %p in the index", block, block->range, range);
	xa_erase(&vmap_blocks, block_index(range->start));
	vm_range_free(range);
	kfree(block);
	atomic_long_inc(&vmap_block_counters.freed);
}

/* The block that contains addr, or NULL. The caller holds a live run in it. */
static struct vmap_block *block_find(vaddr_t addr)
{
	return addr >= VMALLOC_START && addr < VMALLOC_END ? xa_load(&vmap_blocks, block_index(addr)) : NULL;
}

/* --- runs of pages ---------------------------------------------------------------------------------------------- */

/* A clean run below `fresh`. False: none is long enough. */
static bool find_clean(struct vmap_block *block, unsigned int count, unsigned int *page)
{
	if (block->longest < count)
		return false;
	*page = bitmap_find_next_zero_area(block->taken_map, VMAP_BLOCK_USABLE, 0, count, 0);
	if (*page >= VMAP_BLOCK_USABLE) {
		block->longest = count - 1;
		return false;
	}
	bitmap_set(block->taken_map, *page, count);
	return true;
}

/* The block is nearly used up: what is dirty had better be clean when it is. */
static void call_in_time(struct vmap_block *block)
{
	block->calm = VMAP_BLOCK_USABLE;
	if (block->owner->dirty >= VMAP_FLUSH_PAGES)
		vm_purge_soon();
}

static bool take_fresh(struct vmap_block *block, unsigned int count, unsigned int *page)
{
	if (unlikely(block->fresh + count > block->calm)) {
		if (block->calm != VMAP_BLOCK_USABLE)
			call_in_time(block);
		if (block->fresh + count > VMAP_BLOCK_USABLE)
			return false;
	}
	*page = block->fresh;
	block->fresh += count;
	return true;
}

/* Make the first clean run that is long enough live. False: there is none. Under the queue's lock. */
static bool take_run(struct vmap_block *block, unsigned int count, unsigned int *page)
{
	if (unlikely(!take_fresh(block, count, page) && !find_clean(block, count, page)))
		return false;
	mark_live(block, *page, count);
	if (unlikely(!block->clean))
		list_del_init(&block->queue);
	return true;
}

/* A clean run of some block of one CPU. One lock, however many blocks are too full. */
static bool take_from_queue(struct vmap_queue *queue, unsigned int count, struct vmap_run *run)
{
	struct vmap_block *block;
	bool found = false;

	spin_lock(&queue->lock);
	list_for_each_entry(block, &queue->blocks, queue) {
		found = take_run(block, count, &run->page);
		if (likely(found)) {
			run->range = block->range;
			break;
		}
	}
	spin_unlock(&queue->lock);
	return found;
}

/* Nobody gives address space or memory: other CPUs' blocks may have room. */
static bool steal_run(unsigned int count, struct vmap_run *run)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct vmap_queue *queue = per_cpu_ptr(&vmap_queue, cpu);

		if (READ_ONCE(queue->blocks.next) && take_from_queue(queue, count, run))
			return true;
	}
	return false;
}

static __noinline bool run_alloc_slow(struct vmap_queue *queue, unsigned int count, struct vmap_run *run)
{
	if (READ_ONCE(queue->dirty) < VMAP_FLUSH_PAGES && block_create(queue, count, run))
		return true;
	vmap_purge(false); /* enough is dirty, or there is no memory: use again what was used */
	return take_from_queue(queue, count, run) || block_create(queue, count, run) || steal_run(count, run);
}

bool vmap_run_alloc(unsigned int count, struct vmap_run *run)
{
	struct vmap_queue *queue = this_queue();

	return likely(take_from_queue(queue, count, run)) || run_alloc_slow(queue, count, run);
}

/* At most BITS_PER_LONG bits: they lie in one word or two. */
static void set_run(unsigned long *map, unsigned int first, unsigned int count)
{
	unsigned long mask = ~0UL >> (BITS_PER_LONG - count);
	unsigned int word = first / BITS_PER_LONG, shift = first % BITS_PER_LONG;

	map[word] |= mask << shift;
	if (shift + count > BITS_PER_LONG)
		map[word + 1] |= mask >> (BITS_PER_LONG - shift);
}

/* The first dirty pages of a block. The mark must be seen by whoever sets vmap_blocks_stamp back, or be seen by us: see 4. */
static __noinline void begin_dirty(struct vmap_block *block)
{
	xa_set_mark(&vmap_blocks, block_index(block->range->start), BLOCK_DIRTY);
	smp_mb();
}

static void dirty_run(struct vmap_block *block, unsigned int page, unsigned int count)
{
	struct vmap_queue *queue = block->owner;

	spin_lock(&queue->lock);
	if (unlikely(!block->dirty))
		begin_dirty(block);
	block->stamp = tlb_stamp();
	set_run(block->dirty_map, page, count);
	block->live -= count;
	block->dirty += count;
	WRITE_ONCE(queue->dirty, queue->dirty + count); /* read without the lock, as a hint */
	vm_note_stamp(&vmap_blocks_stamp, block->stamp);
	spin_unlock(&queue->lock);
}

bool vmap_run_free(vaddr_t addr, unsigned int count)
{
	struct vmap_block *block = block_find(addr);
	unsigned int page;

	if (unlikely(!block))
		return false;
	page = (unsigned int)((addr - block->range->start) >> PAGE_SHIFT);
	if (unlikely(cmpxchg(&block->run[page], (u8)count, 0) != (u8)count))
		return false;
	vm_range_clear(block->range, page, count);
	schedule_point("vb:unmapped");
	dirty_run(block, page, count);
	tlb_oracle(deferred(addr, addr + count * PAGE_SIZE));
	return true;
}
