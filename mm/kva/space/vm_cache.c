/* SPDX-License-Identifier: MIT */
/*
 * Freed ranges on their way from one user to the next: one cache a CPU.
 *
 *	retire --> [ oldest ... lazy ... newest ] --flushed--> clean[2] clean[3] ... clean[320]   --> vm_cache_get
 *		      in the order of their stamps	   |	 by pages, guard included
 *							   +--> clean[OTHERS]: of any other size  --> vm_cache_find
 *							   +--> excess: holes again
 *
 * 1. The entries of a retired range are empty, but TLBs may still hold its old translations. The range gets a stamp
 *    (arch/tlb.h) and waits, lazy. Stamps only grow, so each list of lazy ranges is in the order of stamps. The ranges
 *    that a flush has covered stand at its beginning.
 *
 * 2. No CPU flushes for one range. Any flush of all TLBs serves the ranges of all CPUs. When a CPU has `soft` lazy
 *    ranges, it calls the background (vm_purge.c) once. If the background has not flushed when the CPU has `hard` ones,
 *    the CPU flushes by itself. The background only flushes, and leaves the ranges where they are: each CPU makes its
 *    covered ranges clean by itself, in vm_range_retire() when the bound is reached, or in vm_cache_find().
 *    vm_cache_get() takes only what is clean already. So a steady stream of vmalloc and vfree costs one flush for some
 *    two hundred ranges.
 *
 * 3. The weight of a range says what others lack while it waits: the number of entries that fill it (its tables and its
 *    page array have as many words), or its share of the address space, whichever is more. WEIGHT is 32 MiB of small
 *    pages, or a CPU's part of an eighth of the arena. So in an arena of 128 MiB about 16 MiB are lazy at most (2 MiB a
 *    CPU if there are 8), and one flush still serves more than a hundred ranges of a few pages. In an arena of 32 TiB a
 *    mapping of 1 GiB by one leaf waits like any other. A range that weighs more than `hard` is flushed at once.
 *    Between soft and hard the background has time to wake up. Little is lost if it does not.
 *
 * 4. A cached range keeps its place in the index, its page tables, the pointer to its entries, and the room for its
 *    page array. Every process already has the top entry above its tables. So the next user only writes the entries. A
 *    range for large leaves goes to a request for the same leaves and the same alignment.
 *
 * 5. Clean ranges are bounded too, by twice WEIGHT. When a flush becomes due, the CPU gives back so many clean
 *    ranges that the lazy ones will fit. It takes them from one list after the other, so sizes that are out of use make
 *    room. Ranges that are given back merge with neighbouring holes. When address space runs out, vm_cache_reclaim()
 *    empties all caches.
 *
 * 6. Lists are processed in batches, and the lock is dropped between two batches. So nobody holds the lock for long,
 *    however long the lists are. vm_range_retire() does one batch a call, and more only while the lazy ranges weigh as
 *    much as `hard`. Covered ranges that are left over keep the CPU at its lower bound, and excess takes the bound
 *    away: so the next calls go on.
 *
 * 7. `vm_stamps.areas` covers everything that was ever retired. It is written only when a new generation of flushes has
 *    begun; otherwise it costs a comparison. vm_unmap_aliases() reads it.
 */
#include "mm/kva/space/space.h"

#define RANGES	     256u /* so few that their descriptors stay in the CPU's data caches */
#define WEIGHT	     VM_CACHE_WEIGHT
#define CLEAN	     (2 * WEIGHT) /* clean ranges weigh no more together */
#define BATCH	     32u /* ranges that are moved under one holding of a lock */
#define TRIES	     64u

/* A cache reaches the bound when its lazy ranges are as many, or as heavy. */
struct bound {
	unsigned int ranges;
	unsigned long weight;
};
static const struct bound soft = { RANGES / 4 * 3, WEIGHT / 4 * 3 }, hard = { RANGES, WEIGHT };

struct vm_cache {
	spinlock_t lock;
	unsigned int nr_lazy;
	unsigned long lazy_weight, clean_weight;
	unsigned int next_drop; /* the list of clean ranges from which drop_excess() takes next */
	struct bound next_bound; /* soft; hard after the background was called; 0: not set, or there is excess */
	struct vm_range *oldest, *newest;
	struct vm_range *clean[VM_CACHE_PAGES + 1];
};

static DEFINE_PER_CPU(struct vm_cache, vm_cache) = { .lock = SPINLOCK_INIT("vm_cache.lock", RANK_VM_CACHE) };
struct vm_stamps vm_stamps = { { -1 }, { -1 } }; /* covered from the beginning */

