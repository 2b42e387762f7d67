/* SPDX-License-Identifier: MIT */
/*
 * Ranges on their way from one user to the next: one cache a CPU.
 *
 *	retire --> [ oldest ... lazy ... newest ] --flushed--> clean[2] clean[3] ... clean[320]  --> vm_cache_get
 *		      in the order of their stamps	   |	 by pages, guard included
 *							   +--> huge: of any size, which had large leaves
 *							   +--> of another size or kind: a hole again
 *
 * 1. A range that is retired has empty entries, but CPUs may remember what was in them. It gets a stamp (arch/tlb.h) and
 *    waits. Stamps only grow, so the list is sorted by itself, and the ranges that a flush has covered are its beginning.
 *
 * 2. Nobody flushes for one range. Any flush of everything serves all CPUs' ranges, whoever asked for it. When one CPU has
 *    `soft` of them waiting (pages or ranges), it calls the background (vm_purge.c), once; if that has not come when it has
 *    `hard`, it flushes itself. So a steady stream of vmalloc and vfree costs one flush for some hundred ranges, and the
 *    ranges go round in this CPU's cache: its lock and its lines are nobody else's.
 *
 *    All CPUs together have an eighth of the arena waiting at most, and at most 32 MiB each: what waits is lost to those who
 *    need space elsewhere in the arena, until they flush for it. (One range may be larger than that. It is purged at once.)
 *    So it is 16 MiB of an arena of 128 MiB, 2 MiB a CPU if there are 8 of them, and one flush still serves more than a
 *    hundred ranges of a few pages. Between soft and hard there is time for a CPU that sleeps to come and do it, and
 *    little is lost if none does.
 *
 * 3. What a cached range keeps: its place in the index, its page tables, which were carried to every process when they
 *    were made, the pointer to its entries, and the room for its page array. All that is left to do for the next user is to
 *    write the entries.
 *
 * 4. Clean ranges are bounded too. What nobody wanted while so much was freed that a flush became due is given back, if
 *    it is much: so sizes that have gone out of use make room. What is beyond goes back to the holes and merges there. When
 *    address space runs out, vm_cache_reclaim() empties all caches.
 *
 * 5. Lists are worked off in batches, and between two of them the lock is dropped: so no holding of it is long, however much
 *    has been waiting.
 *
 * 6. `areas_stamp` covers everything that was ever retired. It is written only when a new generation has begun, so
 *    it costs a comparison. vm_unmap_aliases() asks it.
 */
#include "vm_internal.h"

#define LAZY_RANGES 256u /* they and their descriptors stay in the CPU's own caches */
#define BATCH	    32u /* ranges that are moved under one holding of a lock */

/* So much of what is lazy calls for something. */
struct bound {
	unsigned int ranges;
	unsigned long pages;
};

struct vm_cache {
	spinlock_t lock;
	unsigned int nr_lazy;
	unsigned long lazy_pages, clean_pages;
	struct bound due; /* soft, and after the background has been called hard; 0: not set yet */
	struct vm_range *oldest, *newest;
	struct vm_range *clean[VM_CACHE_PAGES + 1];
	struct vm_range *huge; /* clean ones that had large leaves, of any size: few, being long */
};

static DEFINE_PER_CPU(struct vm_cache, vm_cache) = { .lock = SPINLOCK_INIT("vm_cache.lock", RANK_VM_CACHE) };
static struct bound soft = { LAZY_RANGES * 3 / 4, LAZY_RANGES }, hard = { LAZY_RANGES, LAZY_RANGES };
static atomic_long_t areas_stamp = { -1 }; /* covered from the beginning */

static unsigned long range_pages(const struct vm_range *range)
{
	return vm_range_size(range) >> PAGE_SHIFT;
}

void vm_cache_set_bounds(unsigned int cpus)
{
	unsigned long arena = (VMALLOC_END - VMALLOC_START) >> PAGE_SHIFT;

	hard.pages = min(arena / 8 / cpus, (32ul << 20) >> PAGE_SHIFT);
	soft.pages = hard.pages / 4 * 3;
}

static bool reaches(const struct vm_cache *cache, const struct bound *bound)
{
	return cache->nr_lazy >= bound->ranges || cache->lazy_pages >= bound->pages;
}

/* --- under a cache's lock ------------------------------------------------------------------------------------------- */

/* Made by vmalloc with large leaves, so it lies as the next such area must. */
static bool is_huge(const struct vm_range *range)
{
	return range->own.page_order && (range->own.flags & VM_ALLOC);
}

/* Only areas are worth keeping, in the sizes that are asked for: the others are large, or blocks with a life of their own. */
static bool worth_keeping(const struct vm_cache *cache, const struct vm_range *range)
{
	unsigned long pages = range_pages(range);

	return range->kind == VM_RANGE_AREA && cache->clean_pages + pages <= 2 * hard.pages &&
	       (is_huge(range) || (pages <= VM_CACHE_PAGES && pages == vm_cache_round(pages)));
}

