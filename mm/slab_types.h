/* SPDX-License-Identifier: MIT */
/* The shapes that the slab allocator's files share (theory: mm/slab.c). */
#pragma once

#include "internal.h"

#define MAGAZINE_SIZE 30

/* What slab.link[] says of an object that is not free in its slab. */
#define LINK_USED   0xffff
#define LINK_CACHED 0xfffe
#define LINK_END    0xfffd

#define POISON_FREE 0xf5
#define POISON_NEW  0xa1

struct slab {
	struct kmem_cache *cache;
	struct list_head list;
	u16 first; /* free object, or LINK_END */
	u16 out;   /* objects that are not free here: given out, or in magazines */
	u16 link[];
};

struct magazine {
	unsigned int count, capacity;
	void *object[MAGAZINE_SIZE];
};

struct kmem_cache {
	unsigned int size;	/* bytes from object to object */
	u32 reciprocal;		/* 2^32 / size, rounded up: dividing by multiplying, exact for offsets below 2^21 */
	unsigned int offset;	/* of object 0 in the block */
	unsigned int nr;	/* objects in a slab */
	vaddr_t block_mask;
	struct magazine *magazine[MAX_CPUS];

	spinlock_t lock;	/* what follows */
	struct list_head partial, empty;
	unsigned int nr_empty;
	unsigned long nr_slabs;
	unsigned long out;	/* sum over all slabs */

	unsigned int order;
	const char *name;
	struct list_head list;	/* in kmem_caches */
};

extern struct list_head kmem_caches; /* all of them; only grows, walked without a lock */

/* --- mm/slab.c --- */

/* size <= KMALLOC_SLAB_MAX; align: a power of two or 0. */
void kmem_cache_init(struct kmem_cache *cache, const char *name, unsigned int size, unsigned int align);
/* Free an object whose page is one of `slab`, if it is one that was given out. */
void slab_free(struct slab *slab, void *object);
/* A free object must be as free left it. Returns the number of faults (and WARNs). Always 0 without CONFIG_DEBUG_MM. */
unsigned int slab_check_poison(const struct kmem_cache *cache, const void *object);
/* Give everything in this CPU's magazine back to the slabs; free the empty slabs. */
void kmem_cache_drain(struct kmem_cache *cache);
void kmem_cache_reap(struct kmem_cache *cache);

static inline void *slab_object(const struct kmem_cache *cache, struct slab *slab, unsigned int index)
{
	return (char *)slab + cache->offset + index * cache->size;
}

/* --- mm/kmalloc.c --- */

/* A slab was made: kfree shall find its pages quickly. Any context. */
void slab_window_reach(const struct slab *slab);

/* The cache that kmalloc uses for a size up to KMALLOC_SLAB_MAX. */
struct kmem_cache *kmalloc_cache(size_t size);
