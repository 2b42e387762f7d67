/* SPDX-License-Identifier: MIT */
/*
 * Slabs: which bytes of them may be accessed, and the quarantine of freed objects.
 *
 * The quarantine is a ring. Who frees an object puts it in a place of the ring and frees the object that was there. So
 * each use after free meets a free object until as many others are freed as the ring has places. No lock: an exchange
 * gives each object to one caller.
 */
#include "mm/slab/slab_internal.h"

#define PLACES 1024u

static void *ring[PLACES];
static unsigned int next;

void slab_kasan_new(struct kmem_cache *cache, struct slab *slab)
{
	char *first = slab_object(cache, slab, cache->first), *end = (char *)slab + (PAGE_SIZE << cache->order);

	kasan_poison(first, (size_t)(end - first), KASAN_SLAB_REDZONE);
}

/* An object leaves the quarantine: it is free. */
static void put_back(void *object)
{
	struct slab *slab = virt_to_page(object)->slab;
	struct kmem_cache *cache = slab->cache;

	*object_link(cache, object) = LINK_CACHED;
	if (!cpu_stack_push(cache->magazine, object))
		slab_free_slow(cache, object);
}

void slab_kasan_free(struct kmem_cache *cache, void *object)
{
	unsigned int place = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % PLACES;

	kasan_take(object, cache->object_size, KASAN_SLAB_FREE);
	object = xchg(&ring[place], object);
	if (object)
		put_back(object);
}

void slab_kasan_drain(void)
{
	for (unsigned int i = 0; i < PLACES; i++) {
		void *object = READ_ONCE(ring[i]) ? xchg(&ring[i], NULL) : NULL;

		if (object)
			put_back(object);
	}
}