static void keep(struct vm_cache *cache, struct vm_range *range)
{
	unsigned long pages = range_pages(range);
	struct vm_range **list = is_huge(range) ? &cache->huge : &cache->clean[pages];

	vm_range_set_state(range, VM_CLEAN);
	range->next = *list;
	*list = range;
	cache->clean_pages += pages;
}

/* pages 0: any. */
static struct vm_range *take_huge(struct vm_cache *cache, unsigned long pages)
{
	struct vm_range **link = &cache->huge, *range;

	while (*link && pages && range_pages(*link) != pages)
		link = &(*link)->next;
	range = *link;
	if (!range)
		return NULL;
	*link = range->next;
	cache->clean_pages -= range_pages(range);
	vm_range_set_state(range, VM_HELD);
	return range;
}

static struct vm_range *take_clean(struct vm_cache *cache, unsigned long pages)
{
	struct vm_range *range = cache->clean[pages];

	if (!range)
		return NULL;
	cache->clean[pages] = range->next;
	cache->clean_pages -= pages;
	vm_range_set_state(range, VM_HELD);
	return range;
}

static void append(struct vm_cache *cache, struct vm_range *range)
{
	range->next = NULL;
	if (cache->oldest)
		cache->newest->next = range;
	else
		WRITE_ONCE(cache->oldest, range); /* looked at without the lock, as a hint */
	cache->newest = range;
	cache->nr_lazy++;
	cache->lazy_pages += range_pages(range);
}

static struct vm_range *take_oldest(struct vm_cache *cache)
{
	struct vm_range *range = cache->oldest;

	WRITE_ONCE(cache->oldest, range->next);
	cache->nr_lazy--;
	cache->lazy_pages -= range_pages(range);
	return range;
}

static void put_on(struct vm_range **list, struct vm_range *range)
{
	range->next = *list;
	*list = range;
}

static void set_due(struct vm_cache *cache)
{
	cache->due = reaches(cache, &soft) ? hard : soft;
}

/*
 * What a flush has covered becomes clean, or goes on the list of those to be given back. Returns how many it was: with a whole
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
	set_due(cache);
	if (nr)
		trace(TRACE_PURGE_VMAP_AREA_LAZY, VMALLOC_START, VMALLOC_END, nr);
	return nr;
}

/* The same with what is clean. */
static unsigned int drop_clean(struct vm_cache *cache, struct vm_range **unwanted)
{
	unsigned int nr = 0, pages = 0;
	struct vm_range *range;

	while (nr < BATCH && pages <= VM_CACHE_PAGES + 1) {
		range = pages > VM_CACHE_PAGES ? take_huge(cache, 0) : take_clean(cache, pages);
		if (!range) {
			pages++;
			continue;
		}
		put_on(unwanted, range);
		nr++;
	}
	if (nr)
		trace(TRACE_PURGE_VMAP_AREA_LAZY, VMALLOC_START, VMALLOC_END, nr);
	return nr;
}

/* --- without it ----------------------------------------------------------------------------------------------------- */

static bool give_back(struct vm_range *unwanted)
{
	struct vm_range *next;

	for (struct vm_range *range = unwanted; range; range = next) {
		next = range->next;
		vm_range_forget_pages(range);
		vm_range_free(range);
	}
	return unwanted != NULL;
}

/* Do `some` to the cache until there is nothing left to do. True: ranges were given back. Thread context, no lock held. */
static bool all_of(struct vm_cache *cache, unsigned int (*some)(struct vm_cache *cache, struct vm_range **unwanted))
{
	bool any = false;
	unsigned int nr;

	do {
		struct vm_range *unwanted = NULL;

		spin_lock(&cache->lock);
		nr = some(cache, &unwanted);
		spin_unlock(&cache->lock);
		schedule_point("vm_cache:batch");
		any |= give_back(unwanted);
	} while (nr == BATCH);
	return any;
}

/*
 * A clean range, or one that becomes clean, of so many pages. Who may not be preempted stops after one batch. The thread may be
 * moved at any time: then it works on the cache that it has begun with.
 */
static struct vm_range *get_after_reaping(struct vm_cache *cache, unsigned long pages,
					  struct vm_range *(*take)(struct vm_cache *cache, unsigned long pages))
{
	struct vm_range *range;
	unsigned int nr;

	do {
		struct vm_range *unwanted = NULL;

		spin_lock(&cache->lock);
		nr = reap(cache, &unwanted);
		range = take(cache, pages);
		spin_unlock(&cache->lock);
		give_back(unwanted);
	} while (!range && nr == BATCH && preemptible());
	return range;
}

struct vm_range *vm_cache_get_huge(unsigned long pages)
{
	struct vm_cache *cache = raw_cpu_ptr(&vm_cache);
	struct vm_range *range;

	spin_lock(&cache->lock);
	range = take_huge(cache, pages);
	spin_unlock(&cache->lock);
	if (!range && READ_ONCE(cache->oldest))
		range = get_after_reaping(cache, pages, take_huge);
	return range;
}

