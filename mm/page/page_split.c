/* SPDX-License-Identifier: MIT */
/*
 * Single pages that lie in one block: for large leaves (vm_huge.c), whose pages must be pages like any others.
 *
 * Each page has users of its own: it may be kept for longer than its neighbours, freed alone, and nobody has to know where
 * it came from. But hardly anyone does so, and to write as many struct pages as a leaf has, at its birth and again at
 * its end, costs more than all the rest of vmalloc_huge(). So the block is split when the first of its pages is asked for:
 *
 *	head PAGE_WHOLE, the others PAGE_TAIL ──(get_page, put_page, __free_page of any)──> every page PAGE_USED, one user
 *	       └──(free_pages_split)──> a free block
 *
 * A page that is not split has exactly one user, the owner of the block. Splitting holds the zone's lock, so it happens once.
 * The owner may free only what nobody else is just about to ask for, as with any page.
 */
#include "mm/page/page_list.h"

void split_page(struct page *page, unsigned int order)
{
	if (WARN_ONCE(page->state != PAGE_USED || page->order != order || atomic_read(&page->refcount) != 1,
		      "split_page of frame %lx, order %u: state %u, order %u", page_to_pfn(page), order, page->state,
		      page->order))
		return;
	for (unsigned long i = 0; i < 1ul << order; i++) {
		u8 mapped = page[i].flags & PAGE_FLAGS_MAPPED;

		hand_out(page + i, 0);
		page[i].flags = mapped;
	}
}

/* The head of the block in which the page is a tail. Something else where it is none by now. */
static struct page *head_of(struct page *page)
{
	struct page_window window = page_find_window(page);
	unsigned long pfn = page_to_pfn(page);
	struct page *head = page;

	for (unsigned int order = 1; head->state == PAGE_TAIL && order <= MAX_PAGE_ORDER; order++) {
		struct page *next = pfn_to_page(ALIGN_DOWN(pfn, 1ul << order));

		if (page_window_index(window, next) >= window.nr)
			break;
		head = next;
	}
	return head;
}

/* Users first: who sees a page in use may count on them. */
static void split_locked(struct page *head)
{
	unsigned long n = 1ul << head->order;

	for (struct page *page = head; page != head + n; page++) {
		atomic_set(&page->refcount, 1);
		page->order = 0; /* and so are the flags: who sets one makes the page single first */
		page->private = 0;
		smp_store_release(&page->state, PAGE_USED);
	}
}

void page_make_single(struct page *page)
{
	struct zone *zone = &zones[page->zone];
	u8 state = smp_load_acquire(&page->state);
	struct page *head;
	bool flags;

	if (likely(state != PAGE_WHOLE && state != PAGE_TAIL))
		return;
	spin_lock_irqsave(&zone->lock, flags);
	head = head_of(page);
	if (head->state == PAGE_WHOLE && page < head + (1ul << head->order))
		split_locked(head);
	spin_unlock_irqrestore(&zone->lock, flags);
}

bool free_pages_split(struct page *first, unsigned int order)
{
	if (unlikely(first->state != PAGE_WHOLE || first->order != order))
		return false;
	atomic_set(&first->refcount, 0);
	put_block(first, order);
	return true;
}

int page_count(const struct page *page)
{
	u8 state = smp_load_acquire(&page->state);

	return state == PAGE_WHOLE || (state == PAGE_TAIL && head_of((struct page *)page)->state == PAGE_WHOLE) ? 1 :
												   atomic_read(&page->refcount);
}
