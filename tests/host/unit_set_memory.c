/* SPDX-License-Identifier: MIT */
/*
 * Leaves of the direct map split in place: alone, with too little memory, by two at once; and the oracle's rule for it.
 */
#include "tests/host/set_memory_machine.h"

#include <pthread.h>

/* --- splitting ---------------------------------------------------------------------------------------------------- */

static void one_page_changes_and_no_other(void **state)
{
	struct page *block, *page = page_in_leaf(&block);
	unsigned long tables = pgtable_kernel_pages(), pfn = page_to_pfn(page);
	bool large = !small(direct(pfn));

	(void)state;
	watch_begin(page_to_pfn(block));
	after[77].writable = false;
	assert_int_equal(set_memory_ro(direct(pfn), 1), 0);
	watch_end();
	assert_true(looks > 0 && small(direct(pfn)));
	assert_int_equal(pgtable_kernel_pages() > tables, large);
	tables = pgtable_kernel_pages();
	watch_begin(page_to_pfn(block));
	after[77].writable = after[78].writable = true;
	assert_int_equal(set_memory_rw(direct(pfn), 2), 0);
	watch_end();
	assert_int_equal(pgtable_kernel_pages(), tables); /* split once */
	__free_pages(block, BLOCK_ORDER);
}

/* A call that takes all `n` pages of a block to this state. */
static void change_and_watch(struct page *block, unsigned int n, int (*change)(unsigned long, int), struct look to)
{
	watch_begin(page_to_pfn(block));
	for (unsigned int i = 0; i < n; i++)
		after[i] = to;
	assert_int_equal(change(direct_of(block), (int)n), 0);
	watch_end();
}

/* A whole leaf changes as one: no table, and it is carried where processes have a copy of it. */
static void whole_leaf_changes_as_one(void **state)
{
	unsigned int n = (unsigned int)(pt_level_size(2) >> PAGE_SHIFT);
	struct page *block;
	unsigned long tables;
	vaddr_t start;

	(void)state;
	page_in_leaf(&block);
	tables = pgtable_kernel_pages();
	start = direct_of(block);
	change_and_watch(block, n, set_memory_ro, (struct look){ true, false, MEMTYPE_WB });
	change_and_watch(block, n, set_memory_rw, (struct look){ true, true, MEMTYPE_WB });
	change_and_watch(block, n, set_memory_uc, (struct look){ true, true, MEMTYPE_UC_MINUS });
	change_and_watch(block, n, set_memory_np, (struct look){ false, true, MEMTYPE_UC_MINUS });
	assert_int_equal(leaf_at(start).level, 2);
	assert_int_equal(pgtable_kernel_pages(), tables);
	/* A hidden leaf is split into hidden ones, and shown in part. */
	assert_int_equal(set_memory_p(start + 5 * P, 1), 0);
	assert_true(present(start + 5 * P) && !present(start + 4 * P));
	assert_int_equal(leaf_at(start + 5 * P).phys, page_to_phys(block + 5));
	change_and_watch(block, n, set_memory_p, (struct look){ true, true, MEMTYPE_UC_MINUS });
	change_and_watch(block, n, set_memory_wb, (struct look){ true, true, MEMTYPE_WB });
	__free_pages(block, BLOCK_ORDER);
}

#define GIB_LEAVES (HOST_LEVELS > 3 && pt_leaf_allowed(3))

/*
 * From 1 GiB to a page in one call, where there are such leaves: two tables, and nobody misses anything. The first
 * test: others split.
 */
static void two_levels_at_once(void **state)
{
	struct page *block = new_block(), *page = block + 77;
	unsigned long tables = pgtable_kernel_pages();

	(void)state;
	assert_int_equal(leaf_at(direct_of(page)).level == 3, GIB_LEAVES);
	if (GIB_LEAVES) {
		watch_begin(page_to_pfn(block));
		after[77].writable = false;
		assert_int_equal(set_memory_ro(direct_of(page), 1), 0);
		watch_end();
		assert_int_equal(pgtable_kernel_pages(), tables + 2);
		assert_int_equal(leaf_at(direct_of(block) + pt_level_size(2)).level, 2);
		assert_int_equal(set_memory_rw(direct_of(page), 1), 0);
	}
	__free_pages(block, BLOCK_ORDER);
}

static void no_large_leaf_is_left(void **state)
{
	struct page *block;

	(void)state;
	page_in_leaf(&block);
	watch_begin(page_to_pfn(block));
	/* whole leaves, which need no split otherwise */
	assert_int_equal(set_memory_4k(direct_of(block), 1 << BLOCK_ORDER), 0);
	watch_end();
	assert_true(small(direct_of(block)) && small(direct_of(block + (1 << BLOCK_ORDER) - 1)));
	__free_pages(block, BLOCK_ORDER);
}

