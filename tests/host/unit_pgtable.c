/* SPDX-License-Identifier: MIT */
/* The walker against a naive model (pgtable_model.h), and by cases. Built for 2, 3, 4 and 5 levels. */
#include "tests/host/pgtable_model.h"

#include <kernel/inject.h>
#include <lib/format.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

/* --- anything --------------------------------------------------------------------------------------------------- */

static u64 phys_limit(void) { return min(arch_phys_limit(), 1ull << 36); }

static const unsigned int shifts[] = { 12, 21, 22, 30 };

/* A range that may be anything: a few pages, many, or some large leaves and a rest. */
static void random_range(vaddr_t *start, vaddr_t *stop, u64 *phys)
{
	vaddr_t align = 1ul << shifts[host_random_below(ARRAY_SIZE(shifts))], room = window_end - window, size;

	align = min(align, room / 4);
	*start = base_of(1, window + host_random_below(room)) & ~(align - 1);
	*start = max(*start, window);
	size = host_random() & 1 ? PAGE_SIZE * (1 + host_random_below(40)) : align * (1 + host_random_below(3));
	size += host_random() & 1 ? PAGE_SIZE * host_random_below(8) : 0;
	*stop = min(*start + size, window_end);
	*phys = (u64)host_random_below(phys_limit() - (*stop - *start)) & ~((u64)PAGE_SIZE - 1);
	if (host_random() & 3)
		*phys = (*phys & ~((u64)align - 1)) | (*start & (align - 1));
	if (*phys + (*stop - *start) > phys_limit())
		*phys = 0;
}

static pgprot_t random_prot(void)
{
	const pgprot_t prots[] = { PAGE_KERNEL, PAGE_KERNEL_RO, PAGE_KERNEL_ROX, PAGE_KERNEL_NOCACHE,
				   pgprot_writecombine(PAGE_KERNEL_RO) };

	return prots[host_random_below(ARRAY_SIZE(prots))];
}

static pgprot_t random_right(void) { return host_random() & 1 ? PROT_BIT_RW : PROT_BIT_NX; }

