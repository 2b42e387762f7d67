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
#include "mm/kva/vm_internal.h"

#define LEAF_LEVEL 2

CMDLINE_OPTION(nohugevmalloc, "nohugevmalloc", "vmalloc and vmap use small pages only");

static bool small_only;

void vm_huge_init(void)
{
	small_only = cmdline_has("nohugevmalloc");
}

/* A leaf has 1 << this pages; 0: there are none. */
static unsigned int leaf_order(void)
{
	return small_only || !pt_leaf_allowed(LEAF_LEVEL) ? 0 : ilog2(pt_level_size(LEAF_LEVEL)) - PAGE_SHIFT;
}

/* --- mapping ---------------------------------------------------------------------------------------------------- */

/* Do the pages lie side by side like a leaf, and are they all RAM? They may be anything. */
static bool is_block(struct page **pages, unsigned int order)
{
	const struct page *first = pages[0];
	struct page_window window = page_find_window(first);
	unsigned long n = 1ul << order, at = page_window_index(window, first), i;

	if (at >= window.nr || n > window.nr - at || !IS_ALIGNED(page_to_pfn(first), n))
		return false;
	for (i = 0; i < n && pages[i] == first + i; i++)
		;
	return i == n;
}

struct huge_map {
	struct page **pages; /* behind `start` */
	vaddr_t start, end;
	pgprot_t prot;
	unsigned int order;
	bool sure; /* the pages of every whole slot are known to be a block */
};

/* Map from addr to the next border between leaves, or to the end. */
static int map_slot(const struct huge_map *m, struct mmu_update *u, vaddr_t addr, vaddr_t end)
{
	struct page **pages = m->pages + ((addr - m->start) >> PAGE_SHIFT);
	unsigned long leaf = PAGE_SIZE << m->order;

	if (end - addr == leaf && (m->sure || is_block(pages, m->order)))
		return pgtable_map(&kernel_pgtable, u, addr, end, page_to_phys(pages[0]), m->prot, m->order + PAGE_SHIFT);
	return vm_map_pages_in(u, addr, pages, (end - addr) >> PAGE_SHIFT, m->prot);
}

/* The range is the caller's and empty. -ENOMEM, -EINVAL: as vm_map_pages; nothing is left. */
static int map_slots(const struct huge_map *m)
{
	unsigned long leaf = PAGE_SIZE << m->order;
	struct mmu_update u;
	int err = 0;

	pgtable_clear_tables(&kernel_pgtable, m->start, m->end, m->order + PAGE_SHIFT);
	arch_update_kernel_mappings_begin(&u, m->start, m->end);
	for (vaddr_t addr = m->start, next; addr != m->end && !err; addr = next) {
		next = min(ALIGN_DOWN(addr, leaf) + leaf, m->end);
		err = map_slot(m, &u, addr, next);
	}
	schedule_point("vmalloc:mapped");
	if (err) {
		pgtable_unmap(&kernel_pgtable, &u, m->start, m->end);
		tlb_batch_add(&u.tlb, m->start, m->end);
	}
	arch_update_kernel_mappings_end(&u);
	return err;
}

/* --- vmalloc ---------------------------------------------------------------------------------------------------- */

/* Blocks, of which the first page goes into the array; returns how many. */
static unsigned long take_blocks(struct page **pages, unsigned long nr, unsigned int order, gfp_t gfp)
{
	unsigned long got = 0;

	while (got < nr && (pages[got << order] = alloc_pages_split(gfp, order)))
		got++;
	return got;
}

bool vm_huge_list_pages(struct vm_range *range)
{
	unsigned int order = range->own.page_order;
	struct page **pages;

	if (!range->heads)
		return false;
	pages = range->own.pages + ((unsigned long)--range->heads << order);
	for (unsigned long i = 1; i < 1ul << order; i++)
		pages[i] = pages[0] + i;
	return true;
}

unsigned long vm_huge_free_blocks(struct vm_struct *area)
{
	struct vm_range *range = container_of(area, struct vm_range, own);
	unsigned long done = 0, n = 1ul << area->page_order;
	struct page **pages = area->pages;

	for (; area->nr_pages - done >= n; done += n, pages += n)
		if (!free_pages_split(*pages, area->page_order)) {
			while (vm_huge_list_pages(range))
				;
			free_page_array(pages, n);
		}
	range->heads = 0;
	return done;
}

/* Give the area its pages. On -ENOMEM it has none. */
static int take_pages(struct vm_range *range, unsigned long count, gfp_t gfp)
{
	struct vm_struct *area = range->area;
	unsigned long blocks = count >> area->page_order, got;

	area->pages = vm_range_page_array(range, gfp);
	if (!area->pages)
		return -ENOMEM;
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
	struct huge_map map = { .pages = range->area->pages, .start = range->start, .prot = prot, .sure = true,
				.order = range->area->page_order };
	int err;

	range->leaves = NULL;
	map.end = map.start + ((unsigned long)range->area->nr_pages << PAGE_SHIFT);
	err = map_slots(&map);
	if (!err)
		vm_range_learn_leaves(range);
	return err;
}

/* Pages and mappings for a fresh area, and its publication. On failure the area is gone: NULL. */
static void *fill(struct vm_range *range, unsigned long count, gfp_t gfp, pgprot_t prot)
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

void *vm_huge_area(const struct vm_area_spec *wanted, unsigned long count)
{
	unsigned int order = leaf_order();
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
	return fill(range, count, spec.gfp, spec.prot);
}

/* --- vmap ------------------------------------------------------------------------------------------------------- */

/* Is there a block behind any whole slot, if the first page lies `skew` bytes behind the border of one? */
static bool has_block(struct page **pages, unsigned long count, unsigned int order, unsigned long skew)
{
	unsigned long n = 1ul << order, at = (n - (skew >> PAGE_SHIFT)) & (n - 1);

	for (; at + n <= count; at += n)
		if (pages[at + 1] == pages[at] + 1 && is_block(pages + at, order))
			return true;
	return false;
}

struct vm_range *vm_huge_vmap_slow(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot, vaddr_t caller)
{
	unsigned int order = leaf_order();
	struct vm_area_spec spec = { .size = (unsigned long)count << PAGE_SHIFT, .align = PAGE_SIZE << order, .flags = flags,
				     .page_order = order, .shift = order + PAGE_SHIFT, .caller = caller };
	struct huge_map map = { .pages = pages, .prot = prot, .order = order };
	struct vm_range *range;

	if (!order)
		return NULL;
	spec.skew = (page_to_pfn(pages[0]) << PAGE_SHIFT) & (spec.align - 1);
	if (!has_block(pages, count, order, spec.skew))
		return NULL;
	range = vm_area_create(&spec);
	if (!range)
		return NULL;
	range->leaves = NULL;
	map.start = range->start;
	map.end = range->start + spec.size;
	if (!map_slots(&map))
		return range;
	vm_area_destroy(range);
	return NULL;
}