struct vm_range *vm_cache_get(unsigned long pages)
{
	struct vm_cache *cache = raw_cpu_ptr(&vm_cache);
	struct vm_range *range;

	if (unlikely(pages > VM_CACHE_PAGES))
		return NULL;
	pages = vm_cache_round(pages);
	spin_lock(&cache->lock);
	range = take_clean(cache, pages);
	spin_unlock(&cache->lock);
	if (unlikely(!range && READ_ONCE(cache->oldest)))
		range = get_after_reaping(cache, pages, take_clean);
	if (range)
		trace(TRACE_ALLOC_VMAP_AREA, range->start, pages << PAGE_SHIFT, PAGE_SIZE);
	return range;
}

static bool is_dirty(void)
{
	return !tlb_stamp_covered((tlb_stamp_t){ (unsigned long)atomic_long_read(&areas_stamp) });
}

void vm_cache_flush(void)
{
	if (is_dirty())
		flush_tlb_all();
}

/* Use what others have flushed. True: enough is waiting all the same. */
static bool reap_all(struct vm_cache *cache)
{
	bool enough;

	all_of(cache, reap);
	spin_lock(&cache->lock);
	enough = reaches(cache, &soft);
	spin_unlock(&cache->lock);
	return enough;
}

/* One flush for all that waits here. */
static void purge(struct vm_cache *cache)
{
	if (!reap_all(cache))
		return;
	flush_tlb_all();
	all_of(cache, reap);
}

/* Enough waits to call the background; or it was called and has not come. */
static __noinline void much_is_lazy(struct vm_cache *cache)
{
	bool soon, now, clean_enough;

	spin_lock(&cache->lock);
	soon = reaches(cache, &soft);
	now = reaches(cache, &hard);
	clean_enough = soon && cache->clean_pages > 2 * hard.pages - soft.pages;
	set_due(cache);
	spin_unlock(&cache->lock);
	if (clean_enough)
		all_of(cache, drop_clean);
	if (now)
		purge(cache);
	else if (soon)
		vm_purge_soon();
}

void vm_range_retire(struct vm_range *range)
{
	struct vm_cache *cache = raw_cpu_ptr(&vm_cache);
	bool much;

	spin_lock(&cache->lock);
	range->stamp = tlb_stamp(); /* under the lock, so that the list is in order */
	vm_range_set_state(range, VM_LAZY);
	append(cache, range);
	trace(TRACE_FREE_VMAP_AREA_NOFLUSH, range->start, cache->lazy_pages, hard.pages);
	much = reaches(cache, &cache->due);
	vm_note_stamp(&areas_stamp, range->stamp);
	tlb_oracle(deferred(range->start, range->end)); /* not before vm_unmap_aliases() could know of it */
	spin_unlock(&cache->lock);
	if (unlikely(much))
		much_is_lazy(cache);
}

/* As a rule a CPU reaps what flushes have covered at its next visit; for those that have come to rest it is done here. */
void vm_cache_purge(void)
{
	bool enough = false;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		enough |= reap_all(per_cpu_ptr(&vm_cache, cpu));
	if (enough)
		vm_cache_flush();
}

bool vm_cache_reclaim(void)
{
	bool any = false;
	unsigned int cpu;

	vm_cache_flush();
	for_each_possible_cpu(cpu) {
		any |= all_of(per_cpu_ptr(&vm_cache, cpu), reap);
		any |= all_of(per_cpu_ptr(&vm_cache, cpu), drop_clean);
	}
	return any;
}

/* --- checks --------------------------------------------------------------------------------------------------------- */

static bool cache_right(struct vm_cache *cache)
{
	unsigned long lazy = 0, clean = 0;
	unsigned int nr = 0;

	for (const struct vm_range *range = cache->oldest; range; range = range->next) {
		lazy += range_pages(range);
		nr++;
		if (range->state != VM_LAZY)
			return false;
	}
	for (unsigned int pages = 0; pages <= VM_CACHE_PAGES; pages++)
		for (const struct vm_range *range = cache->clean[pages]; range; range = range->next) {
			clean += pages;
			if (range->state != VM_CLEAN || range_pages(range) != pages)
				return false;
		}
	for (const struct vm_range *range = cache->huge; range; range = range->next) {
		clean += range_pages(range);
		if (range->state != VM_CLEAN || !is_huge(range))
			return false;
	}
	return lazy == cache->lazy_pages && clean == cache->clean_pages && nr == cache->nr_lazy;
}

unsigned int vm_cache_check(void)
{
	unsigned int cpu, faults = 0;

	for_each_possible_cpu(cpu) {
		struct vm_cache *cache = per_cpu_ptr(&vm_cache, cpu);
		bool right;

		spin_lock(&cache->lock);
		right = cache_right(cache);
		spin_unlock(&cache->lock);
		faults += !right;
		if (!right)
			printk("vmalloc: the cache of CPU %u does not fit its counts\n", cpu);
	}
	return faults;
}
