/* SPDX-License-Identifier: MIT */
/*
 * The TLB oracle on the host, where a CPU is a number: every verdict provoked and every near miss let pass. Random
 * work against a naive model is unit_tlb_oracle_model.c. Built for 2, 3, 4 and 5 levels: the same test, the same
 * verdicts.
 */
#include "tests/host/tlb_oracle_machine.h"

/* --- an address mapped anew --------------------------------------------------------------------------------------- */

static void every_cpu_counts(void **state)
{
	pte_t *p = kernel_entry(0);

	(void)state;
	for (unsigned int missing = 0; missing <= CPUS; missing++) {
		map(p, 7, PAGE_KERNEL);
		clear(p);
		for (unsigned int cpu = 0; cpu < CPUS; cpu++)
			if (cpu != missing)
				on_cpu(cpu, missing % 2 ? flush_page : flush_all, window);
		if (missing < CPUS)
			assert_verdict(ORACLE_REUSED, map(p, 8, PAGE_KERNEL));
		else
			assert_clean(ORACLE_REUSED, map(p, 8, PAGE_KERNEL));
		clear(p);
		everywhere(flush_all, 0);
		assert_int_equal(oracle_counters().live, 0);
	}
}

static void both_histories_are_told(void **state)
{
	pte_t *p = kernel_entry(0);

	(void)state;
	map(p, 7, PAGE_KERNEL);
	clear(p);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		if (cpu != 2)
			on_cpu(cpu, flush_all, 0);
	oracle_expect(false);
	warn_expected(true);
	host_log_clear();
	map(p, 8, PAGE_KERNEL);
	warn_expected(false);
	oracle_expect(true);
	assert_non_null(strstr(host_log(), "range-reused: CPU2 may still translate"));
	assert_non_null(strstr(host_log(), "to frame 7 (PTE RW)"));
	assert_non_null(strstr(host_log(), "unmapped at write #"));
	assert_non_null(strstr(host_log(), "mapped anew at #"));
	assert_int_equal(oracle_counters().unexpected, 1);
}

static void the_range_must_reach(void **state)
{
	pte_t *first = kernel_entry(0), *last = kernel_entry(3);

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		map(kernel_entry(i), 20 + i, PAGE_KERNEL);
	for (unsigned int i = 0; i < 4; i++)
		clear(kernel_entry(i));
	for (unsigned int i = 0; i < 3; i++)
		everywhere(flush_page, window + i * PAGE_SIZE);
	assert_clean(ORACLE_REUSED, map(first, 9, PAGE_KERNEL));
	assert_verdict(ORACLE_REUSED, map(last, 9, PAGE_KERNEL));
}

static void the_same_again_is_no_reuse(void **state)
{
	pte_t *p = kernel_entry(1);

	(void)state;
	map(p, 7, PAGE_KERNEL_RO);
	clear(p);
	assert_clean(ORACLE_REUSED, map(p, 7, PAGE_KERNEL_RO));
	clear(p);
	assert_clean(ORACLE_REUSED, map(p, 7, PAGE_KERNEL)); /* more rights than are cached: merely slow */
	clear(p);
	assert_verdict(ORACLE_REUSED, map(p, 7, PAGE_KERNEL_RO)); /* now more are cached than allowed */
	clear(p);
	everywhere(flush_all, 0);
	map(p, 7, PAGE_KERNEL);
	clear(p);
	assert_verdict(ORACLE_REUSED, map(p, 7, PAGE_KERNEL_NOCACHE));
	clear(p);
	everywhere(flush_all, 0);
	map(p, 7, PAGE_KERNEL_NOCACHE);
	clear(p);
	assert_verdict(ORACLE_REUSED, map(p, 7, pgprot_writecombine(PAGE_KERNEL)));
}

static void rights_in_place(void **state)
{
	pte_t *p = kernel_entry(2);

	(void)state;
	map(p, 7, PAGE_KERNEL_RO);
	assert_clean(ORACLE_REUSED, change_rights(p, PTE_RW, 0));
	assert_int_equal(oracle_counters().live, 0); /* an upgrade leaves nothing that could do harm */
	assert_clean(ORACLE_REUSED, change_rights(p, 0, PTE_RW));
	assert_int_equal(oracle_counters().live, 1);
	assert_clean(ORACLE_REUSED, change_rights(p, PTE_ACCESSED | PTE_DIRTY | PTE_PENDING, 0));
	assert_int_equal(oracle_counters().live, 1);
	/* led elsewhere over the cached right to write */
	assert_verdict(ORACLE_REUSED, pte_xchg(p, pfn_pte(8, PAGE_KERNEL)));
	everywhere(flush_all, 0);
	assert_int_equal(oracle_counters().live, 0);
}

