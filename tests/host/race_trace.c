/* SPDX-License-Identifier: MIT */
/*
 * Several writers in one trace ring, as NMIs that strike in the middle of a record, and a reader beside them, under the
 * thread sanitizer. What is read is whole, in order for each writer, and what is missing has been counted.
 */
#include "tests/host/port/host.h"

#include <kernel/trace.h>

#include <pthread.h>
#include <stdlib.h>

#define WRITERS 4
#define WRITES	20000ul
#define MAGIC	0x5a5a1234ul

static unsigned long finished;

static void *new_ring(size_t bytes)
{
	return calloc(1, bytes);
}

static void *writer(void *arg)
{
	unsigned long who = (unsigned long)arg;

	host_run_on(0);
	for (unsigned long n = 0; n < WRITES; n++)
		trace(TRACE_MARK, who, n, who ^ n ^ MAGIC);
	__atomic_fetch_add(&finished, 1, __ATOMIC_RELAXED);
	return NULL;
}

struct tally {
	unsigned long found, next[WRITERS];
};

static void check(void *ctx, const struct trace_record *r)
{
	struct tally *tally = ctx;

	BUG_ON(r->event != TRACE_MARK || r->cpu != 0 || r->arg[0] >= WRITERS);
	BUG_ON(r->arg[2] != (r->arg[0] ^ r->arg[1] ^ MAGIC));
	BUG_ON(r->arg[1] < tally->next[r->arg[0]]);
	tally->next[r->arg[0]] = r->arg[1] + 1;
	tally->found++;
}

static struct tally read_all(void)
{
	struct tally tally = { 0 };

	trace_for_each(check, &tally);
	return tally;
}

static void whole_records_or_none(void **state)
{
	pthread_t thread[WRITERS];

	(void)state;
	trace_set_allocator(new_ring, free);
	assert_int_equal(trace_start("mark"), 0);
	for (unsigned long i = 0; i < WRITERS; i++)
		pthread_create(&thread[i], NULL, writer, (void *)i);
	while (__atomic_load_n(&finished, __ATOMIC_RELAXED) != WRITERS)
		read_all();
	for (int i = 0; i < WRITERS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(read_all().found + trace_lost(), WRITERS * WRITES);
	assert_true(read_all().found > 0);
	trace_release();
	assert_int_equal(read_all().found, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_records_or_none),
	};

	host_machine(1 << 20, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
