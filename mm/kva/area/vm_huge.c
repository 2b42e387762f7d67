/* SPDX-License-Identifier: MIT */
/*
 * Large leaves for memory: vmalloc_huge(), and vmap() of pages that are blocks.
 *
 * 1. A large leaf here is the smallest one above a page, 2 or 4 MiB, if the CPU has it. A vmalloc area has as many
 *    large leaves as fit into its size, and small pages for the rest. So nothing is rounded up: no page is allocated
 *    that was not asked for.
 *
 *	|     leaf     |     leaf     | small pages | guard |
 *	^ aligned	^ one block of the page allocator, split into single pages
 *
 * 2. Pages. A large leaf maps one block of single pages. Each page has a user count of its own, and a get_page() may
 *    keep it longer than the area lives. If nobody holds a page, vfree frees the block as a whole (page_split.c). At
 *    first the area's page array has only the first page of each block, because entering all of them would be most of
 *    the work and few callers look. find_vm_area() and remove_vm_area() complete the array.
 *
 * 3. All or nothing. If one block cannot be allocated, everything is given back, and the caller makes an area of small
 *    pages. A large leaf maps only pages that came as one block; with vmap() the pages are checked one by one.
 *
 * 4. The same address may have a table now and a large leaf later. A new range may have empty tables where a leaf is to
 *    go: pgtable_clear_tables() first unlinks them, carries that to every process, flushes, and frees them. When a leaf
 *    is cleared, every process has that before vfree returns. No address is used again before a flush of all TLBs
 *    (vm_cache.c).
 *
 * 5. A large leaf of an area is never split: set_memory.c refuses a part of one, and vrealloc.c keeps or frees it
 *    whole.
 *
 * 6. Reuse. The cache keeps ranges with large leaves apart from the others, with the room for the page array. So the
 *    next user takes blocks and writes one entry for each. If processes share the table of these entries, and the range
 *    has nothing but large leaves, the pointer to them is kept too, and mapping needs no walk.
 */
#include "mm/kva/area/area.h"

/* --- vmalloc ---------------------------------------------------------------------------------------------------- */

/* Allocate up to nr blocks and enter the first page of each in the array. Returns how many blocks. */
static unsigned long take_blocks(struct page **pages, unsigned long nr, unsigned int order, gfp_t gfp)
{
	unsigned long got = 0;

	while (got < nr && (pages[got << order] = alloc_pages_split(gfp, order)))
		got++;
	return got;
}

/* Give the area its pages. On -ENOMEM it has none. */
static int take_pages(struct vm_range *range, unsigned long count, gfp_t gfp)
{
	struct vm_struct *area = range->area;
	unsigned long blocks = count >> area->page_order, got;

	area->pages = range->pages;
	range->unlisted = (unsigned int)take_blocks(area->pages, blocks, area->page_order, gfp);
	got = (unsigned long)range->unlisted << area->page_order;
	if (range->unlisted == blocks)
		got += alloc_page_array(gfp, count - got, area->pages + got);
	area->nr_pages = got;
	vmalloc_account((long)got);
	if (got == count)
		return 0;
	vm_area_free_pages(area);
	return -ENOMEM;
}

/* Can the range be mapped without a walk: are its large leaves known, and has each block one memory type? */
static bool leaves_fit(const struct vm_range *range)
{
	const struct vm_struct *area = range->area;
	unsigned long n = 1ul << area->page_order;

	if (!range->leaves)
		return false;
	for (unsigned long at = 0; at < area->nr_pages; at += n)
		if (!memtype_uniform(page_to_phys(area->pages[at]), n << PAGE_SHIFT))
			return false;
	return true;
}

static int map_leaves(struct vm_range *range, pgprot_t prot)
{
	const struct vm_struct *area = range->area;
	int err = 0;

	for (unsigned long i = 0; i < area->nr_pages >> area->page_order && !err; i++)
		err = vm_range_map_leaves(range, i, 1, page_to_phys(area->pages[i << area->page_order]), prot);
	return err;
}

static int map_pages(struct vm_range *range, pgprot_t prot)
{
	const struct vm_struct *area = range->area;
	vaddr_t end = range->start + ((unsigned long)area->nr_pages << PAGE_SHIFT);
	int err;

	range->leaves = NULL;
	err = vm_map_leaves(range->start, end, area->pages, prot, area->page_order, true);
	if (!err)
		vm_range_learn_leaves(range);
	return err;
}

void *vm_huge_fill(struct vm_range *range, unsigned long count, gfp_t gfp, pgprot_t prot)
{
	gfp = (gfp & __GFP_DMA32 ? gfp & ~__GFP_HIGHMEM : gfp | __GFP_HIGHMEM) | __GFP_NOWARN | __GFP_NORETRY;
	if (take_pages(range, count, gfp))
		goto fail_pages;
	if (leaves_fit(range) ? map_leaves(range, prot) : map_pages(range, prot))
		goto fail_map;
	vm_range_publish(range);
	return (void *)range->start;

fail_map:
	vm_area_free_pages(range->area);
fail_pages:
	vm_area_destroy(range);
	return NULL;
}

struct vm_range *vm_huge_create(const struct vm_area_spec *wanted, unsigned long count)
{
	unsigned int order = vm_leaf_order();
	struct vm_area_spec spec = *wanted;
	struct vm_range *range;

	if (!order || count >> order == 0 || (spec.gfp & __GFP_NOWAIT) || spec.lead || spec.skew)
		return NULL;
	spec.size = count << PAGE_SHIFT;
	spec.align = max(spec.align, PAGE_SIZE << order);
	spec.page_order = order;
	spec.shift = order + PAGE_SHIFT;
	range = vm_area_create(&spec);
	if (!range)
		return NULL;
	vm_range_weigh(range, count); /* it keeps the page array */
	range->area->requested_size = wanted->size;
	return range;
}

/* --- vmap ------------------------------------------------------------------------------------------------------- */

struct vm_range *vm_huge_vmap_slow(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot,
				   vaddr_t caller)
{
	unsigned int order = vm_leaf_order();
	struct vm_area_spec spec = { .size = (unsigned long)count << PAGE_SHIFT,
				     .align = PAGE_SIZE << order,
				     .flags = flags,
				     .page_order = order,
				     .shift = order + PAGE_SHIFT,
				     .caller = caller };
	struct vm_range *range;

	if (!order)
		return NULL;
	spec.skew = (page_to_pfn(pages[0]) << PAGE_SHIFT) & (spec.align - 1);
	if (!vm_pages_have_block(pages, count, order, spec.skew))
		return NULL;
	range = vm_area_create(&spec);
	if (!range)
		return NULL;
	range->leaves = NULL;
	if (!vm_map_leaves(range->start, range->start + spec.size, pages, prot, order, false))
		return range;
	vm_area_destroy(range);
	return NULL;
}