static void random_step(void)
{
	unsigned int shift;
	vaddr_t start, stop;
	u64 phys;

	random_range(&start, &stop, &phys);
	switch (host_random_below(8)) {
	case 0:
		do_protect(start, stop, random_right(), random_right());
		break;
	case 1:
		do_clear_tables(start, stop, pt_level[2 + host_random_below(pt_top() - 1)].shift);
		break;
	case 2:
	case 3:
		do_unmap(start, stop);
		break;
	default:
		shift = shifts[host_random_below(ARRAY_SIZE(shifts))];
		if (model_is_free(start, stop) && model_count(start, stop, phys, shift) <= MAX_LEAVES / 4)
			do_map(start, stop, phys, random_prot(), shift);
	}
	if (nr_leaves > MAX_LEAVES / 2)
		do_unmap(window, window_end);
	if (nr_tables > MAX_TABLES / 2)
		model_restart();
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static int setup(void **state)
{
	(void)state;
	for (enum cpu_feature f = 0; f < NR_FEATURES; f++)
		host_set_feature(f, true);
	model_restart();
	return 0;
}

static void play(void)
{
	for (int round = 0; round < 1500; round++)
		random_step();
	do_unmap(window, window_end);
	assert_int_equal(nr_leaves, 0);
}

static void random_operations(void **state) { (void)state; play(); }

static void random_operations_small_leaves_only(void **state)
{
	(void)state;
	host_set_feature(FEATURE_HUGE_2M, false);
	host_set_feature(FEATURE_HUGE_1G, false);
	play();
}

static void random_operations_without_1g(void **state)
{
	(void)state;
	host_set_feature(FEATURE_HUGE_1G, false);
	play();
}

/* Over every kind of obstacle: the part before it is mapped, the obstacle is as it was, and one unmap cleans up. */
static void map_over_something(void **state)
{
	vaddr_t big = size_of(2);
	vaddr_t obstacle = window + 2 * big, start = window, stop = window + 5 * big;

	(void)state;
	for (unsigned int leaf_level = 2; leaf_level >= 1; leaf_level--) {
		do_map(obstacle, obstacle + size_of(leaf_level), 0, PAGE_KERNEL, pt_level[leaf_level].shift);
		arch_update_kernel_mappings_begin(&update, start, stop);
		assert_int_equal(pgtable_map(&kernel_pgtable, &update, start, stop, big, PAGE_KERNEL_RO, 30), -EBUSY);
		arch_update_kernel_mappings_end(&update);
		assert_int_equal(pgtable_query(&kernel_pgtable, obstacle - 1).phys, 3 * big - 1);
		assert_int_equal(pgtable_query(&kernel_pgtable, obstacle).phys, 0);
		assert_int_equal(pgtable_query(&kernel_pgtable, obstacle).level, leaf_level);
		assert_false(pgtable_query(&kernel_pgtable, stop - 1).present);
		arch_update_kernel_mappings_begin(&update, start, stop);
		pgtable_unmap(&kernel_pgtable, &update, start, obstacle);
		arch_update_kernel_mappings_end(&update);
		do_unmap(start, stop);
	}
}

/* A slot that has a table gets small leaves, and the table stays the one it was (museum 56). */
static void no_leaf_lands_on_a_table(void **state)
{
	vaddr_t big = size_of(2), at = window + big;
	pte_t link;

	(void)state;
	do_map(at + PAGE_SIZE, at + 2 * PAGE_SIZE, 0, PAGE_KERNEL, PAGE_SHIFT);
	link = pgtable_read_entry(&kernel_pgtable, at, 2);
	model_begin(at, at + big);
	assert_int_equal(pgtable_map(&kernel_pgtable, &update, at, at + big, 0, PAGE_KERNEL, 30), -EBUSY);
	arch_update_kernel_mappings_end(&update);
	assert_int_equal(pgtable_read_entry(&kernel_pgtable, at, 2).val, link.val);
	model_begin(at, at + big);
	pgtable_unmap(&kernel_pgtable, &update, at, at + big);
	arch_update_kernel_mappings_end(&update);
	nr_leaves = 0;
	do_map(at, at + big, 0, PAGE_KERNEL, 30);
	assert_int_equal(pgtable_read_entry(&kernel_pgtable, at, 2).val, link.val);
	assert_int_equal(pgtable_query(&kernel_pgtable, at + 5).level, 1);
}

/* Any byte of a large leaf translates exactly (museum 57: byte 3M of a 1G leaf). */
static void large_leaves_translate_exactly(void **state)
{
	(void)state;
	for (unsigned int level = 2; level <= pt_top(); level++) {
		vaddr_t at = ALIGN(window, size_of(level));

		if (!pt_leaf_allowed(level))
			continue;
		do_map(at, at + size_of(level), size_of(level), PAGE_KERNEL, 30);
		assert_int_equal(pgtable_query(&kernel_pgtable, at + 3 * size_of(level) / 512 + 7).phys,
				 size_of(level) + 3 * size_of(level) / 512 + 7);
		do_unmap(at, at + size_of(level));
	}
}

/* Physical page 0 is full of what looks like entries; nobody may look there because an entry is absent (museum 41). */
static void absent_entries_lead_nowhere(void **state)
{
	u8 *zero_page = phys_to_virt(0);
	unsigned long before = host_live_tables();
	bool called = false;

	(void)state;
	memset(zero_page, 0xe7, PAGE_SIZE);
	for (vaddr_t at = window; at < window_end; at += (window_end - window) / 64) {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, at);

		assert_false(leaf.present);
		assert_int_equal(leaf.level, pt_top() == 3 ? 2 : pt_top());
		assert_int_equal(pgtable_read_entry(&kernel_pgtable, at, 1).val, 0);
	}
	do_unmap(window, window_end);
	do_protect(window, window_end, PROT_BIT_RW, PROT_BIT_NX);
	model_begin(window, window_end);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, window, window_end, false, NULL, &called), 0);
	model_end();
	do_clear_tables(window, window_end, 30);
	pgtable_dump_walk(&kernel_pgtable, window);
	assert_int_equal(host_live_tables(), before);
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(zero_page[i], 0xe7);
}

