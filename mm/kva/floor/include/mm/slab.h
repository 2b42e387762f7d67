/* SPDX-License-Identifier: MIT */
/*
 * Small objects come from the host (objects.c). Where the caller may not sleep, an allocation fails without asking, and
 * a free is put off.
 */
#pragma once

#include <mm/page_alloc.h>

#define KMALLOC_MAX_SIZE (PAGE_SIZE << 2)

#define ZERO_SIZE_PTR	    ((void *)16)
#define ZERO_OR_NULL_PTR(p) ((unsigned long)(p) <= (unsigned long)ZERO_SIZE_PTR)

void *kmalloc(size_t size, gfp_t gfp);
void kfree(const void *object);
size_t ksize(const void *object);
static inline void *kzalloc(size_t size, gfp_t gfp) { return kmalloc(size, gfp | __GFP_ZERO); }
void *kmalloc_array(size_t n, size_t size, gfp_t gfp);
static inline void *kcalloc(size_t n, size_t size, gfp_t gfp) { return kmalloc_array(n, size, gfp | __GFP_ZERO); }

/* A cache is no more than a size. */
struct kmem_cache;
typedef unsigned int slab_flags_t;
struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align, slab_flags_t flags,
				     void (*ctor)(void *));
void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp);
#define __kmem_cache_alloc kmem_cache_alloc
static inline void kmem_cache_free(struct kmem_cache *cache __maybe_unused, void *object) { kfree(object); }

void *kvmalloc_node(size_t size, gfp_t gfp, int node);
void *kvmalloc_array(size_t n, size_t size, gfp_t gfp);
static inline void *kvmalloc(size_t size, gfp_t gfp) { return kvmalloc_node(size, gfp, -1); }
static inline void *kvzalloc(size_t size, gfp_t gfp) { return kvmalloc(size, gfp | __GFP_ZERO); }
static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp) { return kvmalloc_array(n, size, gfp | __GFP_ZERO); }
void kvfree(const void *addr);
void kvfree_rcu_mightsleep(const void *addr);
void *kvrealloc(const void *p, size_t size, gfp_t gfp);
void *krealloc(const void *ptr, size_t size, gfp_t gfp);
bool kmalloc_fits(const void *ptr, size_t size, gfp_t gfp);
