/* SPDX-License-Identifier: MIT */
/*
 * Small objects: slabs (Bonwick 1994) with per-CPU magazines in front (Bonwick and Adams 2001).
 *
 * 1. A slab is one page block, aligned to its size, divided into places of one object's size. The first places hold the
 *    header, whose link[] has one entry for each place, and two more, for what is left over behind the last:
 *
 *	| struct slab | link[0] link[1] ... link[end+1] |  object  |  object  | ... |  object  | rest
 *	0			|		      first	 first+1	    end-1      end
 *				└─ number of the next free place (LINK_END: none), LINK_CACHED: it is in a magazine,
 *				   LINK_USED: it is given out; LINK_NONE: no object, but header or rest
 *
 *    So nothing is kept inside free objects, and debug builds can poison all of a free object. Two comparisons tell an
 *    object that is given out from any other address in the slab. In debug builds a place ends with a redzone, and
 *    there is one before the first object: so each object has one on both sides. They are checked when an object is
 *    freed, and by slab_check(). Nobody can write over the list of free places without crossing a redzone; its numbers
 *    are checked where they are used.
 *
 * 2. A magazine is one CPU's stack of free objects of one cache (arch/cpu_stack.h). alloc and free move one pointer; no
 *    lock. Empty or full, it exchanges half of itself with the slabs under cache->lock.
 *
 * 3. Slabs with free and used objects are on `partial`. Slabs with free objects only are on `empty`, of which
 *    SLAB_RESERVE are kept. Full slabs are on no list: a free finds them by the object's address, because the header is
 *    at the aligned start.
 *
 * 4. Magazines are objects of a kmalloc cache, taken directly from its slabs so that nothing recurses. A CPU without a
 *    magazine has `no_magazine`, which is both empty and full, so every operation takes the slow path.
 */
#include "mm/slab/slab_internal.h"

#define SLAB_RESERVE	 2
#define MAGAZINE_BATCH	 15

static struct cpu_stack no_magazine;
struct kmem_cache *slab_magazine_cache __ro_after_init;

/* --- poison ------------------------------------------------------------------------------------------------------- */

/* The object is poisoned anew, so the next check reports only later writes. */
unsigned int slab_check_poison(const struct kmem_cache *cache, void *object)
{
	const u8 *byte = object;

	for (unsigned int i = 0; SLAB_PATTERNS && i < cache->object_size; i++) {
		if (!WARN_ONCE(byte[i] != POISON_FREE,
			       "slab %s: object %p was written to after it was freed: byte %u is %02x", cache->name,
			       object, i, byte[i]))
			continue;
		poison(cache, object, POISON_FREE);
		return 1;
	}
	return 0;
}

/* --- redzones ----------------------------------------------------------------------------------------------------- */

static unsigned int redzone_bytes(const struct kmem_cache *cache)
{
	return min(cache->size - cache->object_size, REDZONE_CHECKED);
}

/* The redzones are as new afterwards, so one write is reported once. */
static void redzones_paint(const struct kmem_cache *cache, void *object)
{
	unsigned int bytes = redzone_bytes(cache);

	memset((char *)object - bytes, REDZONE_BYTE, bytes);
	memset((char *)object + cache->object_size, REDZONE_BYTE, bytes);
}

unsigned int slab_check_redzones(const struct kmem_cache *cache, void *object)
{
	unsigned int bytes = redzone_bytes(cache);
	const u8 *before = (u8 *)object - bytes, *behind = (u8 *)object + cache->object_size;
	unsigned int i = 0;

	while (i < bytes && before[bytes - 1 - i] == REDZONE_BYTE && behind[i] == REDZONE_BYTE)
		i++;
	if (i == bytes)
		return 0;
	WARN_ONCE(before[bytes - 1 - i] != REDZONE_BYTE, "slab %s: somebody wrote before object %p: byte -%u is %02x",
		  cache->name, object, i + 1, before[bytes - 1 - i]);
	WARN_ONCE(behind[i] != REDZONE_BYTE, "slab %s: somebody wrote behind object %p of %u bytes: byte %u is %02x",
		  cache->name, object, cache->object_size, cache->object_size + i, behind[i]);
	redzones_paint(cache, object);
	return 1;
}

