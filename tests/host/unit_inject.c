/* SPDX-License-Identifier: MIT */
/* Which allocations fault injection makes fail: once, each n-th, by time, by caller; and what it says to nonsense. */
#include "tests/host/port/host.h"

#include <kernel/cmdline.h>
#include <kernel/inject.h>
#include <lib/string.h>

static int setup(void **state)
{
	(void)state;
	host_machine(16ull << 20, 2);
	host_caller(NULL);
	cmdline_init("");
	host_log_clear();
	for (unsigned int site = 0; site < NR_INJECT_SITES; site++)
		inject_clear((enum inject_site)site);
	assert_int_equal(inject_armed, 0);
	return 0;
}

static unsigned int failures_of(enum inject_site site, unsigned int allocations)
{
	unsigned int failed = 0;

	while (allocations--)
		failed += inject_fails(site);
	return failed;
}

static void the_nth_once(void **state)
{
	(void)state;
	inject_set(INJECT_PAGE, 3);
	assert_int_equal(failures_of(INJECT_PAGE, 2), 0);
	assert_int_equal(failures_of(INJECT_TABLE, 10), 0);
	assert_int_equal(failures_of(INJECT_PAGE, 1), 1);
	assert_int_equal(failures_of(INJECT_PAGE, 100), 0);
	assert_int_equal(inject_failures(INJECT_PAGE), 1);
	assert_int_equal(inject_armed, 0);
}

static void each_nth(void **state)
{
	(void)state;
	inject_repeat(INJECT_SLAB, &(struct inject_repeat){ .every = 7 });
	assert_int_equal(failures_of(INJECT_SLAB, 6), 0);
	assert_int_equal(failures_of(INJECT_SLAB, 1), 1);
	assert_int_equal(failures_of(INJECT_SLAB, 700), 100);
	host_run_on(1); /* everybody's */
	assert_int_equal(failures_of(INJECT_SLAB, 7), 1);
	host_run_on(0);
	assert_int_equal(inject_failures(INJECT_SLAB), 102);
	assert_int_equal(inject_clear(INJECT_SLAB), 1);
	assert_int_equal(failures_of(INJECT_SLAB, 700), 0);
	assert_int_equal(inject_armed, 0);
}

/* However long the host takes: between two that fail there are as many milliseconds at least. */
static void every_few_milliseconds(void **state)
{
	u64 start, spent;
	unsigned int failed;

	(void)state;
	start = arch_uptime_ms();
	inject_repeat(INJECT_TABLE, &(struct inject_repeat){ .ms = 5 });
	assert_int_equal(failures_of(INJECT_TABLE, 1), 1);
	for (failed = 1; failed < 4;)
		failed += failures_of(INJECT_TABLE, 1);
	spent = arch_uptime_ms() - start;
	assert_true(spent + 1 >= 15);
	inject_clear(INJECT_TABLE);
	inject_repeat(INJECT_TABLE, &(struct inject_repeat){ .ms = 1000000 });
	assert_int_equal(failures_of(INJECT_TABLE, 1000), 1);
}

static void of_one_caller(void **state)
{
	(void)state;
	inject_repeat(INJECT_PAGE, &(struct inject_repeat){ .every = 2, .by = "vmalloc*" });
	assert_int_equal(failures_of(INJECT_PAGE, 10), 0);
	host_caller("kmalloc");
	assert_int_equal(failures_of(INJECT_PAGE, 10), 0);
	host_caller("vmalloc_user");
	assert_int_equal(failures_of(INJECT_PAGE, 10), 5);
}

static void not_of_handlers(void **state)
{
	(void)state;
	inject_repeat(INJECT_PAGE, &(struct inject_repeat){ .every = 1 });
	host_trap_depth = 1;
	assert_int_equal(failures_of(INJECT_PAGE, 10), 0);
	host_trap_depth = 0;
	assert_int_equal(failures_of(INJECT_PAGE, 10), 10);
}

/* --- the command line --------------------------------------------------------------------------------------------- */

static void order(const char *words)
{
	setup(NULL);
	cmdline_init(words);
	inject_from_cmdline();
}

static void orders(void **state)
{
	(void)state;
	order("inject=page:nth=2");
	assert_int_equal(failures_of(INJECT_PAGE, 10), 1);
	order("inject=slab:every=5,table:nth=1");
	assert_int_equal(failures_of(INJECT_SLAB, 10), 2);
	assert_int_equal(failures_of(INJECT_TABLE, 10), 1);
	assert_int_equal(failures_of(INJECT_PAGE, 10), 0);
	order("inject=any:every=0x10");
	for (unsigned int site = 0; site < NR_INJECT_SITES; site++)
		assert_int_equal(failures_of((enum inject_site)site, 32), 2);
	order("inject=page:ms=100000");
	assert_int_equal(failures_of(INJECT_PAGE, 100), 1);
	order("inject=page:every=1:by=vmap*");
	assert_int_equal(failures_of(INJECT_PAGE, 10), 0);
	host_caller("vmap_pfn");
	assert_int_equal(failures_of(INJECT_PAGE, 10), 10);
	order("fail_page_alloc=4");
	assert_int_equal(failures_of(INJECT_PAGE, 10), 1);
	assert_null(strstr(host_log(), "command line"));
}

/* Each gets a line that shows it, and arms nothing; a good one beside it does what it says. */
static void nonsense(void **state)
{
	static const char *const bad[] = {
		"inject=",
		"inject=page",
		"inject=page:",
		"inject=page:nth",
		"inject=page:nth=",
		"inject=page:nth=0",
		"inject=page:every=0",
		"inject=page:ms=0",
		"inject=page:nth=-1",
		"inject=page:every=4294967297",
		"inject=page:nth=99999999999999999999999999",
		"inject=page:nth=1x",
		"inject=pages:nth=1",
		"inject=pag:nth=1",
		"inject=:nth=1",
		"inject=page:nth=1:",
		"inject=page:nth=1:by",
		"inject=page:nth=1:by=",
		"inject=page:nth=1:to=x",
		"inject=page:nth=1:by=x:by=y",
		"inject=page:by=x",
		"inject=page:nth=1,",
		"inject=page:nth=1:by=a_function_with_a_name_of_more_than_31_letters",
		"inject=page:nth=1,,table:nth=1",
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		order(bad[i]);
		if (!strstr(host_log(), "is not SITE:nth=N"))
			fail_msg("no line about %s", bad[i]);
		if (!strchr(bad[i], ',') && inject_armed)
			fail_msg("armed by %s", bad[i]);
	}
	order("inject=pages:nth=1,table:every=2");
	assert_non_null(strstr(host_log(), "\"pages:nth=1\" is not SITE"));
	assert_int_equal(failures_of(INJECT_TABLE, 10), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_nth_once, setup),
		cmocka_unit_test_setup(each_nth, setup),
		cmocka_unit_test_setup(every_few_milliseconds, setup),
		cmocka_unit_test_setup(of_one_caller, setup),
		cmocka_unit_test_setup(not_of_handlers, setup),
		cmocka_unit_test_setup(orders, setup),
		cmocka_unit_test_setup(nonsense, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
