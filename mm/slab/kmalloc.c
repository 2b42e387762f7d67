/* SPDX-License-Identifier: MIT */
/* Memory by size: one slab cache for each power of two, and whole blocks of pages for larger sizes. */
#include "mm/slab/slab_internal.h"

static struct kmem_cache caches[9];
struct kmem_cache *const kmalloc_caches[9] = { &caches[0], &caches[1], &caches[2], &caches[3], &caches[4],
					       &caches[5], &caches[6], &caches[7], &caches[8] };

/* 0 < size <= KMALLOC_SLAB_MAX */
static inline struct kmem_cache *cache_of_size(size_t size)
{
	return &caches[kmalloc_index(size)];
}

struct kmem_cache *kmalloc_cache(size_t size)
{
	return cache_of_size(max(size, (size_t)1));
}

/* --- by size ------------------------------------------------------------------------------------------------------ */

void slab_init(void)
{
	static const char *const names[] = { "kmalloc-8",   "kmalloc-16",  "kmalloc-32",   "kmalloc-64",  "kmalloc-128",
					     "kmalloc-256", "kmalloc-512", "kmalloc-1024", "kmalloc-2048" };

	memset(caches, 0, sizeof(caches));
	INIT_LIST_HEAD(&kmem_caches);
	slab_magazine_cache = kmalloc_cache(SLAB_MAGAZINE_BYTES);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		kmem_cache_init(&caches[i], names[i], KMALLOC_MIN_SIZE << i, KMALLOC_MIN_SIZE << i);
		kmem_cache_enter(&caches[i]);
	}
	slab_window_init();
}

/* Size 0, and sizes above KMALLOC_SLAB_MAX. */
static __noinline void *kmalloc_large(size_t size, gfp_t gfp)
{
	if (!size)
		return ZERO_SIZE_PTR;
	return inject_fails(INJECT_SLAB) ? NULL : kmalloc_block(size, gfp);
}

/* With CONFIG=kasan: the user may access what was asked for, not all of the object. */
static void *narrow(void *object, size_t size)
{
	if (object && object != ZERO_SIZE_PTR)
		kasan_give(object, size, ksize(object), KASAN_SLAB_REDZONE);
	return object;
}

void *__kmalloc(size_t size, gfp_t gfp)
{
	if (CONFIG_KASAN)
		return narrow(size - 1 >= KMALLOC_SLAB_MAX ? kmalloc_large(size, gfp)
							   : kmem_cache_alloc(cache_of_size(size), gfp), size);
	if (unlikely(size - 1 >= KMALLOC_SLAB_MAX))
		return kmalloc_large(size, gfp);
	return kmem_cache_alloc(cache_of_size(size), gfp);
}

void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kmalloc(bytes, gfp);
}

static __noinline void kfree_any(const void *ptr)
{
	struct page *page;

	if (ZERO_OR_NULL_PTR(ptr))
		return;
	page = virt_to_page_checked(ptr);
	if (likely(page && page->state == PAGE_SLAB))
		slab_free(page->slab, (void *)ptr);
	else
		kmalloc_free_block(page, ptr);
}

void kfree(const void *ptr)
{
	unsigned long bytes = smp_load_acquire(&slab_window.bytes);
	vaddr_t offset = (vaddr_t)ptr - slab_window.start;

	if (likely(offset < bytes)) {
		struct page *page = slab_window.page + (offset >> PAGE_SHIFT);

		if (likely(page->state == PAGE_SLAB)) {
			slab_free(page->slab, (void *)ptr);
			return;
		}
	}
	kfree_any(ptr);
}

size_t ksize(const void *ptr)
{
	const struct page *page = virt_to_page_checked(ptr);
	size_t size = 0;

	if (ZERO_OR_NULL_PTR(ptr))
		return 0;
	if (page && page->state == PAGE_SLAB)
		size = ((const struct slab *)page->slab)->cache->object_size;
	else if (!WARN_ONCE(!kmalloc_is_block(page, ptr), "ksize(%p): not from kmalloc", ptr))
		size = PAGE_SIZE << page->order;
	kasan_unpoison(ptr, size); /* who asks may access all of it */
	return size;
}

bool kmalloc_fits(const void *ptr, size_t size, gfp_t gfp)
{
	size_t room = ksize(ptr);

	if (size > room)
		return false;
	if (gfp & __GFP_ZERO)
		memset((char *)(vaddr_t)ptr + size, 0, room - size);
	return true;
}

void *krealloc(const void *ptr, size_t size, gfp_t gfp)
{
	void *fresh;

	if (ZERO_OR_NULL_PTR(ptr))
		return kmalloc(size, gfp);
	if (size && kmalloc_fits(ptr, size, gfp))
		return (void *)(vaddr_t)ptr;
	fresh = kmalloc(size, gfp);
	if (!fresh)
		return NULL;
	if (size)
		memcpy(fresh, ptr, ksize(ptr));
	kfree(ptr);
	return fresh;
}

void *krealloc_array(void *ptr, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : krealloc(ptr, bytes, gfp);
}
