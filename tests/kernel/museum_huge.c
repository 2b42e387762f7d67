/* SPDX-License-Identifier: MIT */
/* Historic bugs of large leaves over memory: vmalloc_huge(). */
#include "places.h"

#include <arch/context.h>
#include <kernel/inject.h>
#include <kernel/ktest.h>
#include <lib/errno.h>

#define NO_LEAVES "this CPU has no large pages"
#define NO_BLOCK  "no block for a large leaf is left"

static unsigned long leaf_size(void)
{
	return pt_level_size(2);
}

/* Is every page of the area the page of its array, and nobody else's? */
static bool maps_its_own(char *p, unsigned long size)
{
	const struct vm_struct *area = find_vm_area(p);
	unsigned long n = 0;

	while (n < area->nr_pages && vmalloc_to_page(p + (n << PAGE_SHIFT)) == area->pages[n] &&
	       page_count(area->pages[n]) == 1)
		n++;
	return n << PAGE_SHIFT == PAGE_ALIGN(size);
}

/* --- 58: a block was had, the next one was not, and small pages were mapped as if they were one ------------------- */

/* True: the area fell back to small pages, as a whole. */
static bool refuse_block(unsigned int nth)
{
	unsigned long size = 2 * leaf_size();
	unsigned int level;
	char *p;

	vmalloc_shrink(); /* no array of pages is kept */
	inject_set(INJECT_PAGE, nth);
	p = vmalloc_huge(size, GFP_KERNEL | __GFP_NOFAIL);
	inject_clear(INJECT_PAGE);
	if (!EXPECT(p != NULL))
		return false;
	level = is_vm_area_hugepages(p) ? 2 : 1;
	for (unsigned long at = 0; at < size; at += leaf_size())
		EXPECT_EQ(level_at((vaddr_t)p + at), level);
	EXPECT(maps_its_own(p, size));
	vfree(p);
	return level == 1;
}

KTEST(museum, m58_small_pages_mapped_as_a_block)
{
	KTEST_NEEDS(FAULT_INJECT);
	unsigned int small = 0;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP(NO_LEAVES);
	for (unsigned int nth = 1; nth <= 6; nth++) /* what comes before, and two blocks */
		small += refuse_block(nth);
	/* how many came before, and so whether it was the second one, depends: host unit_vm_huge knows */
	EXPECT(small);
}

/* --- 59: pages of a block were tails, with no user count of their own --------------------------------------------- */

KTEST(museum, m59_pages_of_a_leaf_are_pages)
{
	unsigned long size = leaf_size(), free;
	struct page *page;
	char *p;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP(NO_LEAVES);
	p = vmalloc_huge(size, GFP_KERNEL);
	ASSERT(p);
	EXPECT(maps_its_own(p, size));
	page = vmalloc_to_page(p + size / 2 + PAGE_SIZE);
	get_page(page);
	EXPECT_EQ(page_count(page), 2);
	EXPECT_EQ(page_count(&page[1]), 1);
	free = nr_free_pages();
	vfree(p);
	EXPECT(nr_free_pages() >= free + (size >> PAGE_SHIFT) - 1);
	EXPECT_EQ(page->state, PAGE_USED);
	EXPECT_EQ(page_count(page), 1);
	put_page(page);
	EXPECT_EQ(page_alloc_check(), 0);
}

/* A follow-up: the last owner's word was still there. */
static void write_private_words(char *p, unsigned long size, bool expect_clean)
{
	for (unsigned long i = 0; i < size; i += PAGE_SIZE) {
		struct page *page = vmalloc_to_page(p + i);

		get_page(page); /* now it is a page of its own */
		if (expect_clean && !EXPECT_EQ(page->private, 0))
			i = size;
		page->private = i | 1;
		put_page(page);
	}
}

KTEST(museum, m59_private_words_are_clean)
{
	unsigned long size = leaf_size();

	for (unsigned int round = 0; round < 3; round++) {
		char *p = round == 2 ? vmalloc(size) : vmalloc_huge(size, GFP_KERNEL);

		ASSERT(p);
		write_private_words(p, size, round > 0);
		vfree(p);
		vmalloc_shrink();
	}
}

/* --- 60: the size was rounded up to a leaf, and checks believed it ------------------------------------------------ */

KTEST(museum, m60_rounded_size)
{
	unsigned long size = leaf_size() + 5 * PAGE_SIZE - 100, pages = PAGE_ALIGN(size);
	const struct vm_struct *area;
	char *p;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP(NO_LEAVES);
	p = vmalloc_huge(size, GFP_KERNEL);
	ASSERT(p);
	area = find_vm_area(p);
	EXPECT_EQ(area->requested_size, size);
	EXPECT_EQ(area->nr_pages, pages >> PAGE_SHIFT);
	EXPECT_EQ(get_vm_area_size(area), pages);
	EXPECT_EQ(probe_write(p + pages - 1), PROBE_OK);
	EXPECT_EQ(probe_read(p + pages, NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_write(p + pages), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_read(p + 2 * leaf_size() - 1, NULL), PROBE_NOT_PRESENT);
	vfree(p);
}

/* --- 62: rights of a part of a leaf ------------------------------------------------------------------------------- */

KTEST(museum, m62_rights_of_a_part_of_a_huge_area)
{
	unsigned long leaf = leaf_size();
	int all = (int)(leaf >> PAGE_SHIFT);
	char *p;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP(NO_LEAVES);
	p = vmalloc_huge(2 * leaf + PAGE_SIZE, GFP_KERNEL);
	ASSERT(p);
	if (!is_vm_area_hugepages(p)) {
		vfree(p);
		KTEST_SKIP(NO_BLOCK);
	}
	EXPECT_EQ(set_memory_ro((vaddr_t)p + PAGE_SIZE, 3), -EINVAL);
	EXPECT_EQ(set_memory_ro((vaddr_t)p, all + 1), -EINVAL);
	EXPECT_EQ(probe_write(p + PAGE_SIZE), PROBE_OK);
	EXPECT_EQ(set_memory_ro((vaddr_t)p + leaf, all), 0);
	EXPECT_EQ(probe_write(p + leaf), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(p + 2 * leaf - 1), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(p + leaf - 1), PROBE_OK);
	EXPECT_EQ(probe_write(p + 2 * leaf), PROBE_OK);
	vfree(p);
}