/* Refuse the n-th table page, for every n: -ENOMEM, and after unmapping the range nothing is mapped or lost. */
static void every_table_page_may_be_missing(void **state)
{
	unsigned int refused = 0;

	(void)state;
	for (unsigned int nth = 1;; nth++) {
		vaddr_t start, stop;
		unsigned long live;
		int err;

		model_restart();
		start = base_of(2, window + (window_end - window) / 2) - 3 * PAGE_SIZE;
		stop = start + 3 * size_of(2);
		live = host_live_tables();
		inject_set(INJECT_TABLE, nth);
		arch_update_kernel_mappings_begin(&update, start, stop);
		err = pgtable_map(&kernel_pgtable, &update, start, stop, 0, PAGE_KERNEL, PAGE_SHIFT);
		if (err)
			pgtable_unmap(&kernel_pgtable, &update, start, stop);
		arch_update_kernel_mappings_end(&update);
		assert_int_equal(host_live_tables() - live, pgtable_kernel_pages() - tables_before);
		if (inject_clear(INJECT_TABLE))
			break;
		refused++;
		assert_int_equal(err, -ENOMEM);
		for (vaddr_t at = start; at != stop; at += PAGE_SIZE)
			assert_false(pgtable_query(&kernel_pgtable, at).present);
		assert_int_equal(pgtable_kernel_pages() - tables_before, nth - 1);
	}
	/* Four page tables, and a second branch above them where the middle of the window is a border. */
	assert_true(refused >= 4);
	assert_int_equal(pgtable_kernel_pages() - tables_before, refused);
}

/* --- runs of small entries -------------------------------------------------------------------------------------- */

struct runs {
	unsigned long calls, entries, stop_after;
	vaddr_t next;
};

static int count_run(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	struct runs *r = ctx;

	assert_int_equal(addr, r->next ? r->next : addr);
	r->next = addr + n * PAGE_SIZE;
	for (unsigned long i = 0; i < n; i++)
		if (pte_none(ptep[i]))
			pte_store(ptep + i, pfn_pte(r->entries + i, PAGE_KERNEL));
	r->entries += n;
	return ++r->calls == r->stop_after ? -EIO : 0;
}

static void runs_cover_every_entry(void **state)
{
	vaddr_t start = base_of(2, window) + size_of(2) - 3 * PAGE_SIZE, stop = start + size_of(2);
	struct runs r = { 0 };

	(void)state;
	arch_update_kernel_mappings_begin(&update, start, stop);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, start, stop, true, count_run, &r), 0);
	arch_update_kernel_mappings_end(&update);
	assert_int_equal(r.calls, 2);
	assert_int_equal(r.entries, (stop - start) >> PAGE_SHIFT);
	for (vaddr_t at = start; at != stop; at += PAGE_SIZE)
		assert_int_equal(pgtable_query(&kernel_pgtable, at).phys, at - start);
}

static void runs_skip_holes_and_stop_on_error(void **state)
{
	vaddr_t start = window, stop = window + 6 * size_of(2);
	struct runs r = { 0 }, early = { .stop_after = 1 };

	(void)state;
	do_map(window + 3 * size_of(2), window + 3 * size_of(2) + PAGE_SIZE, 0, PAGE_KERNEL, PAGE_SHIFT);
	arch_update_kernel_mappings_begin(&update, start, stop);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, start, stop, false, count_run, &r), 0);
	assert_int_equal(r.entries, size_of(2) >> PAGE_SHIFT);
	assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, start, stop, true, count_run, &early), -EIO);
	assert_int_equal(early.calls, 1);
	arch_update_kernel_mappings_end(&update);
}

static void runs_refuse_large_leaves(void **state)
{
	struct runs r = { 0 };

	(void)state;
	do_map(window, window + size_of(2), 0, PAGE_KERNEL, 30);
	model_begin(window, window + size_of(2));
	for (int create = 0; create < 2; create++)
		assert_int_equal(pgtable_for_each_run(&kernel_pgtable, &update, window, window + PAGE_SIZE, create,
						      count_run, &r), -EINVAL);
	model_end();
	assert_int_equal(r.calls, 0);
}

