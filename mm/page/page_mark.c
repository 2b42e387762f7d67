/* SPDX-License-Identifier: MIT */
/*
 * Marks of RAM: the flags of a page tell if its direct map is not present, not writable or not write-back.
 *
 * Three readers need the marks. The page allocator refuses to free a page with flags. That costs nothing: the
 * comparison that it makes on every free includes them. vread() looks first whether a marked page is present in the
 * direct map. Code that maps pages which others own asks for their type; while all pages are write-back, that costs a
 * look at one counter. memtype.c has the types of device memory.
 */
#include "mm/page/page_list.h"

unsigned long pages_marked, pages_retyped;

static void count(unsigned long *counter, bool had, bool has)
{
	WRITE_ONCE(*counter, *counter + (unsigned long)has - (unsigned long)had);
}

void page_mark(struct page *page, u8 marks)
{
	u8 had = page->flags & PAGE_FLAGS_MAPPED;

	if (had == marks)
		return;
	page_make_single(page); /* in a PAGE_WHOLE block only the flags of the head would count */
	count(&pages_marked, had, marks);
	count(&pages_retyped, had & PAGE_FLAG_TYPE, marks & PAGE_FLAG_TYPE);
	WRITE_ONCE(page->flags, (u8)((page->flags & ~PAGE_FLAGS_MAPPED) | marks));
}

bool block_is_marked(const struct page *head, unsigned int order)
{
	if (likely(!READ_ONCE(pages_marked)))
		return false;
	for (unsigned long i = 0; i < 1ul << order; i++)
		if (READ_ONCE(head[i].flags) & PAGE_FLAGS_MAPPED)
			return true;
	return false;
}
