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
 *    lazy_max of them waiting (pages or ranges), it flushes itself. So a steady stream of vmalloc and vfree costs one flush for
 *    lazy_max ranges, and the ranges go round in this CPU's cache: its lock and its lines are nobody else's.
 *
 * 3. What a cached range keeps: its place in the index, its page tables, which were carried to every process when they
 *    were made, the pointer to its entries, and the room for its page array. All that is left to do for the next user is to
 *    write the entries.
 *
 * 4. Clean ranges are bounded too. What nobody wanted while so much was freed that a flush became due is given back, if
 *    it is much: so sizes that have gone out of use make room. What is beyond goes back to the holes and merges there. When
 *    address space runs out, vm_cache_reclaim() empties all caches.
 *
 * 5. `areas_stamp` covers everything that was ever retired. It is written only when a new generation has begun, so
 *    it costs a comparison. vm_unmap_aliases() asks it.
 */
#include "vm_internal.h"

#define LAZY_RANGES 256u

struct vm_cache {
	spinlock_t lock;
	unsigned int nr_lazy;
	unsigned long lazy_pages, clean_pages;
	struct vm_range *oldest, *newest;
	struct vm_range *clean[VM_CACHE_PAGES + 1];
	struct vm_range *huge; /* clean ones that had large leaves, of any size: few, being long */
};

static DEFINE_PER_CPU(struct vm_cache, vm_cache) = { .lock = SPINLOCK_INIT("vm_cache.lock", RANK_VM_CACHE) };
static unsigned long lazy_max = LAZY_RANGES; /* pages */
static atomic_long_t areas_stamp = { -1 }; /* covered from the beginning */

static unsigned long range_pages(const struct vm_range *range)
{
	return vm_range_size(range) >> PAGE_SHIFT;
}

/* For each CPU a 64th of the arena, at most 32 MiB. Where CPUs are many and the arena is small, reclaim keeps the peace. */
void vm_cache_init(void)
{
	lazy_max = min((VMALLOC_END - VMALLOC_START) >> (PAGE_SHIFT + 6), (32ul << 20) >> PAGE_SHIFT);
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

	return range->kind == VM_RANGE_AREA && cache->clean_pages + pages <= 2 * lazy_max &&
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

/* What a flush has covered becomes clean, or goes on the list of those to be given back. */
static void reap(struct vm_cache *cache, struct vm_range **unwanted)
{
	while (cache->oldest && tlb_stamp_covered(cache->oldest->stamp)) {
		struct vm_range *range = take_oldest(cache);

		if (worth_keeping(cache, range)) {
			keep(cache, range);
			continue;
		}
		vm_range_set_state(range, VM_HELD);
		range->next = *unwanted;
		*unwanted = range;
	}
}

static void put_on(struct vm_range **list, struct vm_range *range)
{
	range->next = *list;
	*list = range;
}

static void empty_clean(struct vm_cache *cache, struct vm_range **unwanted)
{
	struct vm_range *range;

	for (unsigned int pages = 0; pages <= VM_CACHE_PAGES; pages++)
		while ((range = take_clean(cache, pages)))
			put_on(unwanted, range);
	while ((range = take_huge(cache, 0)))
		put_on(unwanted, range);
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

/* The thread may be moved at any time: then it works on the cache that it has begun with, whose lock it holds. */
static struct vm_range *get_after_reaping(struct vm_cache *cache, unsigned long pages)
{
	struct vm_range *unwanted = NULL, *range;

	spin_lock(&cache->lock);
	reap(cache, &unwanted);
	range = take_clean(cache, pages);
	spin_unlock(&cache->lock);
	give_back(unwanted);
	return range;
}

struct vm_range *vm_cache_get_huge(unsigned long pages)
{
	struct vm_cache *cache = raw_cpu_ptr(&vm_cache);
	struct vm_range *unwanted = NULL, *range;

	spin_lock(&cache->lock);
	range = take_huge(cache, pages);
	if (!range) {
		reap(cache, &unwanted);
		range = take_huge(cache, pages);
	}
	spin_unlock(&cache->lock);
	give_back(unwanted);
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
		range = get_after_reaping(cache, pages);
	if (range)
		trace(TRACE_ALLOC_VMAP_AREA, range->start, pages << PAGE_SHIFT, PAGE_SIZE);
	return range;
}

static bool is_dirty(void)
{
	return !tlb_stamp_covered((tlb_stamp_t){ (unsigned long)atomic_long_read(&areas_stamp) });
}

static bool enough_lazy(const struct vm_cache *cache)
{
	return cache->nr_lazy >= LAZY_RANGES || cache->lazy_pages >= lazy_max;
}

/* This CPU has enough waiting: one flush for all of it, unless others have flushed meanwhile. */
static __noinline void purge(struct vm_cache *cache)
{
	struct vm_range *unwanted = NULL;
	bool enough;

	spin_lock(&cache->lock);
	if (cache->clean_pages > lazy_max)
		empty_clean(cache, &unwanted);
	reap(cache, &unwanted);
	enough = enough_lazy(cache);
	spin_unlock(&cache->lock);
	if (enough) {
		flush_tlb_all();
		spin_lock(&cache->lock);
		reap(cache, &unwanted);
		spin_unlock(&cache->lock);
	}
	trace(TRACE_PURGE_VMAP_AREA_LAZY, VMALLOC_START, VMALLOC_END, 0);
	give_back(unwanted);
}

void vm_range_retire(struct vm_range *range)
{
	struct vm_cache *cache = raw_cpu_ptr(&vm_cache);
	bool enough;

	spin_lock(&cache->lock);
	range->stamp = tlb_stamp(); /* under the lock, so that the list is in order */
	vm_range_set_state(range, VM_LAZY);
	append(cache, range);
	trace(TRACE_FREE_VMAP_AREA_NOFLUSH, range->start, cache->lazy_pages, lazy_max);
	enough = enough_lazy(cache);
	vm_note_stamp(&areas_stamp, range->stamp);
	tlb_oracle(deferred(range->start, range->end)); /* not before vm_unmap_aliases() could know of it */
	spin_unlock(&cache->lock);
	if (unlikely(enough))
		purge(cache);
}

void vm_cache_flush(void)
{
	if (is_dirty())
		flush_tlb_all();
}

bool vm_cache_reclaim(void)
{
	struct vm_range *unwanted = NULL;
	unsigned int cpu;

	vm_cache_flush();
	for_each_possible_cpu(cpu) {
		struct vm_cache *cache = per_cpu_ptr(&vm_cache, cpu);

		spin_lock(&cache->lock);
		reap(cache, &unwanted);
		empty_clean(cache, &unwanted);
		spin_unlock(&cache->lock);
	}
	return give_back(unwanted);
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
