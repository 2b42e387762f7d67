/* SPDX-License-Identifier: MIT */
/*
 * The oracle while a CPU goes from a borrowed tree to another process: it is to be blamed at no moment in between. Each
 * CPU is a thread, held where it matters.
 */
#include "tests/host/tlb_oracle_machine.h"

#include <kernel/schedule_point.h>

#include <pthread.h>

static void borrow(vaddr_t unused)
{
	(void)unused;
	oracle_lazy(true);
}

static void *remap(void *unused)
{
	(void)unused;
	host_run_on(2);
	map(user_entry(0, 0), 0x11, PAGE_USER);
	return NULL;
}

static void *leave(void *unused)
{
	(void)unused;
	load_on(1, &process[1]);
	return NULL;
}

static void hold(const char *point, pthread_t *thread, void *(*fn)(void *))
{
	sched_hold(point);
	assert_int_equal(pthread_create(thread, NULL, fn, NULL), 0);
	if (!sched_wait_held(point, 60000)) fail_msg("nobody comes to %s", point);
}

/*
 * CPU 1 has borrowed the tree, so it was spared by the flush. It leaves while CPU 2 asks whom the new entry may hurt.
 */
static void leaving_a_borrowed_tree(void **state)
{
	pthread_t judge, traveller;

	(void)state;
	load_on(2, &process[0]);
	load_on(1, &process[0]);
	on_cpu(1, borrow, 0);
	map(user_entry(0, 0), 0x10, PAGE_USER);
	clear(user_entry(0, 0));
	on_cpu(2, flush_page, USER_WINDOW);
	hold("oracle:endangered", &judge, remap);
	hold("oracle:loaded", &traveller, leave);
	sched_release("oracle:endangered");
	pthread_join(judge, NULL);
	sched_release("oracle:loaded");
	pthread_join(traveller, NULL);
	assert_int_equal(oracle_counters().expected[ORACLE_REUSED], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup(leaving_a_borrowed_tree, setup) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
