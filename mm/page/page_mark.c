/* SPDX-License-Identifier: MIT */
/*
 * The books of RAM: a page that the kernel maps otherwise than present, writable and write-back is marked, in its flags.
 *
 * The marks are for two who must know. The page allocator takes no page with flags back, at the cost of the comparison that it makes
 * anyway. And whoever maps RAM asks for its type, which costs a glance at one counter as long as no page has another.
 * Devices are in the books of memtype.c.
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
	page_make_single(page); /* a block that is kept whole has but one page that counts */
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
