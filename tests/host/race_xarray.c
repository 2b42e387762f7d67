/* SPDX-License-Identifier: MIT */
/*
 * Lock-free readers of an xarray beside a writer that makes it grow, shrink and grow again, under the thread sanitizer.
 *
 * An entry is its index, so a reader can tell a right one from a wrong one. Entries at some indices never leave:
 * whoever looks must find them always, in every search and every walk. Nodes that went empty are freed when each
 * reader has been outside of the array once since: a reader that comes back to one is a use after free, which the
 * sanitizer reports.
 */
#include "tests/host/port/host.h"

#include <kernel/rcupdate.h>
#include <kernel/xarray.h>
#include <lib/atomic.h>

#include <pthread.h>
#include <stdlib.h>

#define READERS	    3
#define WRITES	    30000
#define GRACE	    500 /* writes between grace periods */

static DEFINE_XARRAY(xa);
static bool stop;
static unsigned long outside[READERS]; /* times that a reader has stood outside the array */

static const unsigned long permanent[] = { 7, 64, 4095, 5000, 1ul << 20, 1ul << 40, ~0ul };
static const unsigned long coming_and_going[] = {
	0, 8, 63, 65, 4096, 4097, 262144, (1ul << 20) + 64, 1ul << 41, ~0ul - 64,
};

static void *entry_of(unsigned long index) { return xa_mk_value(index >> 1 ^ 0x55); }

/* --- nodes on their way out ------------------------------------------------------------------------------------- */

static void *alloc_node(size_t size, gfp_t gfp)
{
	(void)gfp;
	return malloc(size);
}

/* A grace period: each reader has been outside once; only the writer retires nodes. */
static void free_retired(void)
{
	unsigned long since[READERS];

	for (int i = 0; i < READERS; i++)
		since[i] = __atomic_load_n(&outside[i], __ATOMIC_ACQUIRE);
	for (int i = 0; i < READERS; i++)
		while (__atomic_load_n(&outside[i], __ATOMIC_ACQUIRE) == since[i])
			cpu_relax();
	rcu_barrier();
}

/* --- readers ---------------------------------------------------------------------------------------------------- */

static void load_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(permanent); i++)
		BUG_ON(xa_load(&xa, permanent[i]) != entry_of(permanent[i]));
	for (size_t i = 0; i < ARRAY_SIZE(coming_and_going); i++) {
		void *entry = xa_load(&xa, coming_and_going[i]);

		BUG_ON(entry && entry != entry_of(coming_and_going[i]));
	}
	BUG_ON(xa_load(&xa, 9));
}

/* A walk sees entries in ascending order, only right ones, and every one that never leaves. */
static void walk(xa_mark_t filter)
{
	unsigned long index, last = 0;
	unsigned int found = 0;
	void *entry;

	xa_for_each_filtered(&xa, index, entry, 0, ~0ul, filter) {
		BUG_ON(entry != entry_of(index) || (last && index <= last));
		last = index;
		for (size_t i = 0; i < ARRAY_SIZE(permanent); i++)
			found += index == permanent[i];
	}
	BUG_ON(found != ARRAY_SIZE(permanent));
	BUG_ON(!xa_marked(&xa, filter));
}

/* The same by a cursor, which keeps its leaf from one entry to the next. */
static void walk_by_cursor(void)
{
	XA_STATE(xas, &xa, 0);
	unsigned int found = 0;
	void *entry;

	xas_for_each(&xas, entry, ~0ul) {
		BUG_ON(entry != entry_of(xas.xa_index));
		for (size_t i = 0; i < ARRAY_SIZE(permanent); i++)
			found += xas.xa_index == permanent[i];
	}
	BUG_ON(found != ARRAY_SIZE(permanent));
	xas_set(&xas, 4090);
	for (xas_load(&xas); xas.xa_index < 4100; entry = xas_next(&xas))
		BUG_ON(xas.xa_index == 4095 && xas_reload(&xas) != entry_of(4095));
}

static void *reader(void *arg)
{
	unsigned long *counter = arg;

	host_run_on(1 + (unsigned int)(counter - outside));
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		load_all();
		walk(XA_PRESENT);
		walk(XA_MARK_1);
		walk_by_cursor();
		__atomic_fetch_add(counter, 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(counter, ~0ul, __ATOMIC_RELEASE);
	return NULL;
}

/* --- the writer ------------------------------------------------------------------------------------------------- */

static void write_one(void)
{
	unsigned long index = coming_and_going[host_random_below(ARRAY_SIZE(coming_and_going))];

	switch (host_random_below(5)) {
	case 0:
		xa_erase(&xa, index);
		break;
	case 1:
		xa_set_mark(&xa, index, XA_MARK_1);
		break;
	case 2:
		xa_clear_mark(&xa, index, XA_MARK_1);
		break;
	default:
		BUG_ON(xa_is_err(xa_store(&xa, index, entry_of(index), GFP_KERNEL)));
	}
}

static void readers_beside_a_writer(void **state)
{
	pthread_t thread[READERS];

	(void)state;
	xa_set_allocator(alloc_node, free);
	xa_init(&xa);
	for (size_t i = 0; i < ARRAY_SIZE(permanent); i++) {
		BUG_ON(xa_store(&xa, permanent[i], entry_of(permanent[i]), GFP_KERNEL));
		xa_set_mark(&xa, permanent[i], XA_MARK_1);
	}
	stop = false;
	for (int i = 0; i < READERS; i++) {
		outside[i] = 0;
		pthread_create(&thread[i], NULL, reader, &outside[i]);
	}
	for (int i = 1; i <= WRITES; i++) {
		write_one();
		if (i % GRACE == 0)
			free_retired();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	xa_destroy(&xa);
	assert_int_equal(xa_nr_nodes(), 0);
	rcu_barrier();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_beside_a_writer),
	};

	host_machine(1 << 20, READERS + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