/* Without global pages, without large ones, with every type: a part says what the whole said. */
static void parts_of_every_leaf(void **state)
{
	const enum memtype types[] = { MEMTYPE_WB, MEMTYPE_WT, MEMTYPE_UC_MINUS, MEMTYPE_UC, MEMTYPE_WC };
	pteval_t all = pte_supported;
	struct page *block;
	vaddr_t start;

	(void)state;
	page_in_leaf(&block);
	start = direct_of(block);
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(types); i++) {
		struct mmu_update u;
		pgprot_t prot = pgprot_set_memtype(i % 2 ? PAGE_KERNEL_ROX : PAGE_KERNEL, types[i / 2]), got;

		pte_supported = i % 2 ? all & ~PTE_GLOBAL : all;
		arch_update_kernel_mappings_begin(&u, start, start + (P << BLOCK_ORDER));
		pgtable_unmap(&kernel_pgtable, &u, start, start + (P << BLOCK_ORDER));
		tlb_batch_add(&u.tlb, start, start + (P << BLOCK_ORDER));
		arch_update_kernel_mappings_end(&u);
		pgtable_clear_tables(&kernel_pgtable, start, start + (P << BLOCK_ORDER), BLOCK_ORDER + PAGE_SHIFT);
		arch_update_kernel_mappings_begin(&u, start, start + (P << BLOCK_ORDER));
		assert_int_equal(pgtable_map(&kernel_pgtable, &u, start, start + (P << BLOCK_ORDER),
					     page_to_phys(block), prot, 30),
				 0);
		arch_update_kernel_mappings_end(&u);
		arch_update_kernel_mappings_begin(&u, start, start + (P << BLOCK_ORDER));
		assert_int_equal(pgtable_split(&u, start + P, start + 2 * P, 63), 0);
		arch_update_kernel_mappings_end(&u);
		for (unsigned int n = 0; n < 1u << BLOCK_ORDER; n++) {
			got = leaf_prot(leaf_at(start + n * P).pte, 1);
			if (leaf_at(start + n * P).level == 1)
				assert_int_equal(got.val & ~PTE_PENDING, pgprot_supported(prot).val);
			assert_int_equal(leaf_at(start + n * P).phys, page_to_phys(block + n));
		}
	}
	pte_supported = all;
	assert_int_equal(set_memory_wb(start, 1 << BLOCK_ORDER), 0);
	assert_int_equal(set_memory_rw(start, 1 << BLOCK_ORDER), 0);
	__free_pages(block, BLOCK_ORDER);
}

/* --- failing ------------------------------------------------------------------------------------------------------ */

static void every_table_may_fail(void **state)
{
	struct page *block, *page = page_in_leaf(&block);
	unsigned int failed = 0;
	bool large = !small(direct_of(page));

	(void)state;
	for (unsigned int nth = 1; nth <= 4; nth++) {
		int err;

		watch_begin(page_to_pfn(block));
		after[77].writable = after[78].writable = false;
		inject_set(INJECT_TABLE, nth);
		err = set_memory_ro(direct_of(page), 2);
		inject_clear(INJECT_TABLE);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		memcpy(after, before, sizeof(after)); /* nothing has changed */
		watch_end();
		failed++;
	}
	assert_int_equal(failed > 0, large);
	watched = 0;
	assert_true(!writable(direct_of(page)));
	inject_set(INJECT_TABLE, 1); /* and back again without memory */
	assert_int_equal(set_memory_rw(direct_of(page), 1), 0);
	assert_int_equal(set_memory_rw(direct_of(page) + P, 1), 0);
	inject_clear(INJECT_TABLE);
	__free_pages(block, BLOCK_ORDER);
}

/* --- together ----------------------------------------------------------------------------------------------------- */

struct changer {
	pthread_t thread;
	unsigned int cpu;
	vaddr_t addr;
	int err;
	bool done;
};