/* The number of a free place, before it is followed. */
static void check_first(const struct kmem_cache *cache, const struct slab *slab)
{
	if (CONFIG_DEBUG_MM && unlikely(slab->first < cache->first || slab->first >= cache->end))
		panic("slab %s: the list of free places of %p leads to %x, which is no object", cache->name,
		      (const void *)slab, slab->first);
}

/* --- slabs -------------------------------------------------------------------------------------------------------- */

static struct slab *slab_create(struct kmem_cache *cache, gfp_t gfp)
{
	struct page *page = alloc_pages(gfp & (__GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY), cache->order);
	struct slab *slab;

	if (!page)
		return NULL;
	slab = page_address(page);
	slab_window_reach(slab);
	for (unsigned int i = 0; i < 1u << cache->order; i++) {
		WRITE_ONCE(page[i].state, PAGE_SLAB);
		page[i].slab = slab;
	}
	slab->cache = cache;
	slab->first = cache->first;
	slab->out = 0;
	for (unsigned int i = 0; i < cache->end + 2u; i++)
		slab->link[i] = LINK_NONE;
	for (unsigned int i = cache->first; i < cache->end; i++) {
		slab->link[i] = i + 1 < cache->end ? (u16)(i + 1) : LINK_END;
		poison(cache, slab_object(cache, slab, i), POISON_FREE);
		if (SLAB_PATTERNS)
			redzones_paint(cache, slab_object(cache, slab, i));
	}
	if (CONFIG_KASAN)
		slab_kasan_new(cache, slab);
	return slab;
}

static void slab_destroy(struct kmem_cache *cache, struct slab *slab)
{
	struct page *page = virt_to_page(slab);

	for (unsigned int i = 0; i < 1u << cache->order; i++) {
		page[i].slab = NULL;
		WRITE_ONCE(page[i].state, i ? PAGE_TAIL : PAGE_USED);
	}
	__free_pages(page, cache->order);
}

/* Take up to n objects from slabs with free ones; they become LINK_CACHED. Returns how many. */
static unsigned int take_locked(struct kmem_cache *cache, unsigned int n, void **objects) __must_hold(cache->lock)
{
	unsigned int got = 0;

	while (got < n) {
		struct list_head *list = list_empty(&cache->partial) ? &cache->empty : &cache->partial;
		struct slab *slab = list_first_entry_or_null(list, struct slab, list);

		if (!slab)
			break;
		if (list == &cache->empty) {
			list_move(&slab->list, &cache->partial);
			cache->nr_empty--;
		}
		for (; got < n && slab->first != LINK_END; slab->out++) {
			u16 *link = &slab->link[slab->first];

			check_first(cache, slab);
			objects[got++] = slab_object(cache, slab, slab->first);
			slab->first = *link;
			*link = LINK_CACHED;
		}
		if (slab->first == LINK_END)
			list_del_init(&slab->list);
	}
	cache->out += got;
	return got;
}

/* Put one object back. If its slab is empty now and the reserve is full, the slab goes to `surplus`. */
static void put_locked(struct kmem_cache *cache, void *object, struct list_head *surplus) __must_hold(cache->lock)
{
	struct slab *slab = slab_of(cache, object);
	unsigned int index = object_index(cache, slab, object);

	BUG_ON(CONFIG_DEBUG_MM && slab->link[index] != LINK_CACHED);
	if (slab->first == LINK_END)
		list_add(&slab->list, &cache->partial);
	slab->link[index] = slab->first;
	slab->first = (u16)index;
	cache->out--;
	if (--slab->out)
		return;
	if (cache->nr_empty < SLAB_RESERVE) {
		list_move(&slab->list, &cache->empty);
		cache->nr_empty++;
	} else {
		list_move(&slab->list, surplus);
		cache->nr_slabs--;
	}
}

