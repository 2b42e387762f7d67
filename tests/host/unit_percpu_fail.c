/* SPDX-License-Identifier: MIT */
/* Every allocation behind the calls of <mm/percpu_alloc.h> fails once, and nothing is lost. */
#include "tests/host/fail_nth.h"

#include <mm/percpu_alloc.h>

static int setup(void **state)
{
	(void)state;
	vm_machine(256ull << 20, 0x5); /* two CPUs, a hole between them */
	percpu_alloc_init();
	return 0;
}

/* A chunk of its own, with as many pages as an object can have. */
static void in_a_fresh_chunk(void **state)
{
	(void)state;
	SWEEP(__alloc_percpu, FAILS, MADE(__alloc_percpu(PERCPU_ALLOC_MAX, PAGE_SIZE)), free_percpu(made));
	SWEEP(__alloc_percpu_gfp, FAILS, MADE(__alloc_percpu_gfp(3 * PAGE_SIZE, 8, GFP_KERNEL | __GFP_NOWARN)),
	      free_percpu(made));
	assert_int_equal(percpu_alloc_check(), 0);
	assert_int_equal(percpu_alloc_stats().chunks, 0);
}

/* Beside an object whose page has room: no memory is needed. */
static void where_pages_are(void **state)
{
	void *keep = __alloc_percpu(64, 64);

	(void)state;
	assert_non_null(keep);
	SWEEP(__alloc_percpu, NEVER_FAILS, MADE(__alloc_percpu(64, 64)), free_percpu(made));
	SWEEP(__alloc_percpu_gfp, NEVER_FAILS, MADE(__alloc_percpu_gfp(64, 64, GFP_ATOMIC)), free_percpu(made));
	assert_int_equal(percpu_alloc_check(), 0);
	free_percpu(keep);
}

/* The place that fits best gets no page, and one that is larger has them. */
static void another_place_has_pages(void **state)
{
	char *large = __alloc_percpu(PERCPU_ALLOC_MAX, PAGE_SIZE), *p;
	/* a page is left, and is not there */
	char *behind = __alloc_percpu(PERCPU_UNIT_SIZE - PERCPU_ALLOC_MAX - PAGE_SIZE, PAGE_SIZE);
	unsigned long pages = percpu_alloc_stats().pages;

	(void)state;
	assert_true(large && behind);
	free_percpu(large);
	inject_set(INJECT_PAGE, 1);
	p = __alloc_percpu(3000, 8);
	assert_false(inject_clear(INJECT_PAGE)); /* it was refused */
	assert_ptr_equal(p, large);
	assert_int_equal(percpu_alloc_stats().pages, pages);
	assert_int_equal(percpu_alloc_check(), 0);
	free_percpu(p);
	free_percpu(behind);
	assert_int_equal(percpu_alloc_stats().chunks, 0);
}

static void freeing(void **state)
{
	(void)state;
	SWEEP_FREES(free_percpu, made = __alloc_percpu(PERCPU_ALLOC_MAX, 8), free_percpu(made));
	SWEEP_FREES(percpu_alloc_drain, free_percpu(__alloc_percpu(8, 8)), percpu_alloc_drain());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_fresh_chunk),
		cmocka_unit_test(where_pages_are),
		cmocka_unit_test(another_place_has_pages),
		cmocka_unit_test(freeing),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
