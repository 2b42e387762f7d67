/* SPDX-License-Identifier: MIT */
/*
 * Single pages that lie in one block. Large leaves need them (vm_huge.c): the pages of a leaf must be pages like any
 * others.
 *
 * Each page has its own user count, may be kept longer than its neighbours, and may be freed alone. But callers seldom
 * do so. Writing all struct pages of a leaf, when it is made and again when it is freed, would cost more than all the
 * rest of vmalloc_huge(). So the block is split only when a caller gets, puts, frees or marks one of its pages:
 *
 *	head PAGE_WHOLE, the others PAGE_TAIL ──(get_page, put_page, __free_page, page_mark)──> all PAGE_USED, one user
 *	       └──(free_pages_split)──> a free block
 *
 * A page of a block that is not split has exactly one user, the owner of the block. Splitting takes the zone's lock, so
 * it happens once. As with any page, the owner may free the block only if nobody else may be about to get one of its
 * pages.
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

/* The head of the block in which the page is a tail. Another page if it is no tail any more: the caller checks. */
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

/* The count is written before the state, so a CPU that sees PAGE_USED also sees the count. */
static void split_locked(struct page *head)
{
	unsigned long n = 1ul << head->order;

	for (struct page *page = head; page != head + n; page++) {
		atomic_set(&page->refcount, 1);
		page->order = 0; /* the flags are 0 too: page_mark() splits the block before it sets one */
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

	return state == PAGE_WHOLE || (state == PAGE_TAIL && head_of((struct page *)page)->state == PAGE_WHOLE)
		       ? 1
		       : atomic_read(&page->refcount);
}
