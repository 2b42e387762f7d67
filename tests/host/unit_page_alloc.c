/* SPDX-License-Identifier: MIT */
/*
 * The page allocator against a naive model: an array that says for each frame who owns it. Random operations on several
 * CPUs; no frame may have two owners, and after each step what is free plus what is owned is what there was. Then:
 * memory that comes online on demand, zones, and everything that must be refused.
 */
#include "tests/host/mm_machine.h"

#include <kernel/inject.h>

#define MAX_BLOCKS 4096

struct block {
	struct page *page;
	unsigned int order;
};
static struct block blocks[MAX_BLOCKS];
static unsigned int nr_blocks;
static unsigned long owned; /* pages */
static u8 *owner;	    /* by frame number */

static int setup_128m(void **state)
{
	(void)state;
	mm_machine(128 * MIB, 4);
	owner = test_calloc(128 * MIB >> PAGE_SHIFT, 1);
	nr_blocks = 0;
	owned = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_free(owner);
	owner = NULL;
	return 0;
}

/* --- the model -------------------------------------------------------------------------------------------------- */

static void own(struct page *page, unsigned int order)
{
	unsigned long pfn = page_to_pfn(page);

	assert_true(nr_blocks < MAX_BLOCKS);
	assert_true(pfn_valid(pfn));
	assert_int_equal(pfn & ((1ul << order) - 1), 0);
	assert_false(memblock_is_ram(0, 1) && pfn < MIB >> PAGE_SHIFT); /* that was reserved */
	assert_int_equal(page->private, 0);
	for (unsigned long i = 0; i < 1ul << order; i++) {
		assert_int_equal(owner[pfn + i], 0);
		owner[pfn + i] = 1;
		page[i].private = 0xdead; /* for the next owner */
	}
	blocks[nr_blocks++] = (struct block) { page, order };
	owned += 1ul << order;
}

static struct block disown(unsigned int nr)
{
	struct block b = blocks[nr];

	for (unsigned long i = 0; i < 1ul << b.order; i++)
		owner[page_to_pfn(b.page) + i] = 0;
	blocks[nr] = blocks[--nr_blocks];
	owned -= 1ul << b.order;
	return b;
}

/* --- random operations ------------------------------------------------------------------------------------------ */

static void op_alloc(void)
{
	unsigned int order = host_random_below(3) ? 0 : (unsigned int)host_random_below(MAX_PAGE_ORDER + 1);
	gfp_t gfp = host_random_below(2) ? GFP_KERNEL : GFP_NOWAIT;
	struct page *page = nr_blocks < MAX_BLOCKS ? alloc_pages(gfp | __GFP_NOWARN, order) : NULL;

	if (page)
		own(page, order);
}

static void op_free(void)
{
	if (nr_blocks) {
		struct block b = disown((unsigned int)host_random_below(nr_blocks));

		__free_pages(b.page, b.order);
	}
}

static void op_bulk_alloc(void)
{
	struct page *pages[400];
	unsigned long n = min((u64)(MAX_BLOCKS - nr_blocks), host_random_below(ARRAY_SIZE(pages)));
	unsigned long got = alloc_page_array(GFP_NOWAIT, n, pages);

	assert_true(got <= n);
	for (unsigned long i = 0; i < got; i++)
		own(pages[i], 0);
}

static void op_bulk_free(void)
{
	struct page *pages[400];
	unsigned long n = 0;

	for (unsigned int i = 0; i < nr_blocks && n < ARRAY_SIZE(pages); i++)
		if (blocks[i].order == 0 && host_random_below(2))
			pages[n++] = disown(i--).page;
	free_page_array(pages, n);
}

static void op_split(void)
{
	unsigned int nr = nr_blocks ? (unsigned int)host_random_below(nr_blocks) : 0;
	struct block b;

	if (!nr_blocks || !blocks[nr].order || nr_blocks + (1u << blocks[nr].order) >= MAX_BLOCKS)
		return;
	b = disown(nr);
	b.page->private = 0; /* it stays what it is; the others' words are new */
	split_page(b.page, b.order);
	for (unsigned long i = 0; i < 1ul << b.order; i++)
		own(b.page + i, 0);
}

