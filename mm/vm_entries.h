/* SPDX-License-Identifier: MIT */
/* The loop that maps: pages into entries. In a header because every fast path ends in it. */
#pragma once

#include "internal.h"

/*
 * Fill entries, which must be empty, with pages that the kernel knows. Returns how many: fewer than count, and *err says
 * why it ended there. Nearly all pages lie in one window, and neighbours in the same, so a page costs a few comparisons
 * and no division. (It counts up to 0, which needs neither a second pointer nor a comparison.)
 */
static __always_inline unsigned long vm_fill_entries(pte_t *ptep, struct page **pages, unsigned long count, pgprot_t prot, int *err)
{
	struct page_window known = { page_main_window.first, smp_load_acquire(&page_main_window.nr) };
	pte_t first = pfn_pte(page_to_pfn(known.first), prot); /* of the window's first page */
	long i;

	ptep += count;
	pages += count;
	for (i = -(long)count; i; i++) {
		unsigned long index = page_window_index(known, pages[i]);

		*err = -EBUSY;
		if (unlikely(!pte_empty(ptep + i)))
			break;
		*err = -EINVAL;
		if (unlikely(index >= known.nr)) {
			known = page_find_window(READ_ONCE(pages[i])); /* again, so that no register keeps it */
			index = page_window_index(known, READ_ONCE(pages[i]));
			if (index >= known.nr)
				break;
			first = pfn_pte(page_to_pfn(known.first), prot);
		}
		pte_fill(ptep + i, pte_advance_pfn(first, index));
	}
	if (likely(!i))
		*err = 0;
	return count + (unsigned long)i;
}

/* What went in has to go: `done` pages from start on. Returns err, and reports it where it must not happen. */
int vm_map_undo(vaddr_t start, unsigned long done, int err);

/* vm_map_pages() where the entries are at hand, `count` in one table: from the page at `start` on. Any context. */
static __always_inline int vm_map_entries(pte_t *ptes, vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot)
{
	int err = 0;
	unsigned long done = vm_fill_entries(ptes, pages, count, pgprot_supported(prot), &err);

	schedule_point("vmalloc:mapped");
	return likely(!err) ? 0 : vm_map_undo(start, done, err);
}