void vm_cache_set_bounds(unsigned int cpus)
{
	vm_space_unit = (VMALLOC_END - VMALLOC_START) / 8 / cpus / WEIGHT;
}

static bool reaches(const struct vm_cache *cache, const struct bound *bound)
{
	return cache->nr_lazy >= bound->ranges || cache->lazy_weight >= bound->weight;
}

/* Is the bound reached, and nothing covered that could be made clean? */
static bool needs_flush(const struct vm_cache *cache, const struct bound *bound)
{
	return reaches(cache, bound) && !tlb_stamp_covered(cache->oldest->stamp);
}

/* --- under a cache's lock ----------------------------------------------------------------------------------------- */

/* The range of a vmap block is discarded, never retired; if one came here, it would not be kept. */
static bool worth_keeping(const struct vm_cache *cache, const struct vm_range *range)
{
	return range->kind != VM_RANGE_BLOCK && cache->clean_weight + range->weight <= CLEAN;
}

static struct vm_range *unlink_clean(struct vm_cache *cache, struct vm_range **link)
{
	struct vm_range *range = *link;

	*link = range->next;
	cache->clean_weight -= range->weight;
	vm_range_set_state(range, VM_HELD);
	return range;
}

static struct vm_range *take_clean(struct vm_cache *cache, unsigned int list)
{
	return likely(cache->clean[list]) ? unlink_clean(cache, &cache->clean[list]) : NULL;
}

static bool serves(const struct vm_range *range, const struct vm_request *rq)
{
	return vm_range_size(range) == rq->size && range->shift == rq->shift && range->start >= rq->lo &&
	       range->end <= rq->hi && IS_ALIGNED(range->start - rq->skew, rq->align);
}

/* A clean range that serves the request, or NULL. Looks at TRIES of them at most: one list may be long. */
static struct vm_range *take_serving(struct vm_cache *cache, const struct vm_request *rq)
{
	struct vm_range **link = &cache->clean[vm_range_list(rq->size >> PAGE_SHIFT)];

	for (unsigned int n = 0; *link && n < TRIES; n++, link = &(*link)->next)
		if (serves(*link, rq))
			return unlink_clean(cache, link);
	return NULL;
}

static void append(struct vm_cache *cache, struct vm_range *range)
{
	range->next = NULL;
	if (cache->oldest)
		cache->newest->next = range;
	else
		WRITE_ONCE(cache->oldest, range); /* vm_cache_find() reads it without the lock, as a hint */
	cache->newest = range;
	cache->nr_lazy++;
	cache->lazy_weight += range->weight;
}

static struct vm_range *take_oldest(struct vm_cache *cache)
{
	struct vm_range *range = cache->oldest;

	WRITE_ONCE(cache->oldest, range->next);
	cache->nr_lazy--;
	cache->lazy_weight -= range->weight;
	return range;
}

static void put_on(struct vm_range **list, struct vm_range *range)
{
	range->next = *list;
	*list = range;
}

static void keep(struct vm_cache *cache, struct vm_range *range)
{
	vm_range_set_state(range, VM_CLEAN);
	put_on(&cache->clean[range->list], range);
	cache->clean_weight += range->weight;
}

/* A flush is due, and what it covers would not fit beside the clean ranges. */
static bool has_excess(const struct vm_cache *cache)
{
	return cache->clean_weight > CLEAN - hard.weight && needs_flush(cache, &soft);
}

static void set_next_bound(struct vm_cache *cache)
{
	static const struct bound any;

	cache->next_bound = has_excess(cache) ? any : needs_flush(cache, &soft) ? hard : soft;
}

/*
 * Covered lazy ranges become clean, or go to `unwanted`, which the caller gives back. Returns how many; after a whole
 * batch there may be more.
 */
static unsigned int reap(struct vm_cache *cache, struct vm_range **unwanted)
{
	unsigned int nr = 0;

	for (; nr < BATCH && cache->oldest && tlb_stamp_covered(cache->oldest->stamp); nr++) {
		struct vm_range *range = take_oldest(cache);

		if (worth_keeping(cache, range)) {
			keep(cache, range);
			continue;
		}
		vm_range_set_state(range, VM_HELD);
		put_on(unwanted, range);
	}
	set_next_bound(cache);
	if (nr)
		trace(TRACE_PURGE_VMAP_AREA_LAZY, VMALLOC_START, VMALLOC_END, nr);
	return nr;
}

