/* SPDX-License-Identifier: MIT */
/* The contract of slab/ with the chambers above, and what its files share (theory: mm/slab/slab.c). */
#pragma once

#include "mm/page/page_internal.h"

#define MAGAZINE_SIZE 30

/* Values of slab.link[] that are not the number of the next free place. */
#define LINK_USED   0xffff /* given out */
#define LINK_CACHED 0xfffe /* in a magazine */
#define LINK_END    0xfffd /* free, the last of the list */
#define LINK_NONE   0xfffc /* no object */
#define LINK_KEPT   0xfffb /* freed, and in the quarantine (CONFIG=kasan) */

/* With redzones a place of kmalloc's is twice as large as an object, which is aligned to its size. */
#define SLAB_REDZONES	 CONFIG_DEBUG_MM
/* Redzones and free objects hold patterns, which are looked at. Where each access is checked, that is not needed. */
#define SLAB_PATTERNS	 (CONFIG_DEBUG_MM && !CONFIG_KASAN)
#define SLAB_MIN_PLACES	 (SLAB_REDZONES ? 8 : 16) /* a slab has room for that many, header included */
#define SLAB_PLACE_MAX	 (SLAB_REDZONES ? 2 * KMALLOC_SLAB_MAX : KMALLOC_SLAB_MAX)
#define INDEX_SHIFT	 17
/* The rounding error of the reciprocal is at most a quarter of a place, at the end of the largest slab. */
static_assert(SLAB_MIN_PLACES * SLAB_PLACE_MAX * 4 <= 1u << INDEX_SHIFT, "a slab is too large for object_index()");

#define REDZONE_LEAST	16u /* bytes between two objects */
#define REDZONE_CHECKED 64u /* that many of them are looked at: those next to an object */
#define REDZONE_BYTE	0xcc

#define POISON_FREE 0xf5
#define POISON_NEW  0xa1

struct slab {
	struct kmem_cache *cache;
	struct list_head list;
	u16 first; /* number of a free place, or LINK_END */
	u16 out;   /* objects that are not free here: given out, or in magazines */
	u16 link[];
};

struct kmem_cache {
	struct cpu_stack *magazine[MAX_CPUS];
	vaddr_t block_mask;
	u32 reciprocal;		/* 2^INDEX_SHIFT / size, rounded up */
	unsigned int size;	/* bytes from object to object: the object, and its redzone in debug builds */
	unsigned int object_size;
	u16 first, end;		/* places in a slab: objects are at first ... end - 1; end 0: no slabs */

	spinlock_t lock;	/* for the fields down to `out` */
	struct list_head partial, empty;
	unsigned int nr_empty;
	unsigned long nr_slabs;
	unsigned long out;	/* sum over all slabs */

	unsigned int order;
	const char *name;
	void (*ctor)(void *object);
	atomic_long_t blocks;	/* if end is 0: objects given out, each a block of pages */
	struct list_head list;	/* in kmem_caches */
};

extern struct list_head kmem_caches; /* all of them; walked by RCU readers (slab_cache.c) */
#define for_each_kmem_cache(cache) list_for_each_entry(cache, &kmem_caches, list)

/* --- mm/slab/slab.c --- */

/* Magazines come from the kmalloc cache of their size. */
#define SLAB_MAGAZINE_BYTES sizeof(CPU_STACK_ROOM(MAGAZINE_SIZE))
extern struct kmem_cache *slab_magazine_cache;

/* align: a power of two or 0. If the size is above KMALLOC_SLAB_MAX, the cache has no slabs. */
void kmem_cache_init(struct kmem_cache *cache, const char *name, unsigned int size, unsigned int align);
/* Free the magazines themselves. They are empty, and nobody uses the cache any more. */
void kmem_cache_drop_magazines(struct kmem_cache *cache);
void slab_free_slow(struct kmem_cache *cache, void *object);
void slab_report_bad_free(const struct slab *slab, const void *object);
/* Is the poison of a free object intact? Returns 1 if not (and WARNs). Always 0 without CONFIG_DEBUG_MM. */
unsigned int slab_check_poison(const struct kmem_cache *cache, void *object);
/* Are the redzones before and behind an object intact? As slab_check_poison(). */
unsigned int slab_check_redzones(const struct kmem_cache *cache, void *object);
/* Give everything in this CPU's magazine back to the slabs. */
void kmem_cache_drain(struct kmem_cache *cache);
/* Free the empty slabs. */
void kmem_cache_reap(struct kmem_cache *cache);

/* Objects in a slab. */
static inline unsigned int slab_objects(const struct kmem_cache *cache) { return cache->end - cache->first; }