static void op_alloc_split(void)
{
	unsigned int order = (unsigned int)host_random_below(9);
	struct page *first = nr_blocks + 256 < MAX_BLOCKS ? alloc_pages_split(GFP_NOWAIT | __GFP_NOWARN, order) : NULL;

	if (first) { /* somebody asks for a page: they are all single now */
		get_page(first);
		put_page(first);
	}
	for (unsigned long i = 0; first && i < 1ul << order; i++)
		own(first + i, 0);
}

static void op_users(void)
{
	struct block b;

	if (!nr_blocks)
		return;
	b = blocks[host_random_below(nr_blocks)];
	get_page(b.page);
	__free_pages(b.page, b.order); /* one user is left: nothing is freed */
}

static void check(unsigned long all)
{
	assert_int_equal(page_alloc_check(), 0);
	assert_int_equal(nr_free_pages() + owned, all);
}

static void random_operations(void **state)
{
	void (*const ops[])(void) = { op_alloc, op_alloc, op_alloc, op_free, op_free, op_users,
				      op_bulk_alloc, op_bulk_free, op_split, op_alloc_split };
	unsigned long all = nr_free_pages();

	(void)state;
	for (int i = 0; i < 20000; i++) {
		host_run_on((unsigned int)host_random_below(4));
		ops[host_random_below(ARRAY_SIZE(ops))]();
		assert_int_equal(nr_free_pages() + owned, all);
		if (i % 500 == 0)
			check(all);
	}
	while (nr_blocks)
		op_free();
	drain_page_lists();
	check(all);
	for (enum zone_id z = 0; z < NR_ZONES; z++) {
		struct zone_stats s;

		zone_stats(z, &s);
		assert_int_equal(s.cached, 0);
		assert_int_equal(s.free, s.present);
	}
}

/* All of it, page by page, from one CPU while others hold some on their lists; then it merges to large blocks again. */
static void exhaustion(void **state)
{
	unsigned long all = nr_free_pages(), n = 0;
	struct page **pages = test_calloc(all, sizeof(*pages));
	struct page *page;

	(void)state;
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		host_run_on(cpu);
		__free_page(alloc_page(GFP_KERNEL));
	}
	while ((page = alloc_page(GFP_KERNEL | __GFP_HIGHMEM | __GFP_NOWARN)))
		pages[n++] = page;
	assert_int_equal(n, all);
	assert_int_equal(nr_free_pages(), 0);
	assert_null(alloc_pages(GFP_NOWAIT, 3));
	free_page_array(pages, n);
	drain_page_lists();
	check(all);
	for (n = 0; (page = alloc_pages(GFP_NOWAIT, MAX_PAGE_ORDER)); n++)
		pages[n] = page;
	assert_true(n >= (all >> MAX_PAGE_ORDER) - 8);
	while (n)
		__free_pages(pages[--n], MAX_PAGE_ORDER);
	test_free(pages);
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

static void refused(struct page *page, unsigned int order)
{
	unsigned long free = nr_free_pages(), warnings = warn_count();

	warn_expected(true);
	__free_pages(page, order);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 1);
	assert_int_equal(nr_free_pages(), free);
}

static void bad_frees_are_refused(void **state)
{
	struct page *single = alloc_page(GFP_KERNEL), *block = alloc_pages(GFP_KERNEL, 4);
	phys_addr_t table = mm_table_alloc(GFP_KERNEL);

	(void)state;
	refused(block, 3);		  /* wrong order */
	refused(block + 1, 0);		  /* inside */
	refused(phys_to_page(4096), 0);	  /* reserved at boot */
	refused(phys_to_page(table), 0);  /* somebody's page table */
	__free_page(single);
	refused(single, 0);		  /* twice, on a per-CPU list */
	drain_page_lists();
	refused(single, 0);		  /* twice, in the buddy */
	__free_pages(block, 4);
	refused(block, 4);
	mm_table_free(table);
	refused(phys_to_page(table), 0);
	assert_int_equal(page_alloc_check(), 0);
}

#define BULK 256 /* enough to go back in runs */

