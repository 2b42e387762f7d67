/* SPDX-License-Identifier: MIT */
/* Pages of an area that came as blocks: listing them one by one, and freeing them. Theory: vm_huge.c, 2. */
#include "mm/kva/area/area.h"

bool vm_huge_list_pages(struct vm_range *range)
{
	unsigned int order = range->own.page_order;
	struct page **pages;

	if (!range->unlisted)
		return false;
	pages = range->own.pages + ((unsigned long)--range->unlisted << order);
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
	range->unlisted = 0;
	return done;
}

/* The pages of one block at a time are listed, while the range stands still (vm_index.c, 4). */
struct vm_struct *find_vm_area(const void *addr)
{
	return vm_range_area_after((vaddr_t)addr, vm_huge_list_pages);
}
