/* SPDX-License-Identifier: MIT */
/* Memory by size: one slab cache for each power of two, and whole page blocks for what is larger. */
#include "mm/slab/slab_types.h"

static struct kmem_cache caches[9];
struct kmem_cache *const kmalloc_caches[9] = { &caches[0], &caches[1], &caches[2], &caches[3], &caches[4],
					       &caches[5], &caches[6], &caches[7], &caches[8] };

/*
 * Where the slabs are, mostly, and the struct pages of it: kfree need not ask pfn_valid() there. A stretch of lowmem that is
 * online without a gap. It stays so: only `bytes`, the last to be written, ever changes, and grows, as more comes online
 * behind it.
 */
static struct {
	vaddr_t start;
	unsigned long bytes; /* 0: there is none yet */
	struct page *page;
	atomic_t opened;
} window;

/* 0 < size <= KMALLOC_SLAB_MAX */
static inline struct kmem_cache *cache_of_size(size_t size)
{
	return &caches[kmalloc_index(size)];
}

struct kmem_cache *kmalloc_cache(size_t size)
{
	return cache_of_size(max(size, (size_t)1));
}

/* --- the window ----------------------------------------------------------------------------------------------------- */

static void window_grow(void)
{
	unsigned long nr = page_window_extend(window.page, smp_load_acquire(&window.bytes) >> PAGE_SHIFT);

	nr = min(nr, zones[ZONE_NORMAL].end - page_to_pfn(window.page));
	smp_store_release(&window.bytes, nr << PAGE_SHIFT);
}

/* It begins with the section that the first slab is in. */
static void window_open(const struct slab *slab)
{
	struct page_window section = page_find_window(virt_to_page(slab));

	if (atomic_xchg(&window.opened, 1) || !section.nr)
		return;
	window.page = section.first;
	window.start = (vaddr_t)phys_to_virt(page_to_phys(window.page));
	window_grow();
}

void slab_window_reach(const struct slab *slab)
{
	unsigned long bytes = smp_load_acquire(&window.bytes);

	if (!bytes)
		window_open(slab);
	else if ((vaddr_t)slab - window.start >= bytes)
		window_grow();
}

/* --- by size -------------------------------------------------------------------------------------------------------- */

void slab_init(void)
{
	static const char *const names[] = { "kmalloc-8",   "kmalloc-16",  "kmalloc-32",   "kmalloc-64",  "kmalloc-128",
					     "kmalloc-256", "kmalloc-512", "kmalloc-1024", "kmalloc-2048" };

	memset(caches, 0, sizeof(caches));
	INIT_LIST_HEAD(&kmem_caches);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		kmem_cache_init(&caches[i], names[i], KMALLOC_MIN_SIZE << i, KMALLOC_MIN_SIZE << i);
		kmem_cache_enter(&caches[i]);
	}
	memset(&window, 0, sizeof(window));
}

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

/* All sizes for which kmalloc() has no cache at once. */
static __noinline void *kmalloc_large(size_t size, gfp_t gfp)
{
	if (!size)
		return ZERO_SIZE_PTR;
	return inject_fails(INJECT_SLAB) ? NULL : kmalloc_block(size, gfp);
}

void *__kmalloc(size_t size, gfp_t gfp)
{
	if (unlikely(size - 1 >= KMALLOC_SLAB_MAX))
		return kmalloc_large(size, gfp);
	return kmem_cache_alloc(cache_of_size(size), gfp);
}

void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kmalloc(bytes, gfp);
}

bool kmalloc_is_block(const struct page *page, const void *ptr)
{
	return page && page->state == PAGE_USED && page->flags == PAGE_FLAG_KMALLOC && !offset_in_page(ptr);
}

static __noinline void kfree_large(struct page *page, const void *ptr)
{
	if (WARN_ONCE(!kmalloc_is_block(page, ptr), "kfree(%p) refused: not from kmalloc, or free already", ptr))
		return;
	page->flags = 0;
	__free_pages(page, page->order);
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
		kfree_large(page, ptr);
}

void kfree(const void *ptr)
{
	unsigned long bytes = smp_load_acquire(&window.bytes);
	vaddr_t offset = (vaddr_t)ptr - window.start;

	if (likely(offset < bytes)) {
		struct page *page = window.page + (offset >> PAGE_SHIFT);

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

	if (ZERO_OR_NULL_PTR(ptr))
		return 0;
	if (page && page->state == PAGE_SLAB)
		return ((const struct slab *)page->slab)->cache->size;
	if (WARN_ONCE(!kmalloc_is_block(page, ptr), "ksize(%p): not from kmalloc", ptr))
		return 0;
	return PAGE_SIZE << page->order;
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