/* In the middle of a bulk: a page twice, one that is free, one with another user, part of a block. The others go. */
static void bulk_refuses_page_by_page(void **state)
{
	struct page *pages[BULK], *shared, *block = alloc_pages(GFP_KERNEL, 2), *free = alloc_page(GFP_KERNEL);
	unsigned long before, warnings = warn_count();

	(void)state;
	__free_page(free);
	before = nr_free_pages();
	assert_int_equal(alloc_page_array(GFP_KERNEL, BULK - 3, pages), BULK - 3);
	shared = pages[70];
	get_page(shared);
	pages[BULK - 3] = pages[100];
	pages[BULK - 2] = pages[10]; /* twice */
	pages[10] = block;	     /* a head, but not of one page */
	pages[BULK - 1] = block + 1;
	pages[100] = pages[90]; /* twice, and not beside itself */
	warn_expected(true);
	free_page_array(pages, BULK);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 3);
	assert_int_equal(nr_free_pages(), before - 1);
	__free_page(shared);
	assert_int_equal(nr_free_pages(), before);
	__free_pages(block, 2);
	drain_page_lists();
	assert_int_equal(page_alloc_check(), 0);
}

/* Pages side by side come in bulk, although there are splinters, and are one block again afterwards. */
static void bulk_comes_in_runs(void **state)
{
	struct page *pages[BULK], *splinter[BULK];
	unsigned long breaks = 0;

	(void)state;
	assert_int_equal(alloc_page_array(GFP_KERNEL, BULK, splinter), BULK);
	for (unsigned int i = 0; i < BULK; i += 2)
		__free_page(splinter[i]);
	drain_page_lists();
	assert_int_equal(alloc_page_array(GFP_KERNEL, BULK, pages), BULK);
	for (unsigned int i = 1; i < BULK; i++)
		breaks += pages[i] != pages[i - 1] + 1;
	assert_true(breaks < BULK / 32);
	free_page_array(pages, BULK);
	for (unsigned int i = 1; i < BULK; i += 2)
		__free_page(splinter[i]);
	drain_page_lists();
	assert_int_equal(page_alloc_check(), 0);
}

static void users_are_counted(void **state)
{
	struct page *block = alloc_pages(GFP_KERNEL, 2);
	unsigned long free = nr_free_pages();

	(void)state;
	get_page(block);
	get_page(block);
	put_page(block);
	__free_pages(block, 2);
	assert_int_equal(nr_free_pages(), free);
	put_page(block);
	assert_int_equal(nr_free_pages(), free + 4);
}

/* --- single pages of one block ---------------------------------------------------------------------------------- */

#define ORDER 5
#define NR    (1u << ORDER)

static struct page *block_of_singles(struct page *pages[NR])
{
	struct page *block = alloc_pages_split(GFP_KERNEL, ORDER);

	assert_non_null(block);
	for (unsigned int i = 0; i < NR; i++) {
		pages[i] = block + i;
		assert_int_equal(page_count(pages[i]), 1);
	}
	return block;
}

/* Nobody asked for one of them: they go as they came, as one block. */
static void whole_block_goes_back_as_one(void **state)
{
	unsigned long free = nr_free_pages();
	struct page *pages[NR], *block = block_of_singles(pages);

	(void)state;
	block[3].order = 7; /* of an earlier life */
	assert_false(free_pages_split(block, ORDER - 1));
	assert_true(free_pages_split(block, ORDER));
	block = alloc_pages(GFP_KERNEL, ORDER);
	assert_false(free_pages_split(block, ORDER)); /* of the ordinary kind */
	__free_pages(block, ORDER);
	assert_int_equal(nr_free_pages(), free);
	assert_int_equal(page_alloc_check(), 0);
}

/* Whichever is asked for, in whichever way: each has its own users from then on, and goes alone. */
static void each_is_a_page_by_itself(void **state)
{
	static const unsigned int which[] = { 0, 1, 2, 16, NR - 1 };
	struct page *pages[NR], *block;

	(void)state;
	for (unsigned int w = 0; w < ARRAY_SIZE(which); w++) {
		unsigned long before = nr_free_pages();

		block = block_of_singles(pages);
		block[which[w]].order = which[w] ? 7 : ORDER;
		get_page(block + which[w]);
		for (unsigned int i = 0; i < NR; i++)
			assert_int_equal(page_count(pages[i]), 1 + (i == which[w]));
		assert_false(free_pages_split(block, ORDER));
		free_page_array(pages, NR);
		assert_int_equal(nr_free_pages(), before - 1);
		put_page(block + which[w]);
		assert_int_equal(nr_free_pages(), before);

		block = block_of_singles(pages);
		block[which[w]].order = which[w] ? 7 : ORDER;
		put_page(block + which[w]);
		assert_int_equal(nr_free_pages(), before - (NR - 1));
		refused(block + which[w], 0);
		for (unsigned int i = 0; i < NR; i++)
			if (i != which[w])
				__free_page(pages[i]);
		assert_int_equal(nr_free_pages(), before);
	}
	assert_int_equal(page_alloc_check(), 0);
}

