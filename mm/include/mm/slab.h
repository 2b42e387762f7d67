/* SPDX-License-Identifier: MIT */
/*
 * Small objects (theory: mm/slab/slab.c). Per-CPU magazines in front of slabs of one page block each.
 * Any context but NMI; waits as alloc_pages does. kfree(NULL) does nothing; a foreign, interior or free pointer is
 * reported and ignored.
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
 * Zeroed with __GFP_ZERO. Alignment: the size rounded up to a power of two, at most a page; 8 bytes at least.
 * Size 0: ZERO_SIZE_PTR, which nobody may look behind. NULL = no memory, or more than KMALLOC_MAX_SIZE. (Inline as
 * Linux's: of a size that the compiler knows it knows the cache.)
 */
static __always_inline void *kmalloc(size_t size, gfp_t gfp)
{
	if (!__builtin_constant_p(size) || !size || size > KMALLOC_SLAB_MAX)
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
 * Another size: the block's address afterwards, with what fits of its bytes. NULL pointer: as kmalloc(). Size 0: freed, and
 * ZERO_SIZE_PTR. NULL: no memory, and the old block is as it was. A block only knows how many bytes it has, not how many
 * were asked for: with __GFP_ZERO at each call all bytes that its caller has not had before are zero.
 */
void *krealloc(const void *ptr, size_t size, gfp_t gfp);
void *krealloc_array(void *ptr, size_t n, size_t size, gfp_t gfp);

/*
 * By kmalloc if that is easy, else by vmalloc. gfp as for __vmalloc(); with __GFP_NOWAIT any context but NMI, but in handlers
 * and with interrupts off only what kmalloc can give. NULL: no memory; more than INT_MAX bytes (reported, unless __GFP_NOWARN); n * size overflows. kvfree:
 * any context but NMI. kvrealloc: as vrealloc(); a small block may move between the two.
 */
void *kvmalloc_node(size_t size, gfp_t gfp, int node);
static inline void *kvmalloc(size_t size, gfp_t gfp) { return kvmalloc_node(size, gfp, -1); }
static inline void *kvzalloc(size_t size, gfp_t gfp) { return kvmalloc(size, gfp | __GFP_ZERO); }
void *kvmalloc_array(size_t n, size_t size, gfp_t gfp);
static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp) { return kvmalloc_array(n, size, gfp | __GFP_ZERO); }
void kvfree(const void *addr);
/* kvfree after a grace period, of an object that has no struct rcu_head. Waits for it: thread context, may sleep. */
void kvfree_rcu_mightsleep(const void *addr);
void *kvrealloc(const void *p, size_t size, gfp_t gfp);

/*
 * Objects of one size, at most KMALLOC_MAX_SIZE. align: a power of two up to a page, 0 = 8 bytes; the size is rounded up to it.
 * flags: below. ctor, or NULL: called for an object before it is given out; its user leaves it in that state at the free.
 * name must outlive the cache. NULL: no memory, or wrong arguments (warned). Thread context, may sleep.
 */
typedef unsigned int slab_flags_t;
#define SLAB_HWCACHE_ALIGN 0x1u /* objects share no cache line that they need not share */
#define SLAB_PANIC	   0x2u /* panic instead of NULL */
#define SLAB_FLAGS	   (SLAB_HWCACHE_ALIGN | SLAB_PANIC)
/* What Linux tells apart and this kernel does not. (Debug builds poison each free object.) */
#define SLAB_RECLAIM_ACCOUNT 0u
#define SLAB_ACCOUNT	     0u
#define SLAB_POISON	     0u
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *));
#define KMEM_CACHE(type, flags) kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)
/* NULL is fine. If objects are in use it is reported, and the cache stays. Thread context, may sleep. */
void kmem_cache_destroy(struct kmem_cache *cache);
static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kmem_cache_alloc(cache, gfp | __GFP_ZERO);
}
/* An object of another cache is reported and ignored. NULL is fine. */
void kmem_cache_free(struct kmem_cache *cache, void *obj);

void slab_init(void);
/* Give back what the magazines keep, and every empty slab. Thread context, interrupts on (off: only this CPU's). */
void slab_shrink(void);
/* Pages held by slabs, free objects in them included. */
unsigned long slab_pages(void);
/* Objects of kmalloc up to KMALLOC_SLAB_MAX that are in use, or in magazines: exact after slab_shrink() at a quiet moment. */
unsigned long kmalloc_objects(void);
/* One line a cache. */
void slab_dump(void);
/* The same, exact and for programs: "cache name= size= slabs= objects= out=", size in bytes. */
void slab_dump_machine(void);
/* Walk all slabs that have free objects: counts, links, poison. Returns the number of faults found (and prints them). */
unsigned int slab_check(void);
