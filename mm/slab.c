/* SPDX-License-Identifier: MIT */
/*
 * Small objects: slabs (Bonwick 1994) with per-CPU magazines in front (Bonwick and Adams 2001).
 *
 * 1. A slab is one page block, aligned to its size: a header, and objects of one size. The header's link[] has one entry
 *    for each object and is everything that is known about it:
 *
 *	struct slab | link[0] link[1] ... | pad to the alignment | object 0 | object 1 | ... | object nr-1
 *			 |
 *			 └─ number of the next free object (LINK_END: none), LINK_CACHED: in a magazine, LINK_USED: given out
 *
 *    So nothing is kept inside free objects, a free of anything but a given-out object is known exactly, with one
 *    compare, and in debug builds the whole of a free object can be poisoned.
 *
 * 2. A magazine is one CPU's stack of free objects of one cache. alloc and free keep interrupts off and move one pointer;
 *    no lock. Empty or full, it exchanges half of itself with the slabs under cache->lock.
 *
 * 3. Slabs with free objects are on `partial`, those with nothing else on `empty`, of which SLAB_RESERVE are kept; full
 *    ones on no list: their objects find them, since the header is at the block's (aligned) start.
 *
 * 4. Magazines come from a kmalloc cache themselves, straight out of its slabs, so that nothing recurses. Until a CPU has
 *    one, it has `no_magazine`, which is both empty and full, and every operation goes the slow way.
 */
#include "slab_types.h"

#define SLAB_RESERVE	 2
#define SLAB_MIN_OBJECTS 16 /* a slab has room for that many, header included */
#define MAGAZINE_BATCH	 15

static struct magazine no_magazine;
LIST_HEAD(kmem_caches);
static DEFINE_SPINLOCK(kmem_cache_list, RANK_SLAB_LIST);

/* --- where an object is --------------------------------------------------------------------------------------------- */

static inline struct slab *slab_of(const struct kmem_cache *cache, const void *object)
{
	return (struct slab *)((vaddr_t)object & cache->block_mask);
}

static inline unsigned int object_index(const struct kmem_cache *cache, const struct slab *slab, const void *object)
{
	u32 offset = (u32)((vaddr_t)object - (vaddr_t)slab) - cache->offset;

	return (unsigned int)((u64)offset * cache->reciprocal >> 32);
}

static inline u16 *object_link(const struct kmem_cache *cache, const void *object)
{
	struct slab *slab = slab_of(cache, object);

	return &slab->link[object_index(cache, slab, object)];
}

/* --- poison --------------------------------------------------------------------------------------------------------- */

static void poison(const struct kmem_cache *cache, void *object, int byte)
{
	if (CONFIG_DEBUG_MM)
		memset(object, byte, cache->size);
}

unsigned int slab_check_poison(const struct kmem_cache *cache, const void *object)
{
	const u8 *byte = object;

	for (unsigned int i = 0; CONFIG_DEBUG_MM && i < cache->size; i++)
		if (WARN(byte[i] != POISON_FREE, "slab %s: object %p was written to after it was freed: byte %u is %02x",
			 cache->name, object, i, byte[i]))
			return 1;
	return 0;
}

/* --- slabs ---------------------------------------------------------------------------------------------------------- */

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
	slab->first = 0;
	slab->out = 0;
	for (unsigned int i = 0; i < cache->nr; i++) {
		slab->link[i] = i + 1 < cache->nr ? (u16)(i + 1) : LINK_END;
		poison(cache, slab_object(cache, slab, i), POISON_FREE);
	}
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

/* Take up to n objects out of the slabs that have some. They are LINK_CACHED afterwards. */
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