/* A part of them, or all in disorder: no block, but none is lost. */
static void part_of_a_block_goes_page_by_page(void **state)
{
	unsigned long before = nr_free_pages();
	struct page *pages[NR], *swap;

	(void)state;
	block_of_singles(pages);
	free_page_array(pages, NR - 1);
	assert_int_equal(nr_free_pages(), before - 1);
	__free_page(pages[NR - 1]);
	block_of_singles(pages);
	swap = pages[4];
	pages[4] = pages[NR - 1];
	pages[NR - 1] = swap;
	free_page_array(pages, NR);
	block_of_singles(pages);
	free_page_array(pages + 1, NR - 1);
	__free_page(pages[0]);
	assert_int_equal(nr_free_pages(), before);
	drain_page_lists();
	assert_int_equal(page_alloc_check(), 0);
}

/* A page inside a block of the ordinary kind is still none. */
static void tails_of_others_are_refused(void **state)
{
	struct page *block = alloc_pages(GFP_KERNEL, ORDER), *single[NR];

	(void)state;
	refused(block + 1, 0);
	assert_int_equal(page_count(block), 1);
	__free_pages(block, ORDER);
	refused(block + 1, 0); /* and of a free one */
	block = block_of_singles(single);
	refused(block, ORDER); /* it was promised as single pages */
	free_page_array(single, NR);
	assert_int_equal(page_alloc_check(), 0);
}

static void too_large_is_no_memory(void **state)
{
	(void)state;
	assert_null(alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER + 1));
}

static void zeroed_when_asked(void **state)
{
	struct page *page = alloc_pages(GFP_KERNEL, 1);
	u8 *text = page_address(page);

	(void)state;
	memset(text, 0xee, 2 * PAGE_SIZE);
	__free_pages(page, 1);
	for (int i = 0; i < 100; i++) {
		page = alloc_pages(__GFP_ZERO, 1);
		text = page_address(page);
		for (unsigned int k = 0; k < 2 * PAGE_SIZE; k++)
			assert_int_equal(text[k], 0);
		memset(text, 0xee, 2 * PAGE_SIZE);
		__free_pages(page, 1);
	}
}

/* --- fault injection -------------------------------------------------------------------------------------------- */

static void injected_failures(void **state)
{
	struct page *pages[64];
	phys_addr_t table;

	(void)state;
	inject_set(INJECT_PAGE, 40);
	assert_int_equal(alloc_page_array(GFP_KERNEL, 64, pages), 39);
	assert_int_equal(inject_clear(INJECT_PAGE), 0);
	free_page_array(pages, 39);

	inject_set(INJECT_PAGE, 1);
	table = mm_table_alloc(GFP_KERNEL); /* page tables count for themselves */
	assert_int_not_equal(table, 0);
	assert_int_equal(inject_clear(INJECT_PAGE), 1);
	mm_table_free(table);

	inject_set(INJECT_TABLE, 1);
	assert_int_equal(mm_table_alloc(GFP_KERNEL), 0);
	assert_int_equal(inject_clear(INJECT_TABLE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_operations, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(exhaustion, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(bad_frees_are_refused, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(bulk_refuses_page_by_page, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(bulk_comes_in_runs, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(users_are_counted, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(whole_block_goes_back_as_one, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(each_is_a_page_by_itself, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(part_of_a_block_goes_page_by_page, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(tails_of_others_are_refused, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(too_large_is_no_memory, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(zeroed_when_asked, setup_128m, teardown),
		cmocka_unit_test_setup_teardown(injected_failures, setup_128m, teardown),
	};

	return cmocka_run_group_tests_name("page_alloc", tests, NULL, NULL);
}