static void a_load_of_cr3_is_no_kernel_flush(void **state)
{
	pte_t *p = kernel_entry(3);

	(void)state;
	map(p, 7, PAGE_KERNEL);
	clear(p);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		load_on(cpu, &process[0]);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		host_run_on(cpu);
		oracle_flushed_nonglobal(oracle_now());
	}
	host_run_on(0);
	assert_verdict(ORACLE_REUSED, map(p, 8, PAGE_KERNEL));
}

/* A flush that began before the entry was written may have passed the CPU before. */
static void only_what_was_written_before_the_flush(void **state)
{
	pte_t *p = kernel_entry(4);
	unsigned long since;

	(void)state;
	map(p, 7, PAGE_KERNEL);
	since = oracle_now();
	clear(p);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		host_run_on(cpu);
		oracle_flushed_all(since);
	}
	host_run_on(0);
	assert_int_equal(oracle_counters().live, 1);
	assert_verdict(ORACLE_REUSED, map(p, 8, PAGE_KERNEL));
}

static void kmap_slots_are_a_cpus_own(void **state)
{
	pte_t *p;

	(void)state;
	map_window(&kernel_pgtable, layout.fixmap_start);
	p = entry_in(&kernel_pgtable, layout.fixmap_start, 0);
	host_run_on(1);
	map(p, 7, PAGE_KERNEL);
	clear(p);
	flush_tlb_local_page(layout.fixmap_start);
	host_run_on(0);
	assert_int_equal(oracle_counters().live, 0);
}

/* --- large leaves, and tables ------------------------------------------------------------------------------------- */

static pte_t large(unsigned long pfn) { return __pte(((pteval_t)pfn << PAGE_SHIFT) | PAGE_KERNEL.val | PTE_PSE); }

static void large_and_small(void **state)
{
	pte_t *p = pt_entry(&kernel_pgtable, window, 2), table = pte_read(p);

	(void)state;
	map(kernel_entry(5), 7, PAGE_KERNEL);
	clear(kernel_entry(5));
	pte_xchg(p, __pte(0));
	assert_verdict(ORACLE_REUSED, pte_xchg(p, large(1024))); /* the small page and the table, told as one */
	everywhere(flush_all, 0);
	pte_xchg(p, __pte(0));
	assert_int_equal(oracle_counters().live, 1);
	everywhere(flush_page, window + 17 * PAGE_SIZE); /* one INVLPG takes all of a large page */
	assert_int_equal(oracle_counters().live, 0);
	assert_clean(ORACLE_REUSED, pte_xchg(p, large(2048)));
	pte_xchg(p, __pte(0));
	assert_verdict(ORACLE_REUSED, pte_xchg(p, table)); /* small pages where a large one may be remembered */
	assert_int_equal(oracle_counters().live, 0);
}

static void a_table_outlives_its_ways(void **state)
{
	pte_t *p = pt_entry(&kernel_pgtable, window, 2), link = pte_read(p);

	(void)state;
	pte_xchg(p, __pte(0));
	for (unsigned int cpu = 1; cpu < CPUS; cpu++)
		on_cpu(cpu, flush_all, 0);
	assert_verdict(ORACLE_TABLE, table_free(pte_phys(link), true));
	everywhere(flush_all, 0);
	map_window(&kernel_pgtable, window);
	link = pte_read(p);
	pte_xchg(p, __pte(0));
	assert_verdict(ORACLE_REUSED, pte_xchg(p, __pte((link.val & ~PTE_FRAME) | 0x5000)));
	pte_xchg(p, __pte(0));
	everywhere(flush_all, 0);
	assert_clean(ORACLE_TABLE, table_free(pte_phys(link), true));
}

/* After the flush it is retired, and freed later; its successor in the same place may be on its way out then. */
static void a_retired_table_answers_for_itself(void **state)
{
	pte_t *p = pt_entry(&kernel_pgtable, window, 2), first = pte_read(p), second;

	(void)state;
	pte_xchg(p, __pte(0));
	everywhere(flush_all, 0);
	oracle_table_freed(pte_phys(first));
	map_window(&kernel_pgtable, window);
	second = pte_read(p);
	pte_xchg(p, __pte(0));
	assert_clean(ORACLE_TABLE, table_free(pte_phys(first), true));
	assert_verdict(ORACLE_TABLE, table_free(pte_phys(second), true));
}

/* Freed with all that is below it: the one link that was cleared counts for every table. */
static void a_subtree_outlives_its_way(void **state)
{
	pte_t *p = pt_entry(&process[0], USER_WINDOW, pt_top()), link = pte_read(p);

	(void)state;
	load_on(3, &process[0]);
	pte_xchg(p, __pte(0));
	assert_verdict(ORACLE_TABLE, table_free_below(link, pt_top(), false));
}

