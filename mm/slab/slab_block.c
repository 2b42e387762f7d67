/* SPDX-License-Identifier: MIT */
/* Objects that are whole blocks of pages: large sizes of kmalloc, and objects of caches with large objects. */
#include "mm/slab/slab_internal.h"

void *kmalloc_block(size_t size, gfp_t gfp)
{
	struct page *page;

	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	page = alloc_pages(gfp & ~__GFP_HIGHMEM, order_base_2((size + PAGE_SIZE - 1) >> PAGE_SHIFT));
	if (!page)
		return NULL;
	page->flags = PAGE_FLAG_KMALLOC;
	return page_address(page);
}

bool kmalloc_is_block(const struct page *page, const void *ptr)
{
	return page && page->state == PAGE_USED && page->flags == PAGE_FLAG_KMALLOC && !offset_in_page(ptr);
}

__noinline void kmalloc_free_block(struct page *page, const void *ptr)
{
	if (WARN_ONCE(!kmalloc_is_block(page, ptr), "kfree(%p) refused: not from kmalloc, or free already", ptr))
		return;
	page->flags = 0;
	__free_pages(page, page->order);
}

void *slab_alloc_block(struct kmem_cache *cache, gfp_t gfp)
{
	void *object = kmalloc_block(cache->object_size, gfp);

	if (object) {
		virt_to_page(object)->private = (unsigned long)cache;
		atomic_long_inc(&cache->blocks);
	}
	return object;
}

void slab_free_block(struct kmem_cache *cache, struct page *page, void *object)
{
	bool ours = kmalloc_is_block(page, object) && page->private == (unsigned long)cache;

	if (WARN_ONCE(!ours, "free of %p, refused: not an object of %s", object, cache->name))
		return;
	page->private = 0;
	atomic_long_dec(&cache->blocks);
	kmalloc_free_block(page, object);
}