static void destroy_all(struct kmem_cache *cache, struct list_head *surplus)
{
	struct slab *slab, *next;

	list_for_each_entry_safe(slab, next, surplus, list)
		slab_destroy(cache, slab);
}

static void put_many(struct kmem_cache *cache, unsigned int n, void **objects)
{
	LIST_HEAD(surplus);
	bool flags;

	spin_lock_irqsave(&cache->lock, flags);
	for (unsigned int i = 0; i < n; i++)
		put_locked(cache, objects[i], &surplus);
	spin_unlock_irqrestore(&cache->lock, flags);
	destroy_all(cache, &surplus);
}

/* Take up to n objects, from a new slab if there are no others. Returns how many. */
static unsigned int take_many(struct kmem_cache *cache, gfp_t gfp, unsigned int n, void **objects)
{
	unsigned int got;
	bool flags;

	spin_lock_irqsave(&cache->lock, flags);
	got = take_locked(cache, n, objects);
	spin_unlock_irqrestore(&cache->lock, flags);
	while (!got) {
		struct slab *slab = slab_create(cache, gfp);

		if (!slab)
			break;
		spin_lock_irqsave(&cache->lock, flags);
		list_add(&slab->list, &cache->empty);
		cache->nr_empty++;
		cache->nr_slabs++;
		got = take_locked(cache, n, objects);
		spin_unlock_irqrestore(&cache->lock, flags);
	}
	return got;
}

static void *take_one(struct kmem_cache *cache, gfp_t gfp)
{
	void *object;

	return take_many(cache, gfp, 1, &object) ? object : NULL;
}

/* --- magazines ---------------------------------------------------------------------------------------------------- */

static void magazine_free(struct cpu_stack *magazine)
{
	slab_free(slab_of(slab_magazine_cache, magazine), magazine);
}

/* Give this CPU a magazine if it has none and there is memory for one. */
static void magazine_provide(struct kmem_cache *cache, gfp_t gfp)
{
	struct cpu_stack *fresh;
	bool flags;

	if (likely(cache->magazine[smp_processor_id()] != &no_magazine))
		return;
	fresh = take_one(slab_magazine_cache, gfp | __GFP_NOWARN);
	if (!fresh)
		return;
	*object_link(slab_magazine_cache, fresh) = LINK_USED;
	kasan_unpoison(fresh, slab_magazine_cache->object_size);
	fresh->count = 0;
	fresh->capacity = MAGAZINE_SIZE;
	flags = arch_local_irq_save();
	if (cache->magazine[smp_processor_id()] == &no_magazine) {
		cache->magazine[smp_processor_id()] = fresh;
		fresh = NULL;
	}
	local_irq_restore(flags);
	if (fresh) /* another thread or an interrupt was quicker */
		magazine_free(fresh);
}

static __noinline void *alloc_object_slow(struct kmem_cache *cache, gfp_t gfp)
{
	void *batch[MAGAZINE_BATCH];
	unsigned int n, kept = 1;

	magazine_provide(cache, gfp);
	n = take_many(cache, gfp, MAGAZINE_BATCH, batch);
	if (!n)
		return NULL;
	while (kept < n && cpu_stack_push(cache->magazine, batch[kept]))
		kept++;
	put_many(cache, n - kept, batch + kept);
	return batch[0];
}

void slab_free_slow(struct kmem_cache *cache, void *object)
{
	void *batch[MAGAZINE_BATCH + 1];
	unsigned int n = 0;

	magazine_provide(cache, GFP_NOWAIT);
	while (n < MAGAZINE_BATCH && (batch[n] = cpu_stack_pop(cache->magazine)))
		n++;
	batch[n++] = object;
	put_many(cache, n, batch);
}

/* --- caches ------------------------------------------------------------------------------------------------------- */

/* Compute how slabs are divided into places. */
static void lay_out(struct kmem_cache *cache)
{
	unsigned int size = cache->size, redzone = size - cache->object_size, bytes;

	cache->order = order_base_2(DIV_ROUND_UP(SLAB_MIN_PLACES * size, (unsigned int)PAGE_SIZE));
	bytes = (unsigned int)PAGE_SIZE << cache->order;
	cache->end = (u16)(bytes / size);
	cache->first = (u16)DIV_ROUND_UP((unsigned int)offsetof(struct slab, link[cache->end + 2]) + redzone, size);
	cache->reciprocal = DIV_ROUND_UP(1u << INDEX_SHIFT, size);
	cache->block_mask = ~((vaddr_t)bytes - 1);
}