static void *change_main(void *arg)
{
	struct changer *c = arg;

	host_run_on(c->cpu);
	c->err = set_memory_ro(c->addr, 1);
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void start(struct changer *c, unsigned int cpu, vaddr_t addr)
{
	*c = (struct changer){ .cpu = cpu, .addr = addr };
	assert_int_equal(pthread_create(&c->thread, NULL, change_main, c), 0);
}

/*
 * One stands at `point` in the middle of a split, another changes a page of the same leaf: both changes hold, one table
 * came.
 */
static void two_in_one_leaf(const char *point)
{
	struct page *block, *page = page_in_leaf(&block);
	struct changer one, two;

	if (small(direct_of(page))) {
		__free_pages(block, BLOCK_ORDER);
		return;
	}
	watch_begin(page_to_pfn(block));
	after[77].writable = after[78].writable = false;
	sched_hold(point);
	start(&one, 1, direct_of(page));
	assert_true(sched_wait_held(point, 60000));
	start(&two, 2, direct_of(page) + P);
	for (unsigned int i = 0; i < 50; i++)
		arch_udelay(1000); /* it may come as far as it gets */
	assert_true(writable(direct_of(page)));
	sched_release(point);
	pthread_join(one.thread, NULL);
	pthread_join(two.thread, NULL);
	assert_int_equal(one.err | two.err, 0);
	watch_end();
	assert_int_equal(set_memory_rw(direct_of(page), 2), 0);
	__free_pages(block, BLOCK_ORDER);
}

static void two_split_one_leaf(void **state)
{
	(void)state;
	two_in_one_leaf("pgtable:split");
}

static void neighbour_changes_before_the_link_is_carried(void **state)
{
	(void)state;
	two_in_one_leaf("pgtable:split_done");
}

static void neighbour_changes_before_the_leaf_is_forgotten(void **state)
{
	(void)state;
	two_in_one_leaf("tlb:flush");
}

/* The arch part by itself, without the lock of those who change: the loser's table comes back, the winner's is used. */
static void *split_main(void *arg)
{
	struct changer *c = arg;
	struct mmu_update u;

	host_run_on(c->cpu);
	arch_update_kernel_mappings_begin(&u, c->addr, c->addr + P);
	c->err = pgtable_split(&u, c->addr, c->addr + P, 63);
	arch_update_kernel_mappings_end(&u);
	return NULL;
}

static void losers_table_comes_back(void **state)
{
	struct page *block, *page = page_in_leaf(&block);
	unsigned long tables;
	struct changer loser = { .cpu = 1, .addr = direct_of(page) },
		       winner = { .cpu = 0, .addr = direct_of(page) + P };
	pte_t link;

	(void)state;
	if (small(direct_of(page))) {
		__free_pages(block, BLOCK_ORDER);
		return;
	}
	tables = pgtable_kernel_pages();
	sched_hold("pgtable:split");
	assert_int_equal(pthread_create(&loser.thread, NULL, split_main, &loser), 0);
	assert_true(sched_wait_held("pgtable:split", 60000));
	split_main(&winner);
	link = pgtable_read_entry(&kernel_pgtable, direct_of(page), 2);
	sched_release("pgtable:split");
	pthread_join(loser.thread, NULL);
	assert_int_equal(loser.err | winner.err, 0);
	assert_int_equal(pgtable_read_entry(&kernel_pgtable, direct_of(page), 2).val, link.val);
	assert_int_equal(pgtable_kernel_pages(), tables + 1);
	__free_pages(block, BLOCK_ORDER);
}

/* --- the oracle --------------------------------------------------------------------------------------------------- */

#define VERDICTS(kind, statement) ({ \
	unsigned long _before = oracle_counters().expected[kind]; \
	statement; \
	oracle_counters().expected[kind] - _before; })

/*
 * A leaf becomes a table that says what it said; an entry of it changes while CPUs may have the leaf; or the table says
 * other.
 */
static void oracle_knows_a_split(void **state)
{
	struct page *block, *page = page_in_leaf(&block);
	struct mmu_update u;

	(void)state;
	if (small(direct_of(page))) {
		__free_pages(block, BLOCK_ORDER);
		return;
	}
	oracle_expect(true);
	arch_update_kernel_mappings_begin(&u, direct_of(block), direct_of(block) + (P << BLOCK_ORDER));
	assert_int_equal(VERDICTS(ORACLE_SPLIT,
				  assert_int_equal(pgtable_split(&u, direct_of(page), direct_of(page) + P, 63), 0)),
			 0);
	assert_int_equal(VERDICTS(ORACLE_SPLIT, assert_int_equal(pgtable_protect(&kernel_pgtable, &u, direct_of(page),
			 direct_of(page) + P, MAP_NO_BITS, PROT_BIT_RW), 0)), 1);
	arch_update_kernel_mappings_end(&u);
	arch_update_kernel_mappings_begin(&u, direct_of(block), direct_of(block) + (P << BLOCK_ORDER));
	assert_int_equal(VERDICTS(ORACLE_SPLIT, pgtable_protect(&kernel_pgtable, &u, direct_of(page),
								direct_of(page) + P, PROT_BIT_RW, MAP_NO_BITS)),
			 0);
	arch_update_kernel_mappings_end(&u);
	oracle_expect(false);
	__free_pages(block, BLOCK_ORDER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(two_levels_at_once, quiet),
		cmocka_unit_test_teardown(one_page_changes_and_no_other, quiet),
		cmocka_unit_test_teardown(whole_leaf_changes_as_one, quiet),
		cmocka_unit_test_teardown(no_large_leaf_is_left, quiet),
		cmocka_unit_test_teardown(parts_of_every_leaf, quiet),
		cmocka_unit_test_teardown(every_table_may_fail, quiet),
		cmocka_unit_test_teardown(two_split_one_leaf, quiet),
		cmocka_unit_test_teardown(neighbour_changes_before_the_link_is_carried, quiet),
		cmocka_unit_test_teardown(neighbour_changes_before_the_leaf_is_forgotten, quiet),
		cmocka_unit_test_teardown(losers_table_comes_back, quiet),
		cmocka_unit_test_teardown(oracle_knows_a_split, quiet),
	};

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, machine, end);
}