/* Move clean ranges to `unwanted`. Returns how many, as reap(). */
static unsigned int drop_clean(struct vm_cache *cache, struct vm_range **unwanted)
{
	unsigned int nr = 0;

	for (unsigned int list = 0; list <= VM_CACHE_PAGES; list++)
		for (; nr < BATCH && cache->clean[list]; nr++)
			put_on(unwanted, take_clean(cache, list));
	if (nr)
		trace(TRACE_PURGE_VMAP_AREA_LAZY, VMALLOC_START, VMALLOC_END, nr);
	return nr;
}

/*
 * The next clean range to give back. next_drop goes round all lists, so ranges that nobody wants go in the end. New
 * ranges come in at the front of a list; of the list of other sizes, where sizes mix, the last range goes.
 */
static struct vm_range *take_next_drop(struct vm_cache *cache)
{
	struct vm_range **link;

	while (!cache->clean[cache->next_drop])
		cache->next_drop = cache->next_drop ? cache->next_drop - 1 : VM_CACHE_PAGES;
	for (link = &cache->clean[cache->next_drop]; cache->next_drop == VM_CACHE_OTHERS && (*link)->next;
	     link = &(*link)->next)
		;
	return unlink_clean(cache, link);
}

/* Move clean ranges to `unwanted` until the lazy ones fit. Returns how many, as reap(). */
static unsigned int drop_excess(struct vm_cache *cache, struct vm_range **unwanted)
{
	unsigned int nr = 0;

	for (; nr < BATCH && cache->clean_weight > CLEAN - hard.weight; nr++)
		put_on(unwanted, take_next_drop(cache));
	set_next_bound(cache);
	if (nr)
		trace(TRACE_PURGE_VMAP_AREA_LAZY, VMALLOC_START, VMALLOC_END, nr);
	return nr;
}

/* --- without the lock --------------------------------------------------------------------------------------------- */

/* One batch of `step`. Returns how many were moved; *any becomes true if ranges were given back. */
static unsigned int one_batch(struct vm_cache *cache,
			      unsigned int (*step)(struct vm_cache *cache, struct vm_range **unwanted), bool *any)
{
	struct vm_range *unwanted = NULL;
	unsigned int nr;

	spin_lock(&cache->lock);
	nr = step(cache, &unwanted);
	spin_unlock(&cache->lock);
	schedule_point("vm_cache:batch");
	*any |= unwanted != NULL;
	vm_range_discard_list(unwanted);
	return nr;
}

/* Call `step` until it has moved less than a batch. True: ranges were given back. Thread context, no lock held. */
static bool in_batches(struct vm_cache *cache, unsigned int (*step)(struct vm_cache *cache, struct vm_range **unwanted))
{
	bool any = false;

	while (one_batch(cache, step, &any) == BATCH)
		;
	return any;
}

/*
 * Make ranges clean until one serves the request. With preemption off the caller does one batch only. A thread that
 * moves to another CPU goes on with the cache with which it began.
 */
static struct vm_range *take_after_reaping(struct vm_cache *cache, const struct vm_request *rq)
{
	struct vm_range *range;
	unsigned int nr;

	do {
		struct vm_range *unwanted = NULL;

		spin_lock(&cache->lock);
		nr = reap(cache, &unwanted);
		range = take_serving(cache, rq);
		spin_unlock(&cache->lock);
		vm_range_discard_list(unwanted);
	} while (!range && nr == BATCH && preemptible());
	return range;
}

struct vm_range *vm_cache_find(const struct vm_request *rq)
{
	struct vm_cache *cache = raw_cpu_ptr(&vm_cache);
	struct vm_range *range;

	spin_lock(&cache->lock);
	range = take_serving(cache, rq);
	spin_unlock(&cache->lock);
	if (!range && READ_ONCE(cache->oldest))
		range = take_after_reaping(cache, rq);
	if (!range)
		return NULL;
	WRITE_ONCE(range->kind, (u8)rq->kind); /* reports look at it */
	trace(TRACE_ALLOC_VMAP_AREA, range->start, rq->size, rq->align);
	return range;
}

struct vm_range *vm_cache_get(unsigned long pages, enum vm_range_kind kind)
{
	struct vm_cache *cache = raw_cpu_ptr(&vm_cache);
	struct vm_range *range;

	if (unlikely(pages > VM_CACHE_PAGES))
		return NULL;
	pages = vm_cache_round(pages);
	spin_lock(&cache->lock);
	range = take_clean(cache, (unsigned int)pages);
	spin_unlock(&cache->lock);
	if (unlikely(!range))
		return NULL;
	WRITE_ONCE(range->kind, (u8)kind);
	trace(TRACE_ALLOC_VMAP_AREA, range->start, pages << PAGE_SHIFT, PAGE_SIZE);
	return range;
}

