/* SPDX-License-Identifier: MIT */
/* The loop that writes pages into entries. It is in a header so that fast paths have it inline. */
#pragma once

#include "mm/page/page_internal.h"

/* A copy of the window, which may open or grow at any time; an open one keeps its first page. */
static inline struct page_window page_window_now(const struct page_window *window)
{
	unsigned long nr = smp_load_acquire(&window->nr);

	return (struct page_window){ READ_ONCE(window->first), nr };
}

/*
 * Fill entries as long as they are empty and the pages lie in the window. Returns how many. Mapping spends its time
 * here: a page costs a few comparisons and no division. (i counts up to 0, which needs neither a second pointer nor a
 * comparison. OPTIMIZER_HIDE_VAR(i) keeps gcc from making a pointer of ptep + i.)
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

		if (sizeof(long) == 4) { /* 32-bit has too few registers: the window stays in memory */
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
 * Go on after `done` filled entries, with pages of any window. Returns how many are filled. These are fewer than count
 * if something is mapped already (*err: -EBUSY), or a pointer is no page that the kernel knows (-EINVAL).
 */
unsigned long vm_fill_on(pte_t *ptep, struct page **pages, unsigned long count, unsigned long done, pgprot_t prot,
			 int *err);

/* Unmap `done` pages from start on after a failure. Returns err, and reports -EBUSY, which must not happen. */
int vm_map_undo(vaddr_t start, unsigned long done, int err);
int vm_map_entries_on(pte_t *ptes, vaddr_t start, struct page **pages, unsigned long count, unsigned long done,
		      pgprot_t prot);

/*
 * vm_map_pages() where the caller has the `count` entries, which lie in one table. start: the address of the first. Any
 * context. The main window is tried first.
 */
static __always_inline int vm_map_entries(pte_t *ptes, vaddr_t start, struct page **pages, unsigned long count,
					  pgprot_t prot)
{
	unsigned long done = vm_fill_in_window(ptes, pages, count, page_main_window(), pgprot_supported(prot));

	if (unlikely(done != count))
		return vm_map_entries_on(ptes, start, pages, count, done, prot);
	schedule_point("vmalloc:mapped");
	return 0;
}