static inline void *slab_object(const struct kmem_cache *cache, struct slab *slab, unsigned int index)
{
	return (char *)slab + index * cache->size;
}

static inline struct slab *slab_of(const struct kmem_cache *cache, const void *object)
{
	return (struct slab *)((vaddr_t)object & cache->block_mask);
}

/*
 * The number of the place, by multiplication. Exact for the start of a place; inside a place it may be the next number.
 */
static inline unsigned int object_index(const struct kmem_cache *cache, const struct slab *slab, const void *object)
{
	return (u32)((vaddr_t)object - (vaddr_t)slab) * cache->reciprocal >> INDEX_SHIFT;
}

/* Does a place start at `object`? It may be any address in the slab; index: object_index() of it. */
static inline bool starts_place(const struct kmem_cache *cache, const struct slab *slab, const void *object,
				unsigned int index)
{
	return (const char *)object == (const char *)slab + index * cache->size;
}

static inline u16 *object_link(const struct kmem_cache *cache, const void *object)
{
	struct slab *slab = slab_of(cache, object);

	return &slab->link[object_index(cache, slab, object)];
}

static inline void poison(const struct kmem_cache *cache, void *object, int byte)
{
	if (SLAB_PATTERNS)
		memset(object, byte, cache->object_size);
}

/* --- mm/kasan/slab_shadow.c, with CONFIG=kasan --- */

/* A new slab: nobody may access its objects. */
void slab_kasan_new(struct kmem_cache *cache, struct slab *slab);
/* A freed object goes into the quarantine; the one that leaves it is put back. */
void slab_kasan_free(struct kmem_cache *cache, void *object);
/* Put back all objects in quarantine. */
void slab_kasan_drain(void);

/* Free an object of the slab. `object` may be any address in it; if no object was given out there, that is reported. */
static inline void slab_free(struct slab *slab, void *object)
{
	struct kmem_cache *cache = slab->cache;
	unsigned int index = object_index(cache, slab, object);

	if (unlikely(slab->link[index] != LINK_USED || !starts_place(cache, slab, object, index))) {
		slab_report_bad_free(slab, object);
		return;
	}
	if (CONFIG_KASAN) {
		slab->link[index] = LINK_KEPT;
		slab_kasan_free(cache, object);
		return;
	}
	slab->link[index] = LINK_CACHED;
	if (SLAB_PATTERNS)
		slab_check_redzones(cache, object);
	poison(cache, object, POISON_FREE);
	if (unlikely(!cpu_stack_push(cache->magazine, object)))
		slab_free_slow(cache, object);
}

/* --- mm/slab/slab_window.c --- */

/*
 * A stretch of lowmem that is online without a gap, and its struct pages. For an address there kfree() need not ask
 * pfn_valid(). Once it is open only `bytes` changes: it grows when RAM has come online behind the stretch.
 */
extern struct slab_window {
	vaddr_t start;
	unsigned long bytes; /* 0: there is none yet */
	struct page *page;
} slab_window;
void slab_window_init(void);
/* A slab was made: extend the window to it if possible. Any context. */
void slab_window_reach(const struct slab *slab);

/* --- mm/slab/slab_list.c, slab_block.c --- */

/* Put the cache on the list of all caches; take it off. */
void kmem_cache_enter(struct kmem_cache *cache);
void kmem_cache_leave(struct kmem_cache *cache);
/* Objects larger than KMALLOC_SLAB_MAX. Freeing anything but an object of the cache is reported and refused. */
void *slab_alloc_block(struct kmem_cache *cache, gfp_t gfp);
void slab_free_block(struct kmem_cache *cache, struct page *page, void *object);

/* --- mm/slab/kmalloc.c --- */

/* A block of pages, flagged as kmalloc's. 0 < size. NULL: no memory, or larger than KMALLOC_MAX_SIZE. */
void *kmalloc_block(size_t size, gfp_t gfp);
/* Has the memory from kmalloc room for `size` bytes? If so, and with __GFP_ZERO, clear the bytes behind them. */
bool kmalloc_fits(const void *ptr, size_t size, gfp_t gfp);
/* Is this the head of a block that kmalloc gave out whole? */
bool kmalloc_is_block(const struct page *page, const void *ptr);
/* Free it. Anything else is reported and refused; page may be NULL. */
void kmalloc_free_block(struct page *page, const void *ptr);

/* The cache that kmalloc uses for a size up to KMALLOC_SLAB_MAX. */
struct kmem_cache *kmalloc_cache(size_t size);
