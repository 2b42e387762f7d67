/* SPDX-License-Identifier: MIT */
/* Numbers of the command line that have to fit into something smaller, or into a product (kernel/core/cmdline.c). */
#include "tests/host/port/host.h"

#include <kernel/cmdline.h>

/* What is too much counts as the most that there can be, and never as little. */
static void counts_that_fit(void **state)
{
	(void)state;
	cmdline_init("small=7 edge=4294967 over=4294968 huge=18446744073709551615 more=18446744073709551616 odd=7x");
	assert_int_equal(cmdline_count("small", 20, 4294967), 7);
	assert_int_equal(cmdline_count("edge", 20, 4294967), 4294967);
	assert_int_equal(cmdline_count("over", 20, 4294967), 4294967);
	assert_int_equal(cmdline_count("huge", 20, 4294967), 4294967);
	assert_int_equal(cmdline_count("more", 20, 4294967), 4294967);
	assert_int_equal(cmdline_count("odd", 20, 4294967), 20);
	assert_int_equal(cmdline_count("none", 20, 4294967), 20);
	assert_true(cmdline_count("huge", 0, ~0ull) == ~0ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counts_that_fit) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
