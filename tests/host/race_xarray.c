/* SPDX-License-Identifier: MIT */
/*
 * Lock-free readers of an xarray beside a writer that makes it grow, shrink and grow again, under the thread sanitizer;
 * and beside one who stores, divides and erases multi-index entries.
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

/* --- multi-index entries ---------------------------------------------------------------------------------------- */

/*
 * Three leaves. In the first, entries of order 0 to 5 come and go beside two that stay; in the second, of order 0 to 6,
 * so that the leaf comes and goes too; in the third, entries are stored over others and divided, and all of it is
 * always covered. An entry says where it begins and how many bits of its indices it spans; in the third leaf, all.
 */
#define LEAF(n)	 (64ul * (70 + (n)))
#define STAYS_8	 (LEAF(0) + 40) /* of order 3 */
#define STAYS_1	 (LEAF(0) + 63)

static void *span_of(unsigned long first, unsigned int order) { return xa_mk_value(first << 3 | order); }

static bool spans(void *entry, unsigned long index)
{
	unsigned long value = xa_to_value(entry);

	return xa_is_value(entry) && index >> (value & 7) == value >> 3 >> (value & 7);
}

static void load_spans(void)
{
	for (unsigned long i = LEAF(0); i < LEAF(3); i++) {
		void *entry = xa_load(&xa, i);

		BUG_ON(entry ? !spans(entry, i) : i >= LEAF(2));
		BUG_ON(i / 8 == STAYS_8 / 8 && entry != span_of(STAYS_8, 3));
	}
	BUG_ON(xa_load(&xa, STAYS_1) != span_of(STAYS_1, 0) || xa_load(&xa, LEAF(3)));
}

/* Each index once, and those that stay; the third leaf in at least one piece. */
static void check_walk(unsigned int stayed, unsigned int covered) { BUG_ON(stayed != 2 || !covered); }

static void walk_spans(xa_mark_t filter)
{
	unsigned long index, last = 0;
	unsigned int stayed = 0, covered = 0;
	void *entry;

	xa_for_each_filtered(&xa, index, entry, 0, ~0ul, filter) {
		BUG_ON(!spans(entry, index) || index <= last);
		last = index;
		stayed += entry == span_of(STAYS_8, 3) || entry == span_of(STAYS_1, 0);
		covered += index >= LEAF(2);
	}
	check_walk(stayed, covered || filter != XA_PRESENT);
}

static void walk_spans_by_cursor(void)
{
	XA_STATE(xas, &xa, 0);
	unsigned int stayed = 0, covered = 0;
	void *entry;

	rcu_read_lock();
	xas_for_each(&xas, entry, ~0ul) {
		if (xas_retry(&xas, entry))
			continue;
		BUG_ON(!spans(entry, xas.xa_index));
		stayed += entry == span_of(STAYS_8, 3) || entry == span_of(STAYS_1, 0);
		covered += xas.xa_index >= LEAF(2);
		if (xas.xa_index % 7 == 0)
			xas_pause(&xas);
	}
	rcu_read_unlock();
	check_walk(stayed, covered);
}

static void look_at_spans(void)
{
	load_spans();
	walk_spans(XA_PRESENT);
	walk_spans(XA_MARK_1);
	walk_spans_by_cursor();
}

static void store_span(unsigned long index, unsigned int order, void *entry)
{
	XA_STATE_ORDER(xas, &xa, index, order);

	do {
		xas_lock(&xas);
		xas_store(&xas, entry);
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	BUG_ON(xas_error(&xas));
}

/* In place of what is there. A larger entry goes first, else all of it would be replaced. */
static void write_exactly(unsigned long index, unsigned int order)
{
	if (xa_get_order(&xa, index) > (int)order)
		xa_erase(&xa, index);
	store_span(index, order, span_of(index >> order << order, order));
}

static void divide(unsigned long index, unsigned int to, void *entry)
{
	unsigned int order = (unsigned int)xa_get_order(&xa, index);
	XA_STATE_ORDER(xas, &xa, index >> order << order, to);

	if (order <= to)
		return;
	xas_split_alloc(&xas, entry, order, GFP_KERNEL);
	xas_lock(&xas);
	xas_split(&xas, entry, order);
	xas_unlock(&xas);
	xas_destroy(&xas);
}

static void write_a_span(void)
{
	unsigned int leaf = (unsigned int)host_random_below(3), order = (unsigned int)host_random_below(leaf ? 7 : 6);
	unsigned long index = LEAF(leaf) + host_random_below(leaf ? 64 : 32);

	if (leaf == 2 && host_random_below(2))
		divide(index, order, span_of(LEAF(2), 6));
	else if (leaf == 2)
		store_span(index, order, span_of(LEAF(2), 6));
	else if (host_random_below(3) == 0)
		xa_erase(&xa, index);
	else if (host_random_below(3) == 0)
		xa_set_mark(&xa, index, XA_MARK_1);
	else
		write_exactly(index, order);
}

static void stay(unsigned long index, unsigned int order)
{
	store_span(index, order, span_of(index, order));
	xa_set_mark(&xa, index, XA_MARK_1);
}

/* --- readers' threads -------------------------------------------------------------------------------------------- */

static void (*look)(void);

static void look_at_entries(void)
{
	load_all();
	walk(XA_PRESENT);
	walk(XA_MARK_1);
	walk_by_cursor();
}

static void *reader(void *arg)
{
	unsigned long *counter = arg;

	host_run_on(1 + (unsigned int)(counter - outside));
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		look();
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

static void begin(void)
{
	xa_set_allocator(alloc_node, free);
	xa_init(&xa);
	stop = false;
}

/* Readers that look beside this thread, which writes. */
static void race(void (*looks)(void), void (*write)(void))
{
	pthread_t thread[READERS];

	look = looks;
	for (int i = 0; i < READERS; i++) {
		outside[i] = 0;
		pthread_create(&thread[i], NULL, reader, &outside[i]);
	}
	for (int i = 1; i <= WRITES; i++) {
		write();
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

static void readers_beside_a_writer(void **state)
{
	(void)state;
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(permanent); i++) {
		BUG_ON(xa_store(&xa, permanent[i], entry_of(permanent[i]), GFP_KERNEL));
		xa_set_mark(&xa, permanent[i], XA_MARK_1);
	}
	race(look_at_entries, write_one);
}

static void readers_beside_multi_index_entries(void **state)
{
	(void)state;
	begin();
	stay(STAYS_8, 3);
	stay(STAYS_1, 0);
	store_span(LEAF(2), 6, span_of(LEAF(2), 6));
	race(look_at_spans, write_a_span);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_beside_a_writer),
		cmocka_unit_test(readers_beside_multi_index_entries),
	};

	host_machine(1 << 20, READERS + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