/* Make a batch of covered ranges clean, and more while the lazy ones still weigh as much as the upper bound. */
static void reap_piece(struct vm_cache *cache)
{
	bool any = false;

	while (one_batch(cache, reap, &any) == BATCH && READ_ONCE(cache->lazy_weight) >= hard.weight)
		;
}

/*
 * The bound is reached. First make a piece of what other flushes have covered clean; while more is covered, the next
 * call goes on. Then, if nothing is, call the background; if even `hard` is reached, it did not come in time: flush
 * here.
 */
static __noinline void reached_bound(struct vm_cache *cache)
{
	bool soon, now, excess, any = false;

	reap_piece(cache);
	spin_lock(&cache->lock);
	soon = needs_flush(cache, &soft);
	now = needs_flush(cache, &hard);
	excess = has_excess(cache);
	spin_unlock(&cache->lock);
	if (excess)
		one_batch(cache, drop_excess, &any);
	if (now) {
		flush_tlb_all();
		reap_piece(cache);
	} else if (soon) {
		vm_purge_soon();
	}
}

void vm_range_retire(struct vm_range *range)
{
	struct vm_cache *cache = raw_cpu_ptr(&vm_cache);
	bool reached;

	if (CONFIG_KASAN)
		kasan_range_freed(range);
	spin_lock(&cache->lock);
	range->stamp = tlb_stamp(); /* under the lock, so that the list is in order */
	vm_range_set_state(range, VM_LAZY);
	append(cache, range);
	trace(TRACE_FREE_VMAP_AREA_NOFLUSH, range->start, cache->lazy_weight, WEIGHT);
	reached = reaches(cache, &cache->next_bound);
	vm_note_stamp(&vm_stamps.areas, range->stamp);
	tlb_oracle(deferred(range->start, range->end)); /* not before the stamp, which vm_unmap_aliases() reads */
	spin_unlock(&cache->lock);
	if (unlikely(reached))
		reached_bound(cache);
}

/* Has the cache reached `soft` with no covered range? (If some are covered, its own CPU will make them clean.) */
static bool wants_flush(struct vm_cache *cache)
{
	bool wants;

	spin_lock(&cache->lock);
	wants = needs_flush(cache, &soft);
	spin_unlock(&cache->lock);
	return wants;
}

static bool vm_cache_wants_flush(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (wants_flush(per_cpu_ptr(&vm_cache, cpu)))
			return true;
	return false;
}

bool vm_cache_reclaim(void)
{
	bool any = false;
	unsigned int cpu;

	vm_cache_flush();
	for_each_possible_cpu(cpu) {
		any |= in_batches(per_cpu_ptr(&vm_cache, cpu), reap);
		any |= in_batches(per_cpu_ptr(&vm_cache, cpu), drop_clean);
	}
	return any || !vm_stamp_covered(&vm_stamps.areas); /* or another CPU has retired a range meanwhile */
}

const struct vm_keeper vm_cache_keeper = { .reclaim = vm_cache_reclaim, .wants_flush = vm_cache_wants_flush };

/* --- checks ------------------------------------------------------------------------------------------------------- */

static bool lazy_right(const struct vm_cache *cache)
{
	unsigned long weight = 0;
	unsigned int nr = 0;

	for (const struct vm_range *range = cache->oldest; range; range = range->next) {
		weight += range->weight;
		nr++;
		if (range->state != VM_LAZY)
			return false;
	}
	return nr == cache->nr_lazy && weight == cache->lazy_weight;
}

static bool clean_right(const struct vm_cache *cache)
{
	unsigned long weight = 0;

	for (unsigned int list = 0; list <= VM_CACHE_PAGES; list++)
		for (const struct vm_range *range = cache->clean[list]; range; range = range->next) {
			weight += range->weight;
			if (range->state != VM_CLEAN || vm_range_list(vm_range_size(range) >> PAGE_SHIFT) != list)
				return false;
		}
	return weight == cache->clean_weight;
}

unsigned int vm_cache_check(void)
{
	unsigned int cpu, faults = 0;

	for_each_possible_cpu(cpu) {
		struct vm_cache *cache = per_cpu_ptr(&vm_cache, cpu);
		bool right;

		spin_lock(&cache->lock);
		right = lazy_right(cache) && clean_right(cache);
		spin_unlock(&cache->lock);
		faults += !right;
		if (!right)
			printk("vmalloc: the cache of CPU %u does not fit its counts\n", cpu);
	}
	return faults;
}
