/* SPDX-License-Identifier: MIT */
/*
 * Creating and destroying slab caches.
 *
 * Walks of the list of all caches are RCU readers (an interrupt handler is one by itself). kmem_cache_destroy() takes a
 * cache off the list, waits for a grace period, and only then frees its parts.
 *
 * Objects up to KMALLOC_SLAB_MAX live in slabs. A cache of larger objects has no slabs (end is 0), and its magazines
 * stay `no_magazine`. So every operation takes the slow path, where each object is a block of pages.
 */
#include "mm/slab/slab_internal.h"

static bool cache_possible(const char *name, size_t size, size_t align, unsigned int flags, void (*ctor)(void *))
{
	bool wrong = !name || !size || size > KMALLOC_MAX_SIZE || align > PAGE_SIZE ||
		     (align && !is_power_of_2(align)) || flags & ~SLAB_FLAGS;

	(void)ctor;
	return !WARN_ONCE(wrong, "kmem_cache_create(%s): size %zu, alignment %zu, flags %x", name ? name : "NULL", size,
			  align, flags);
}

/* The alignment for SLAB_HWCACHE_ALIGN: a cache line of 64 bytes, or a part of it if several objects fit into one. */
static size_t line_align(size_t size)
{
	size_t align = 64;

	while (size <= align / 2)
		align /= 2;
	return align;
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *))
{
	struct kmem_cache *cache = NULL;

	might_sleep();
	if (cache_possible(name, size, align, flags, ctor))
		cache = kzalloc(sizeof(*cache), GFP_KERNEL);
	if (!cache) {
		if (flags & SLAB_PANIC)
			panic("no slab cache %s", name ? name : "");
		return NULL;
	}
	if (flags & SLAB_HWCACHE_ALIGN)
		align = max(align, (unsigned int)line_align(size));
	kmem_cache_init(cache, name, size, align);
	cache->ctor = ctor;
	kmem_cache_enter(cache);
	return cache;
}

static void drain_here(void *cache)
{
	kmem_cache_drain(cache);
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	unsigned long left;

	if (!cache)
		return;
	might_sleep();
	if (CONFIG_KASAN)
		slab_kasan_drain();
	on_each_cpu(drain_here, cache, true);
	left = READ_ONCE(cache->out) + (unsigned long)atomic_long_read(&cache->blocks);
	if (WARN_ONCE(left, "kmem_cache_destroy(%s): %lu objects are in use, so it stays", cache->name, left))
		return;
	kmem_cache_leave(cache);
	synchronize_rcu();
	kmem_cache_reap(cache);
	kmem_cache_drop_magazines(cache);
	kfree(cache);
}