/* --- replacing tables by leaves --------------------------------------------------------------------------------- */

static unsigned long flushes_before, freed;

/* A table page may only come back after everything was flushed, paging-structure caches too (museum 51 to 53). */
static void free_must_follow_flush(phys_addr_t table)
{
	assert_true(tlb_log_covers(flushes_before, window, window_end));
	freed++;
	host_table_free(table);
}

static void tables_make_room_for_leaves(void **state)
{
	(void)state;
	for (unsigned int level = 2; level <= pt_top(); level++) {
		vaddr_t at = ALIGN(window, size_of(level));
		unsigned int had;

		if (!pt_leaf_allowed(level))
			continue;
		for (vaddr_t page = at; page < at + size_of(level); page += size_of(level) / 16)
			do_map(page, page + PAGE_SIZE, 0, PAGE_KERNEL, PAGE_SHIFT);
		do_unmap(at, at + size_of(level));
		had = nr_tables;
		flushes_before = tlb_log_seq();
		freed = 0;
		pgtable_set_allocator(host_table_alloc, free_must_follow_flush);
		do_clear_tables(at, at + size_of(level), pt_level[level].shift);
		pgtable_set_allocator(host_table_alloc, host_table_free);
		assert_int_equal(freed, had - nr_tables);
		assert_true(freed >= level - 1);
		do_map(at, at + size_of(level), 0, PAGE_KERNEL, 30);
		assert_int_equal(pgtable_query(&kernel_pgtable, at + 1).level, level);
		do_unmap(at, at + size_of(level));
	}
}

/* --- who may change what ---------------------------------------------------------------------------------------- */

static void changes_outside_the_scope_are_bugs(void **state)
{
	vaddr_t user = 1ul << 22;

	(void)state;
	model_begin(window, window + PAGE_SIZE);
	assert_true(PANICS(pgtable_map(&kernel_pgtable, &update, window, window + 2 * PAGE_SIZE, 0, PAGE_KERNEL, 12)));
	assert_true(PANICS(pgtable_map(&kernel_pgtable, NULL, window, window + PAGE_SIZE, 0, PAGE_KERNEL, 12)));
	assert_true(PANICS(pgtable_map(&kernel_pgtable, &update, window, window, 0, PAGE_KERNEL, 12)));
	assert_true(PANICS(pgtable_map(&kernel_pgtable, &update, window + 1, window + PAGE_SIZE, 0, PAGE_KERNEL, 12)));
	assert_true(PANICS(pgtable_map(&kernel_pgtable, NULL, user, user + PAGE_SIZE, 0, PAGE_USER, 12)));
	model_end();
}

/* A process's own half: its tables carry the user bit on the way down, and all come back. */
static void user_half(void **state)
{
	vaddr_t places[] = { PAGE_SIZE, 1ul << 30, layout.user_end - 4 * PAGE_SIZE };
	unsigned long before = host_live_tables();
	struct pgtable pt;

	(void)state;
	assert_int_equal(pgtable_init_process(&pt), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++)
		assert_int_equal(pgtable_map(&pt, NULL, places[i], places[i] + 2 * PAGE_SIZE, 0x5000, PAGE_USER, 12),
				 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(places); i++) {
		assert_int_equal(pgtable_query(&pt, places[i] + PAGE_SIZE + 3).phys, 0x6003);
		assert_false(pgtable_query(&kernel_pgtable, places[i]).present);
		for (unsigned int level = 1; level <= pt_top(); level++)
			assert_true((pgtable_read_entry(&pt, places[i], level).val & PTE_USER) ||
				    (pt_top() == 3 && level == 3));
	}
	pgtable_unmap(&pt, NULL, places[0], places[0] + PAGE_SIZE);
	assert_false(pgtable_query(&pt, places[0]).present);
	assert_true(pgtable_query(&pt, places[0] + PAGE_SIZE).present);
	pgtable_free_user(&pt);
	pgtable_exit_process(&pt);
	assert_int_equal(host_live_tables(), before);
	assert_int_equal(pgtable_kernel_pages(), tables_before);
}

