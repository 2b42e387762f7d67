/* SPDX-License-Identifier: MIT */
/*
 * Small objects (theory: mm/slab/slab.c): slabs, each a block of pages, with per-CPU magazines in front.
 * Any context but NMI; may sleep as alloc_pages(). kfree(NULL) does nothing. A free of any pointer but the start of an
 * allocated object is reported and ignored.
 */
#pragma once

#include <mm/page_alloc.h>

#define KMALLOC_MIN_SIZE  8
#define KMALLOC_SLAB_MAX  2048 /* larger ones are page blocks */
#define KMALLOC_MAX_SIZE  (PAGE_SIZE << MAX_PAGE_ORDER)

/* What kmalloc(0) returns: never NULL, never mapped, and kfree() takes it. */
#define ZERO_SIZE_PTR	    ((void *)16)
#define ZERO_OR_NULL_PTR(p) ((unsigned long)(p) <= (unsigned long)ZERO_SIZE_PTR)

struct kmem_cache;
extern struct kmem_cache *const kmalloc_caches[]; /* of 8, 16, ... KMALLOC_SLAB_MAX bytes */

/* 0 < size <= KMALLOC_SLAB_MAX */
static inline unsigned int kmalloc_index(size_t size)
{
	return 29 - (unsigned int)__builtin_clz((u32)(size - 1) | (KMALLOC_MIN_SIZE - 1));
}

void *__kmalloc(size_t size, gfp_t gfp);
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
void *__kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp); /* without a look at __GFP_ZERO */
/*
 * Zeroed with __GFP_ZERO. Alignment: the size rounded up to a power of two, at least 8 bytes, at most a page.
 * Size 0: ZERO_SIZE_PTR, through which nothing may be read or written. NULL: no memory, or more than KMALLOC_MAX_SIZE.
 * (Inline as in Linux: for a constant size the compiler picks the cache.)
 */
static __always_inline void *kmalloc(size_t size, gfp_t gfp)
{
	if (CONFIG_KASAN || !__builtin_constant_p(size) || !size || size > KMALLOC_SLAB_MAX)
		return __kmalloc(size, gfp);
	if (__builtin_constant_p(gfp) && !(gfp & __GFP_ZERO))
		return __kmem_cache_alloc(kmalloc_caches[kmalloc_index(size)], gfp);
	return kmem_cache_alloc(kmalloc_caches[kmalloc_index(size)], gfp);
}
void kfree(const void *ptr);
/* Bytes that may be used behind a kmalloc pointer; 0 for NULL and ZERO_SIZE_PTR. */
size_t ksize(const void *ptr);
static inline void *kzalloc(size_t size, gfp_t gfp) { return kmalloc(size, gfp | __GFP_ZERO); }
/* NULL when n * size overflows. */
void *kmalloc_array(size_t n, size_t size, gfp_t gfp);
static inline void *kcalloc(size_t n, size_t size, gfp_t gfp) { return kmalloc_array(n, size, gfp | __GFP_ZERO); }
/*
 * Change the size. Returns the new address; the bytes that fit are kept. ptr NULL: as kmalloc(). Size 0: freed, and
 * ZERO_SIZE_PTR. NULL: no memory, and the old memory is as it was. The size that was asked for is not stored; if every
 * call for this memory has __GFP_ZERO, all bytes that are new to the caller are zero.
 */
void *krealloc(const void *ptr, size_t size, gfp_t gfp);
void *krealloc_array(void *ptr, size_t n, size_t size, gfp_t gfp);

/*
 * Memory from kmalloc if that is easy, otherwise from vmalloc. gfp as for __vmalloc(). With __GFP_NOWAIT: any context
 * but NMI; in handlers and with interrupts off only kmalloc is tried. NULL: no memory; more than INT_MAX bytes
 * (reported, unless __GFP_NOWARN); n * size overflows. kvfree: any context but NMI. kvrealloc: as vrealloc(); memory of
 * kmalloc may move to vmalloc.
 */
void *kvmalloc_node(size_t size, gfp_t gfp, int node);
static inline void *kvmalloc(size_t size, gfp_t gfp) { return kvmalloc_node(size, gfp, -1); }
static inline void *kvzalloc(size_t size, gfp_t gfp) { return kvmalloc(size, gfp | __GFP_ZERO); }
void *kvmalloc_array(size_t n, size_t size, gfp_t gfp);
static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp) { return kvmalloc_array(n, size, gfp | __GFP_ZERO); }
void kvfree(const void *addr);
/* Wait for a grace period, then kvfree: for objects without a struct rcu_head. Thread context, may sleep. */
void kvfree_rcu_mightsleep(const void *addr);
void *kvrealloc(const void *p, size_t size, gfp_t gfp);

/*
 * A cache of objects of one size, at most KMALLOC_MAX_SIZE. align: a power of two up to a page, 0 = 8 bytes; the size
 * is rounded up to it. flags: below. ctor, or NULL: called for each object before it is given out; as in Linux, the
 * user frees it in that state. name must outlive the cache. NULL: no memory, or wrong arguments (warned). Thread
 * context, may sleep.
 */
typedef unsigned int slab_flags_t;
#define SLAB_HWCACHE_ALIGN 0x1u /* align objects to cache lines, or to an even part of one */
#define SLAB_PANIC	   0x2u /* panic instead of NULL */
#define SLAB_FLAGS	   (SLAB_HWCACHE_ALIGN | SLAB_PANIC)
/* Flags of Linux that mean nothing here. (Debug builds poison each free object.) */
#define SLAB_RECLAIM_ACCOUNT 0u
#define SLAB_ACCOUNT	     0u
#define SLAB_POISON	     0u
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *));
#define KMEM_CACHE(type, flags) kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)
/* NULL is fine. If objects are in use, that is reported, and the cache stays. Thread context, may sleep. */
void kmem_cache_destroy(struct kmem_cache *cache);
static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_alloc(cache, gfp | __GFP_ZERO);
}
/* An object of another cache is reported and ignored. NULL is fine. */
void kmem_cache_free(struct kmem_cache *cache, void *obj);

void slab_init(void);
/* Empty the magazines and free every empty slab. Thread context, interrupts on (off: only this CPU's magazines). */
void slab_shrink(void);
/* Pages held by slabs, free objects in them included. */
unsigned long slab_pages(void);
/*
 * Objects of kmalloc, of at most KMALLOC_SLAB_MAX bytes, in use or in magazines. In use alone after slab_shrink(), at a
 * quiet moment.
 */
unsigned long kmalloc_objects(void);
/* Print one line for each cache. */
void slab_dump(void);
/* The same, exact and for programs: "cache name= size= slabs= objects= out=", size in bytes. */
void slab_dump_machine(void);
/*
 * Walk all slabs that have free objects: counts, links, poison. Returns the number of faults found (and prints them).
 */
unsigned int slab_check(void);