void kmem_cache_init(struct kmem_cache *cache, const char *name, unsigned int size, unsigned int align)
{
	align = max(align, (unsigned int)KMALLOC_MIN_SIZE);
	cache->object_size = ALIGN(size, align);
	cache->size = cache->object_size;
	if (SLAB_REDZONES && cache->size <= KMALLOC_SLAB_MAX)
		cache->size += max(align, REDZONE_LEAST);
	cache->name = name;
	spin_lock_init_ranked(&cache->lock, name, RANK_SLAB);
	INIT_LIST_HEAD(&cache->partial);
	INIT_LIST_HEAD(&cache->empty);
	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
		cache->magazine[cpu] = &no_magazine;
	if (cache->object_size <= KMALLOC_SLAB_MAX)
		lay_out(cache);
}

/* The object is given to its user. */
static inline void *give_out(struct kmem_cache *cache, void *object)
{
	*object_link(cache, object) = LINK_USED;
	if (CONFIG_KASAN)
		kasan_give(object, cache->object_size, cache->size, KASAN_SLAB_REDZONE);
	slab_check_poison(cache, object);
	poison(cache, object, POISON_NEW);
	return object;
}

static __noinline void *alloc_after_refill(struct kmem_cache *cache, gfp_t gfp)
{
	void *object;

	if (cache->end == 0) /* its objects are page blocks */
		return slab_alloc_block(cache, gfp);
	object = alloc_object_slow(cache, gfp);
	return object ? give_out(cache, object) : NULL;
}

void *__kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *object;

	might_alloc(gfp);
	if (inject_fails(INJECT_SLAB))
		return NULL;
	object = cpu_stack_pop(cache->magazine);
	return likely(object) ? give_out(cache, object) : alloc_after_refill(cache, gfp);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *object = __kmem_cache_alloc(cache, gfp);

	if (unlikely(cache->ctor) && object)
		cache->ctor(object);
	return gfp & __GFP_ZERO && object ? memset(object, 0, cache->object_size) : object;
}

void slab_report_bad_free(const struct slab *slab, const void *object)
{
	unsigned int index = object_index(slab->cache, slab, object);
	bool start = starts_place(slab->cache, slab, object, index);

	WARN_ONCE(true, "free of %p, refused: in a slab of %s, %s", object, slab->cache->name,
		  start && slab->link[index] != LINK_NONE ? "free already" : "not the start of an object");
	if (CONFIG_KASAN)
		kasan_describe((vaddr_t)object);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	struct page *page = virt_to_page_checked(object);
	struct slab *slab = page && page->state == PAGE_SLAB ? page->slab : NULL;

	if (!object)
		return;
	if (likely(slab && slab->cache == cache))
		slab_free(slab, object);
	else
		slab_free_block(cache, page, object);
}

/* --- giving back -------------------------------------------------------------------------------------------------- */

void kmem_cache_drain(struct kmem_cache *cache)
{
	void *object;

	while ((object = cpu_stack_pop(cache->magazine)))
		put_many(cache, 1, &object);
}

void kmem_cache_reap(struct kmem_cache *cache)
{
	LIST_HEAD(surplus);
	bool flags;

	spin_lock_irqsave(&cache->lock, flags);
	list_splice_init(&cache->empty, &surplus);
	cache->nr_slabs -= cache->nr_empty;
	cache->nr_empty = 0;
	spin_unlock_irqrestore(&cache->lock, flags);
	destroy_all(cache, &surplus);
}

void kmem_cache_drop_magazines(struct kmem_cache *cache)
{
	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (cache->magazine[cpu] != &no_magazine)
			magazine_free(cache->magazine[cpu]);
		cache->magazine[cpu] = &no_magazine;
	}
}