/* Tables that nobody has in CR3 may go at once. */
static void a_process_that_runs_nowhere(void **state)
{
	(void)state;
	map(user_entry(0, 1), 7, PAGE_USER);
	load_on(3, &process[0]);
	load_on(3, &process[1]);
	clear(user_entry(0, 1));
	assert_int_equal(oracle_counters().live, 0);
	assert_clean(ORACLE_TABLE, pgtable_free_user(&process[0]));
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

static void who_ran_it_may_remember(void **state)
{
	pte_t *p = user_entry(0, 0);

	(void)state;
	load_on(1, &process[0]);
	load_on(2, &process[0]);
	map(p, 7, PAGE_USER);
	clear(p);
	on_cpu(1, flush_page, USER_WINDOW);
	assert_verdict(ORACLE_REUSED, map(p, 8, PAGE_USER));
	clear(p);
	on_cpu(1, flush_page, USER_WINDOW);
	load_on(2, &process[1]); /* takes the user half with it */
	assert_clean(ORACLE_REUSED, map(p, 9, PAGE_USER));
	on_cpu(3, flush_page, USER_WINDOW);
	clear(p);
	assert_clean(ORACLE_REUSED, map(user_entry(1, 0), 9, PAGE_USER)); /* the same address of another process */
}

static void lazy_on(unsigned int cpu, bool lazy)
{
	unsigned int here = host_run_on(cpu);

	oracle_lazy(lazy);
	host_run_on(here);
}

static void a_lazy_cpu_is_excused_until_it_comes_back(void **state)
{
	pte_t *p = user_entry(0, 0);

	(void)state;
	for (unsigned int flushes = 0; flushes < 2; flushes++) {
		load_on(2, &process[0]);
		map(p, 7, PAGE_USER);
		lazy_on(2, true);
		clear(p);
		assert_clean(ORACLE_FRAME, oracle_frames_given(7, 1));
		assert_clean(ORACLE_REUSED, map(p, 8, PAGE_USER));
		if (flushes)
			on_cpu(2, flush_all, 0);
		assert_int_equal(VERDICTS(ORACLE_LAZY, lazy_on(2, false)), flushes ? 0 : 1);
		clear(p);
		everywhere(flush_all, 0);
	}
}

/* Nobody runs in it, and still the CPU may look into its tables. */
static void a_lazy_cpu_holds_tables(void **state)
{
	pte_t *p = pt_entry(&process[0], USER_WINDOW, 2), link = pte_read(p);

	(void)state;
	load_on(2, &process[0]);
	lazy_on(2, true);
	pte_xchg(p, __pte(0));
	assert_verdict(ORACLE_TABLE, table_free(pte_phys(link), false));
}

static void load_as(unsigned int asid, struct pgtable *pt, enum oracle_load drops)
{
	oracle_loading(pt);
	oracle_loaded(pt, asid, drops, oracle_now());
}

static void pcids_keep(void **state)
{
	pte_t *p = user_entry(0, 0);

	(void)state;
	load_as(1, &process[0], ORACLE_DROPS_ASID);
	map(p, 7, PAGE_USER);
	load_as(2, &process[1], ORACLE_DROPS_ASID);
	clear(p); /* while away: it lies under PCID 1 */
	assert_int_equal(oracle_counters().live, 1);
	flush_tlb_local_page(USER_WINDOW); /* looks at PCID 2 only */
	assert_int_equal(oracle_counters().live, 1);
	assert_clean(ORACLE_REUSED, map(p, 8, PAGE_USER));
	assert_verdict(ORACLE_LAZY, load_as(1, &process[0], ORACLE_DROPS_NONE));
	clear(p);
	load_as(2, &process[1], ORACLE_DROPS_NONE);
	map(p, 9, PAGE_USER);
	assert_clean(ORACLE_LAZY, load_as(1, &process[0], ORACLE_DROPS_ASID));
	assert_verdict(ORACLE_ASID, load_as(2, &process[0], ORACLE_DROPS_NONE));
	assert_clean(ORACLE_ASID, load_as(1, &process[0], ORACLE_DROPS_NONE));
	oracle_tree_gone(&process[0]);
	/* a new tree in the old one's memory */
	assert_verdict(ORACLE_ASID, load_as(1, &process[0], ORACLE_DROPS_NONE));
}

/* --- given back, given out, left over ----------------------------------------------------------------------------- */

static void ranges_and_frames(void **state)
{
	unsigned long reissued = oracle_counters().reissued;

	(void)state;
	map(kernel_entry(1), 77, PAGE_KERNEL);
	clear(kernel_entry(1));
	assert_clean(ORACLE_GIVEN_BACK, oracle_given_back(window + 2 * PAGE_SIZE, window + 5 * PAGE_SIZE));
	assert_clean(ORACLE_FRAME, oracle_frames_given(64, 16)); /* legal for the kernel's own */
	assert_int_equal(oracle_counters().reissued, reissued + 1);
	oracle_set_quarantine(true);
	assert_clean(ORACLE_FRAME, oracle_frames_given(78, 4));
	assert_verdict(ORACLE_FRAME, oracle_frames_given(64, 16));
	oracle_set_quarantine(false);
	map(kernel_entry(1), 77, PAGE_KERNEL);
	clear(kernel_entry(1));
	assert_verdict(ORACLE_GIVEN_BACK, oracle_given_back(window, layout.vmalloc_end));
	load_on(1, &process[0]);
	map(user_entry(0, 0), 99, PAGE_USER);
	clear(user_entry(0, 0));
	assert_verdict(ORACLE_FRAME, oracle_frames_given(99, 1)); /* never legal for a process's */
}

static void aliases(void **state)
{
	unsigned long since;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		map(kernel_entry(i), 30 + i, PAGE_KERNEL);
		clear(kernel_entry(i));
	}
	oracle_deferred(window, window + PAGE_SIZE);
	since = oracle_now();
	oracle_deferred(window + PAGE_SIZE, window + 2 * PAGE_SIZE); /* after the call began: not its business */
	assert_verdict(ORACLE_ALIAS, oracle_aliases_closed(since));
	assert_clean(ORACLE_ALIAS, oracle_aliases_closed(since));
	everywhere(flush_page, window + PAGE_SIZE);
	assert_clean(ORACLE_ALIAS, oracle_aliases_closed(oracle_now())); /* page 2 has not been promised to anybody */
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

static void without_room_it_is_silent(void **state)
{
	enum { MANY = 5000 };
	static pte_t table[MANY / PT_ENTRIES + 1][PT_ENTRIES] __aligned(PAGE_SIZE);

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++)
		oracle_table_add(table[i], &(struct oracle_slot){ &kernel_pgtable, window + i * pt_size(2), 1 });
	for (unsigned int i = 0; i < MANY; i++) {
		map(&table[i / PT_ENTRIES][i % PT_ENTRIES], i + 1, PAGE_KERNEL);
		clear(&table[i / PT_ENTRIES][i % PT_ENTRIES]);
	}
	assert_true(oracle_counters().overflow > 0);
	assert_int_equal(oracle_counters().live + oracle_counters().overflow, MANY);
	everywhere(flush_all, 0);
	assert_int_equal(oracle_counters().live, 0);
	for (unsigned int i = 0; i < MANY; i++)
		assert_clean(ORACLE_REUSED, map(&table[i / PT_ENTRIES][i % PT_ENTRIES], i + 2, PAGE_KERNEL));
}

