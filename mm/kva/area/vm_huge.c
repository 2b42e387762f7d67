/* SPDX-License-Identifier: MIT */
/*
 * Large leaves for memory: vmalloc_huge(), and vmap() of pages that make up some.
 *
 * 1. The leaf is the smallest one above a page, 2 or 4 MiB, where the CPU has it. An area of vmalloc has one for each whole
 *    multiple and small pages for the rest. So nothing is rounded up: not a page is paid for or mapped that nobody wanted.
 *
 *	|     leaf     |     leaf     | small pages | guard |
 *	^ aligned	^ one block of the page allocator, split into single pages
 *
 * 2. Pages. Behind a leaf there is one block of single pages: each has a user count of its own and may be kept with
 *    get_page() for longer than the area lives. When nobody has asked for one, vfree gives back the block (page_split.c).
 *    The array of the area's pages is complete for whoever gets at it, by find_vm_area() and remove_vm_area(). Before that only
 *    the first page of each block is in it: hardly anyone looks, and it would be most of the work.
 *
 * 3. All or nothing. When one block is not to be had, the attempt ends, everything goes back, and the caller makes the area of
 *    small pages. A leaf never stands over pages that did not come as one block, or, with vmap, that do not lie like one:
 *    that is looked at page by page.
 *
 * 4. Tables and leaves follow each other at the same address. A range out of a hole may have empty tables where a leaf
 *    is to go: they are unlinked, carried, flushed and freed first (pgtable_clear_tables). A leaf that goes is cleared and
 *    carried to every process before vfree returns, and no address is used again before every CPU has forgotten it (vm_cache.c).
 *
 * 5. A leaf is never split: set_memory.c refuses a part of one, and vrealloc.c keeps or frees it whole.
 *
 * 6. Next time. The cache keeps ranges that had leaves apart from the others, with the room for the page array: then
 *    there is nothing left to do but to take the blocks and to write one entry for each. Where processes share the table
 *    of these entries, and all of the range is leaves, the pointer to them is kept too, and nobody has to walk.
 */
#include "mm/kva/area/area.h"

/* --- vmalloc ---------------------------------------------------------------------------------------------------- */

/* Blocks, of which the first page goes into the array; returns how many. */
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
	range->heads = (unsigned int)take_blocks(area->pages, blocks, area->page_order, gfp);
	got = (unsigned long)range->heads << area->page_order;
	if (range->heads == blocks)
		got += alloc_page_array(gfp, count - got, area->pages + got);
	area->nr_pages = got;
	vmalloc_account((long)got);
	if (got == count)
		return 0;
	vm_area_free_pages(area);
	return -ENOMEM;
}

/* Is all of the area leaves that are known, and each block of one memory type? */
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

struct vm_range *vm_huge_vmap_slow(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot, vaddr_t caller)
{
	unsigned int order = vm_leaf_order();
	struct vm_area_spec spec = { .size = (unsigned long)count << PAGE_SHIFT, .align = PAGE_SIZE << order, .flags = flags,
				     .page_order = order, .shift = order + PAGE_SHIFT, .caller = caller };
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
