/* SPDX-License-Identifier: MIT */
/* The loop that maps: pages into entries. In a header because every fast path ends in it. */
#pragma once

#include "mm/page/page_internal.h"

/* The window as it is now: it may grow meanwhile, but begins where it began. */
static inline struct page_window page_window_now(const struct page_window *window)
{
	return (struct page_window){ window->first, READ_ONCE(window->nr) };
}

/*
 * Fill entries as long as they are empty and the pages lie in one window, which is only read. Returns
 * how many. This is where the time goes: a page costs a few comparisons and no division. (It counts up to 0, which needs neither
 * a second pointer nor a comparison; and gcc, which would make a pointer of ptep + i all the same, must not know that i is one
 * number from look to store.)
 */
static __always_inline unsigned long vm_fill_in_window(pte_t *ptep, struct page **pages, unsigned long count,
						       struct page_window *window, pgprot_t prot)
{
	struct page_window w = page_window_now(window);
	pte_t first = pfn_pte(page_to_pfn(w.first), prot);
	long i;

	ptep += count;
	pages += count;
	OPTIMIZER_HIDE_VAR(ptep);
	OPTIMIZER_HIDE_VAR(pages);
	for (i = -(long)count; i; i++) {
		unsigned long index;

		if (sizeof(long) == 4) { /* too few registers for all this: it stays where it is */
			OPTIMIZER_KEEP_IN_MEMORY(*window);
			w = *window;
		}
		index = page_window_index(w, pages[i]);
		if (unlikely(!pte_empty(ptep + i) || index >= w.nr))
			break;
		OPTIMIZER_HIDE_VAR(i);
		pte_fill(ptep + i, pte_advance_pfn(first, index));
	}
	return count + (unsigned long)i;
}

/*
 * The same with any pages that the kernel knows, if `done` have been filled. Fewer than count are filled if something is
 * mapped already (*err: -EBUSY), or one is no page of the kernel's (-EINVAL).
 */
unsigned long vm_fill_on(pte_t *ptep, struct page **pages, unsigned long count, unsigned long done, pgprot_t prot, int *err);

/* What went in has to go: `done` pages from start on. Returns err, and reports it where it must not happen. */
int vm_map_undo(vaddr_t start, unsigned long done, int err);
int vm_map_entries_on(pte_t *ptes, vaddr_t start, struct page **pages, unsigned long count, unsigned long done, pgprot_t prot);

/*
 * vm_map_pages() where the entries are at hand, `count` in one table: from the page at `start` on. Any context. Nearly all
 * pages lie in the main window.
 */
static __always_inline int vm_map_entries(pte_t *ptes, vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot)
{
	unsigned long done = vm_fill_in_window(ptes, pages, count, &page_main_window, pgprot_supported(prot));

	if (unlikely(done != count))
		return vm_map_entries_on(ptes, start, pages, count, done, prot);
	schedule_point("vmalloc:mapped");
	return 0;
}