static void strangers_are_counted(void **state)
{
	pte_t lonely = __pte(0);

	(void)state;
	map(kernel_entry(0), 7, PAGE_KERNEL);
	clear(kernel_entry(0));
	map(&lonely, 5, PAGE_KERNEL);
	assert_int_equal(oracle_counters().untracked, 1);
}

static void off_is_off(void **state)
{
	(void)state;
	map(kernel_entry(0), 7, PAGE_KERNEL);
	clear(kernel_entry(0));
	oracle_enable(false);
	assert_int_equal(oracle_counters().live, 0);
	map(kernel_entry(0), 8, PAGE_KERNEL);
	clear(kernel_entry(0));
	assert_int_equal(oracle_counters().live, 0);
	oracle_enable(true);
	map(kernel_entry(0), 8, PAGE_KERNEL);
	clear(kernel_entry(0));
	assert_verdict(ORACLE_REUSED, map(kernel_entry(0), 9, PAGE_KERNEL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_cpu_counts),
		TEST(both_histories_are_told),
		TEST(the_range_must_reach),
		TEST(the_same_again_is_no_reuse),
		TEST(rights_in_place),
		TEST(a_load_of_cr3_is_no_kernel_flush),
		TEST(only_what_was_written_before_the_flush),
		TEST(kmap_slots_are_a_cpus_own),
		TEST(large_and_small),
		TEST(a_table_outlives_its_ways),
		TEST(a_retired_table_answers_for_itself),
		TEST(a_subtree_outlives_its_way),
		TEST(a_process_that_runs_nowhere),
		TEST(who_ran_it_may_remember),
		TEST(a_lazy_cpu_is_excused_until_it_comes_back),
		TEST(a_lazy_cpu_holds_tables),
		TEST(pcids_keep),
		TEST(ranges_and_frames),
		TEST(aliases),
		TEST(without_room_it_is_silent),
		TEST(strangers_are_counted),
		TEST(off_is_off),
	};

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
