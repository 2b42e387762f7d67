/* SPDX-License-Identifier: MIT */
/* Pages that are freed in bulk, beside pages that are somebody else's. */
#include "tests/host/mm_machine.h"

#define BLOCK 256u
#define FIRST 128u /* of the block: what is freed in bulk, with used pages in front and behind */
#define NR    64u

static struct page *first, *pages[NR];

static int setup(void **state)
{
	(void)state;
	mm_machine(128 * MIB, 4);
	first = alloc_pages_split(GFP_KERNEL, 8);
	assert_non_null(first);
	for (unsigned int i = 0; i < NR; i++)
		pages[i] = first + FIRST + i;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < BLOCK; i++)
		if (i < FIRST || i >= FIRST + NR)
			__free_page(first + i);
	drain_page_lists();
	assert_int_equal(page_alloc_check(), 0);
	return 0;
}

/* A page with a second user stays, wherever in the run it lies. */
static void second_users_keep_their_page(void **state)
{
	unsigned long before = nr_free_pages();
	static const unsigned int kept[] = { 0, 20, 21, NR - 1 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(kept); i++)
		get_page(pages[kept[i]]);
	free_page_array(pages, NR);
	assert_int_equal(nr_free_pages(), before + NR - ARRAY_SIZE(kept));
	for (unsigned int i = 0; i < ARRAY_SIZE(kept); i++)
		__free_page(pages[kept[i]]);
	assert_int_equal(nr_free_pages(), before + NR);
}

/* What lies around them is not touched. */
static void neighbours_stay(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < BLOCK; i++)
		if (i < FIRST || i >= FIRST + NR)
			memset(page_address(first + i), 0x5a, PAGE_SIZE);
	free_page_array(pages, NR);
	for (unsigned int i = 0; i < BLOCK; i++) {
		if (i >= FIRST && i < FIRST + NR)
			continue;
		assert_int_equal(first[i].state, PAGE_USED);
		assert_int_equal(atomic_read(&first[i].refcount), 1);
		assert_int_equal(*(u8 *)page_address(first + i), 0x5a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(second_users_keep_their_page, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbours_stay, setup, teardown),
	};

	return cmocka_run_group_tests_name("page_bulk", tests, NULL, NULL);
}
