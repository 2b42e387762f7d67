/* SPDX-License-Identifier: MIT */
/* Frames for page tables. main.c hands these functions to the walker in arch. */
#include "mm/page/page_internal.h"

phys_addr_t mm_table_alloc(gfp_t gfp)
{
	bool for_online = page_online_here(); /* then the margin is for this, and no injection */
	struct page *page;

	if (!for_online && inject_fails(INJECT_TABLE))
		return 0;
	page = alloc_pages_uninjected(gfp | __GFP_ZERO | (for_online ? __GFP_RESERVE | GFP_NOWAIT : 0), 0);
	if (!page)
		return 0;
	WRITE_ONCE(page->state, PAGE_TABLE);
	return page_to_phys(page);
}

void mm_table_free(phys_addr_t frame)
{
	struct page *page = phys_to_page(frame);

	if (!pfn_valid(page_to_pfn(page)) || page->state == PAGE_RESERVED)
		return; /* a table from before the page allocator stays reserved */
	if (page->state == PAGE_TABLE)
		WRITE_ONCE(page->state, PAGE_USED); /* anything else is reported as a bad free */
	__free_page(page);
}

static void free_after_grace_period(struct rcu_head *head)
{
	pgtable_free_deferred(page_to_phys(container_of(head, struct page, rcu)));
}

/* Tables from before the page allocator are never reused, so there is no wait for their readers. */
void mm_table_defer(phys_addr_t frame)
{
	struct page *page = phys_to_page(frame);

	if (pfn_valid(page_to_pfn(page)) && page->state == PAGE_TABLE)
		call_rcu(&page->rcu, free_after_grace_period);
	else
		pgtable_free_deferred(frame);
}
