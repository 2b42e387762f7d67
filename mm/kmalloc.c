/* SPDX-License-Identifier: MIT */
/* Memory by size: one slab cache for each power of two, and whole page blocks for what is larger. */
#include "slab_types.h"

static struct kmem_cache kmalloc_caches[9]; /* 8, 16, ... 2048 */

struct kmem_cache *kmalloc_cache(size_t size)
{
	return &kmalloc_caches[size <= KMALLOC_MIN_SIZE ? 0 : fls((u32)size - 1) - 3];
}

void slab_init(void)
{
	static const char *const names[] = { "kmalloc-8",   "kmalloc-16",  "kmalloc-32",   "kmalloc-64",  "kmalloc-128",
					     "kmalloc-256", "kmalloc-512", "kmalloc-1024", "kmalloc-2048" };

	memset(kmalloc_caches, 0, sizeof(kmalloc_caches));
	INIT_LIST_HEAD(&kmem_caches);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		kmem_cache_init(&kmalloc_caches[i], names[i], KMALLOC_MIN_SIZE << i, KMALLOC_MIN_SIZE << i);
}

static __noinline void *kmalloc_large(size_t size, gfp_t gfp)
{
	struct page *page;

	if (size > KMALLOC_MAX_SIZE || inject_fails(INJECT_SLAB))
		return NULL;
	page = alloc_pages(gfp & ~__GFP_HIGHMEM, order_base_2((size + PAGE_SIZE - 1) >> PAGE_SHIFT));
	if (!page)
		return NULL;
	page->flags = PAGE_FLAG_KMALLOC;
	return page_address(page);
}

void *kmalloc(size_t size, gfp_t gfp)
{
	if (unlikely(size > KMALLOC_SLAB_MAX))
		return kmalloc_large(size, gfp);
	return kmem_cache_alloc(kmalloc_cache(size), gfp);
}

void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kzalloc(bytes, gfp);
}

/* Is this the head of a block that kmalloc gave out whole? */
static bool is_large(const struct page *page, const void *ptr)
{
	return page && page->state == PAGE_USED && page->flags == PAGE_FLAG_KMALLOC && !offset_in_page(ptr);
}

static __noinline void kfree_large(struct page *page, const void *ptr)
{
	if (WARN(!is_large(page, ptr), "kfree(%p) refused: not from kmalloc, or free already", ptr))
		return;
	page->flags = 0;
	__free_pages(page, page->order);
}

void kfree(const void *ptr)
{
	struct page *page;

	if (!ptr)
		return;
	page = virt_to_page_checked(ptr);
	if (likely(page && page->state == PAGE_SLAB))
		slab_free(page->slab, (void *)ptr);
	else
		kfree_large(page, ptr);
}

size_t ksize(const void *ptr)
{
	const struct page *page = ptr ? virt_to_page_checked(ptr) : NULL;

	if (!ptr)
		return 0;
	if (page && page->state == PAGE_SLAB)
		return ((const struct slab *)page->slab)->cache->size;
	if (WARN(!is_large(page, ptr), "ksize(%p): not from kmalloc", ptr))
		return 0;
	return PAGE_SIZE << page->order;
}