static void addresses_between_the_halves(void **state)
{
	(void)state;
	if (pt_top() < 4)
		return;
	assert_false(pgtable_query(&kernel_pgtable, layout.direct_start & ~(1ul << 63)).present);
	assert_true(pgtable_query(&kernel_pgtable, layout.direct_start).present);
}

/* --- for people ------------------------------------------------------------------------------------------------- */

/* The frame counts through all bits that it has, and the rest of the entry stays what it is. */
static void leaves_side_by_side(void **state)
{
	const unsigned long frames[] = { 0, 1, 0xfffff, 0x100000, (unsigned long)(PTE_FRAME >> PAGE_SHIFT) - 0x100001 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(frames); i++)
		for (unsigned int k = 0; k < ARRAY_SIZE(frames) - 1; k++)
			assert_true(pte_advance_pfn(pfn_pte(frames[i], PAGE_KERNEL), frames[k]).val ==
				    pfn_pte(frames[i] + frames[k], PAGE_KERNEL).val);
}

/* For programs: three read-only pages at `at`, of frame 7 on. */
static void machine_lines(vaddr_t at)
{
	char expected[160];

	host_log_clear();
	pgtable_walk_machine(&kernel_pgtable, at + PAGE_SIZE);
	scnprintf(expected, sizeof(expected), "walk tree=0 addr=0x%lx present=1 phys=0x", at + PAGE_SIZE);
	assert_non_null(strstr(host_log(), expected));
	assert_non_null(strstr(host_log(), "8000 size=4096\n"));
	assert_non_null(strstr(host_log(), "entry tree=0 level=PGD index="));
	assert_non_null(strstr(host_log(), " kind=leaf rights=ro"));
	host_log_clear();
	pgtable_range_machine(&kernel_pgtable, window, window_end);
	scnprintf(expected, sizeof(expected), "leaves start=0x%lx end=0x%lx size=12288 leaf=4096 rights=ro", at,
		  at + 3 * PAGE_SIZE);
	assert_non_null(strstr(host_log(), expected));
}

static void dumps_say_what_is_there(void **state)
{
	vaddr_t at = window + size_of(2);

	(void)state;
	do_map(at, at + 3 * PAGE_SIZE, 0x7000, PAGE_KERNEL_RO, PAGE_SHIFT);
	host_log_clear();
	pgtable_dump_walk(&kernel_pgtable, at + PAGE_SIZE);
	assert_non_null(strstr(host_log(), "PTE["));
	assert_non_null(strstr(host_log(), "PGD["));
	assert_non_null(strstr(host_log(), "8000"));
	host_log_clear();
	pgtable_dump_range(&kernel_pgtable, window, window_end);
	assert_non_null(strstr(host_log(), " 12K"));
	assert_non_null(strstr(host_log(), "PTE"));
	assert_null(strstr(host_log(), "RW"));
	machine_lines(at);
	do_unmap(at, at + 3 * PAGE_SIZE);
	host_log_clear();
	pgtable_dump_range(&kernel_pgtable, window, window_end);
	assert_null(strstr(host_log(), "PTE"));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_operations),
		TEST(random_operations_small_leaves_only),
		TEST(random_operations_without_1g),
		TEST(map_over_something),
		TEST(no_leaf_lands_on_a_table),
		TEST(large_leaves_translate_exactly),
		TEST(absent_entries_lead_nowhere),
		TEST(every_table_page_may_be_missing),
		TEST(runs_cover_every_entry),
		TEST(runs_skip_holes_and_stop_on_error),
		TEST(runs_refuse_large_leaves),
		TEST(tables_make_room_for_leaves),
		TEST(changes_outside_the_scope_are_bugs),
		TEST(user_half),
		TEST(addresses_between_the_halves),
		TEST(leaves_side_by_side),
		TEST(dumps_say_what_is_there),
	};

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
