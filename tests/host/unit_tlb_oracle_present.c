/* SPDX-License-Identifier: MIT */
/*
 * The TLB oracle and entries that stay present: another frame in place, and what is left when a process's lock is
 * dropped.
 */
#include "tests/host/tlb_oracle_machine.h"

/*
 * A copy takes the place of a page that others see too (FreeBSD r329254): nobody may write it before all have
 * forgotten.
 */
static void another_frame_in_place(void **state)
{
	pte_t *p = kernel_entry(5), *u = user_entry(0, 1);

	(void)state;
	map(p, 7, PAGE_KERNEL_RO);
	assert_verdict(ORACLE_MOVED, pte_xchg(p, pfn_pte(8, PAGE_KERNEL)));
	everywhere(flush_all, 0);
	assert_clean(ORACLE_MOVED, pte_xchg(p, pfn_pte(9, PAGE_KERNEL_RO))); /* who reads the old one reads the same */
	on_cpu(0, flush_page, window + 5 * PAGE_SIZE);
	assert_verdict(ORACLE_MOVED, pte_xchg(p, pfn_pte(9, PAGE_KERNEL))); /* three CPUs still read frame 8 */
	assert_clean(ORACLE_MOVED, pte_xchg(p, pfn_pte(10, PAGE_KERNEL_RO)));
	everywhere(flush_page, window + 5 * PAGE_SIZE);
	assert_clean(ORACLE_MOVED, pte_xchg(p, pfn_pte(10, PAGE_KERNEL)));
	assert_clean(ORACLE_MOVED, pte_xchg(p, pfn_pte(10, PAGE_KERNEL_RO)));
	assert_clean(ORACLE_MOVED, pte_xchg(p, pfn_pte(10, PAGE_KERNEL))); /* the same frame all the time */
	map(u, 7, PAGE_USER_RO);
	assert_clean(ORACLE_MOVED, pte_xchg(u, pfn_pte(8, PAGE_USER))); /* runs nowhere */
	load_on(2, &process[0]);
	assert_verdict(ORACLE_MOVED, pte_xchg(u, pfn_pte(9, PAGE_USER)));
}

static void settle(unsigned int i) { oracle_settled(&process[i]); }

/* What is changed under a process's lock is flushed under it. */
static void the_lock_is_dropped(void **state)
{
	pte_t *p = user_entry(0, 2);

	(void)state;
	map(p, 7, PAGE_USER);
	load_on(1, &process[0]);
	load_on(2, &process[0]);
	assert_clean(ORACLE_UNSETTLED, settle(0));
	change_rights(p, 0, PTE_RW);
	assert_clean(ORACLE_UNSETTLED, settle(1)); /* not its entry */
	on_cpu(1, flush_page, USER_WINDOW + 2 * PAGE_SIZE);
	assert_verdict(ORACLE_UNSETTLED, settle(0)); /* CPU 2 may still write */
	change_rights(p, PTE_RW, 0);
	assert_clean(ORACLE_UNSETTLED, settle(0)); /* more rights than are cached: no harm */
	clear(p);
	load_on(1, &process[1]);
	load_on(2, &process[1]);
	assert_clean(ORACLE_UNSETTLED, settle(0)); /* nobody runs it */
}

/* A CPU that is just loading the tree was passed by: it finds the number of the flush before it runs there. */
static void the_lock_is_dropped_while_a_cpu_loads(void **state)
{
	pte_t *p = user_entry(0, 3);

	(void)state;
	map(p, 7, PAGE_USER);
	host_run_on(3);
	oracle_loading(&process[0]);
	host_run_on(0);
	clear(p);
	assert_clean(ORACLE_UNSETTLED, settle(0));
	load_on(3, &process[0]);
	assert_int_equal(oracle_counters().live, 0);
	assert_clean(ORACLE_UNSETTLED, settle(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(another_frame_in_place, setup),
		cmocka_unit_test_setup(the_lock_is_dropped, setup),
		cmocka_unit_test_setup(the_lock_is_dropped_while_a_cpu_loads, setup),
	};

	print_message("# %s\n", host_geometry_name());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