/* Put one object back. A slab that is empty now, and not needed in reserve, goes to `surplus`. */
static void put_locked(struct kmem_cache *cache, void *object, struct list_head *surplus) __must_hold(cache->lock)
{
	struct slab *slab = slab_of(cache, object);
	unsigned int index = object_index(cache, slab, object);

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

/* Up to n objects, out of a new slab if it must be. */
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

/* --- magazines ------------------------------------------------------------------------------------------------------ */

/* See to it that this CPU has a magazine, if there is memory for it. */
static void magazine_provide(struct kmem_cache *cache, gfp_t gfp)
{
	struct kmem_cache *from = kmalloc_cache(sizeof(struct magazine));
	struct magazine *fresh;
	bool flags;

	if (likely(cache->magazine[smp_processor_id()] != &no_magazine))
		return;
	fresh = take_one(from, gfp | __GFP_NOWARN);
	if (!fresh)
		return;
	*object_link(from, fresh) = LINK_USED;
	fresh->count = 0;
	fresh->capacity = MAGAZINE_SIZE;
	flags = local_irq_save();
	if (cache->magazine[smp_processor_id()] == &no_magazine) {
		cache->magazine[smp_processor_id()] = fresh;
		fresh = NULL;
	}
	local_irq_restore(flags);
	kfree(fresh); /* another thread or an interrupt was quicker */
}

static inline void *magazine_pop(struct kmem_cache *cache)
{
	bool flags = local_irq_save();
	struct magazine *m = cache->magazine[smp_processor_id()];
	void *object = likely(m->count) ? m->object[--m->count] : NULL;

	local_irq_restore(flags);
	return object;
}

static inline bool magazine_push(struct kmem_cache *cache, void *object)
{
	bool flags = local_irq_save();
	struct magazine *m = cache->magazine[smp_processor_id()];
	bool room = likely(m->count < m->capacity);

	if (room)
		m->object[m->count++] = object;
	local_irq_restore(flags);
	return room;
}

static __noinline void *alloc_slow(struct kmem_cache *cache, gfp_t gfp)
{
	void *batch[MAGAZINE_BATCH];
	unsigned int n, kept = 1;

	magazine_provide(cache, gfp);
	n = take_many(cache, gfp, MAGAZINE_BATCH, batch);
	if (!n)
		return NULL;
	while (kept < n && magazine_push(cache, batch[kept]))
		kept++;
	put_many(cache, n - kept, batch + kept);
	return batch[0];
}

static __noinline void free_slow(struct kmem_cache *cache, void *object)
{
	void *batch[MAGAZINE_BATCH + 1];
	unsigned int n = 0;

	magazine_provide(cache, GFP_NOWAIT);
	while (n < MAGAZINE_BATCH && (batch[n] = magazine_pop(cache)))
		n++;
	batch[n++] = object;
	put_many(cache, n, batch);
}

/* --- caches --------------------------------------------------------------------------------------------------------- */

void kmem_cache_init(struct kmem_cache *cache, const char *name, unsigned int size, unsigned int align)
{
	unsigned int bytes, nr;

	align = max(align, (unsigned int)KMALLOC_MIN_SIZE);
	size = ALIGN(size, align);
	cache->order = order_base_2(DIV_ROUND_UP(SLAB_MIN_OBJECTS * size, (unsigned int)PAGE_SIZE));
	bytes = (unsigned int)PAGE_SIZE << cache->order;
	for (nr = bytes / size; ALIGN(offsetof(struct slab, link[nr]), align) + nr * size > bytes;)
		nr--;
	cache->nr = nr;
	cache->offset = ALIGN((unsigned int)offsetof(struct slab, link[nr]), align);
	cache->size = size;
	cache->reciprocal = 0xffffffffu / size + 1;
	cache->block_mask = ~((vaddr_t)bytes - 1);
	cache->name = name;
	spin_lock_init(&cache->lock, name, RANK_SLAB);
	INIT_LIST_HEAD(&cache->partial);
	INIT_LIST_HEAD(&cache->empty);
	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
		cache->magazine[cpu] = &no_magazine;
	cache->list.next = &kmem_caches; /* whoever walks the list meanwhile can go on from here */
	smp_wmb();
	spin_lock(&kmem_cache_list);
	list_add_tail(&cache->list, &kmem_caches);
	spin_unlock(&kmem_cache_list);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align)
{
	struct kmem_cache *cache;

	if (WARN(!size || size > KMALLOC_SLAB_MAX || align > KMALLOC_SLAB_MAX || (align && !is_power_of_2(align)),
		 "kmem_cache_create(%s): size %zu, alignment %zu", name, size, align))
		return NULL;
	cache = kzalloc(sizeof(*cache), GFP_KERNEL);
	if (cache)
		kmem_cache_init(cache, name, (unsigned int)size, (unsigned int)align);
	return cache;
}

/* An object leaves for its user. */
static inline void *give_out(struct kmem_cache *cache, void *object)
{
	*object_link(cache, object) = LINK_USED;
	slab_check_poison(cache, object);
	poison(cache, object, POISON_NEW);
	return object;
}

/* With an object (NULL: there was none in the magazine) and all that is not done every time. */
static __noinline void *alloc_any(struct kmem_cache *cache, gfp_t gfp, void *object)
{
	if (!object)
		object = alloc_slow(cache, gfp);
	if (!object)
		return NULL;
	give_out(cache, object);
	return gfp & __GFP_ZERO ? memset(object, 0, cache->size) : object;
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *object;

	if (inject_fails(INJECT_SLAB))
		return NULL;
	object = magazine_pop(cache);
	if (unlikely(!object || gfp & __GFP_ZERO))
		return alloc_any(cache, gfp, object);
	return give_out(cache, object);
}

static __noinline void report_bad_free(const struct slab *slab, const void *object, bool start)
{
	WARN(true, "free of %p, refused: in a slab of %s, %s", object, slab->cache->name,
	     start ? "free already" : "not the start of an object");
}

/*
 * object may be any address in the slab, and is freed if it is the start of an object that is given out. The product's
 * upper half is the quotient, and its lower half less than the reciprocal if nothing is left over (at offsets below 2^21).
 */
void slab_free(struct slab *slab, void *object)
{
	struct kmem_cache *cache = slab->cache;
	u32 offset = (u32)((vaddr_t)object - (vaddr_t)slab) - cache->offset;
	u64 product = (u64)offset * cache->reciprocal;
	unsigned int index = (unsigned int)(product >> 32);
	bool start = (u32)product < cache->reciprocal && index < cache->nr;

	if (unlikely(!start || slab->link[index] != LINK_USED)) {
		report_bad_free(slab, object, start);
		return;
	}
	slab->link[index] = LINK_CACHED;
	poison(cache, object, POISON_FREE);
	if (unlikely(!magazine_push(cache, object)))
		free_slow(cache, object);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	const struct page *page = virt_to_page_checked(object);
	struct slab *slab = page && page->state == PAGE_SLAB ? page->slab : NULL;

	if (!object)
		return;
	if (WARN(!slab || slab->cache != cache, "free of %p, refused: not an object of %s", object, cache->name))
		return;
	slab_free(slab, object);
}

/* --- giving back ---------------------------------------------------------------------------------------------------- */

void kmem_cache_drain(struct kmem_cache *cache)
{
	void *object;

	while ((object = magazine_pop(cache)))
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
