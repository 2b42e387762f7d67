/* SPDX-License-Identifier: MIT */
/*
 * kernel/core/xarray.c against two plain arrays: random stores, erasures and marks on indices from 0 to the very last,
 * with and without deferred freeing, and with allocations that fail. (Readers beside a writer: race_xarray.c.)
 */
#include "tests/host/port/host.h"

#include <kernel/xarray.h>
#include <lib/errno.h>

#include <stdlib.h>

/* Indices in ascending order, crowded around the borders of nodes of every height. */
static const unsigned long places[] = {
	0, 1, 2, 62, 63, 64, 65, 127, 128, 4094, 4095, 4096, 4097, 8191, 8192, 262143, 262144, 262145, (1ul << 24) - 1,
	1ul << 24, (1ul << 30) + 5, (1ul << 36) - 1, 1ul << 36, 1ul << 47, (1ul << 60) - 1, 1ul << 60, (1ul << 60) + 1,
	1ul << 63, ~0ul - 64, ~0ul - 63, ~0ul - 1, ~0ul,
};
#define PLACES ARRAY_SIZE(places)

static struct {
	void *entry;
	bool mark[XA_MAX_MARKS];
} model[PLACES];

static DEFINE_XARRAY(xa);
static unsigned int nodes_left = ~0u; /* until the allocator refuses */

static void *alloc_node(size_t size)
{
	if (!nodes_left)
		return NULL;
	nodes_left--;
	return malloc(size);
}

/* --- asking both ------------------------------------------------------------------------------------------------ */

static bool model_has(size_t i, xa_mark_t filter)
{
	return filter == XA_PRESENT ? model[i].entry != NULL : model[i].mark[filter];
}

static size_t model_find(unsigned long index, unsigned long max, xa_mark_t filter)
{
	size_t i = 0;

	while (i < PLACES && (places[i] < index || !model_has(i, filter)))
		i++;
	return i < PLACES && places[i] <= max ? i : PLACES;
}

static void check_find(unsigned long start, unsigned long max, xa_mark_t filter)
{
	unsigned long index = start;
	size_t i = model_find(start, max, filter);

	assert_ptr_equal(xa_find(&xa, &index, max, filter), i < PLACES ? model[i].entry : NULL);
	assert_int_equal(index, i < PLACES ? places[i] : start);
	index = start;
	i = start == ~0ul ? PLACES : model_find(start + 1, max, filter);
	assert_ptr_equal(xa_find_after(&xa, &index, max, filter), i < PLACES ? model[i].entry : NULL);
	assert_int_equal(index, i < PLACES ? places[i] : start);
}

static unsigned long random_place(void) { return places[host_random_below(PLACES)]; }

static void check(void)
{
	for (size_t i = 0; i < PLACES; i++) {
		assert_ptr_equal(xa_load(&xa, places[i]), model[i].entry);
		for (xa_mark_t m = 0; m < XA_MAX_MARKS; m++)
			assert_int_equal(xa_get_mark(&xa, places[i], m), model[i].mark[m]);
	}
	for (xa_mark_t filter = 0; filter <= XA_PRESENT; filter++) {
		assert_int_equal(xa_marked(&xa, filter), model_find(0, ~0ul, filter) < PLACES);
		check_find(0, ~0ul, filter);
		check_find(random_place(), ~0ul, filter);
		check_find(random_place(), random_place(), filter);
		check_find(host_random() >> host_random_below(64), host_random() >> host_random_below(64), filter);
	}
	assert_int_equal(xa_empty(&xa), model_find(0, ~0ul, XA_PRESENT) == PLACES);
	assert_null(xa_load(&xa, 3)); /* never stored */
	assert_null(xa_load(&xa, 1ul << 61));
}

static void check_walk(xa_mark_t filter)
{
	size_t i = model_find(0, ~0ul, filter);
	unsigned long index;
	void *entry;

	xa_for_each_filtered(&xa, index, entry, 0, ~0ul, filter) {
		assert_true(i < PLACES);
		assert_int_equal(index, places[i]);
		assert_ptr_equal(entry, model[i].entry);
		i = index == ~0ul ? PLACES : model_find(index + 1, ~0ul, filter);
	}
	assert_int_equal(i, PLACES);
}

/* --- changing both ---------------------------------------------------------------------------------------------- */

static void model_store(size_t i, void *entry)
{
	model[i].entry = entry;
	for (xa_mark_t m = 0; m < XA_MAX_MARKS && !entry; m++)
		model[i].mark[m] = false;
}

static void try_store(size_t i, void *entry)
{
	void *old = xa_store(&xa, places[i], entry);

	if (xa_is_err(old)) {
		assert_int_equal(xa_err(old), -ENOMEM);
		assert_true(!model[i].entry && entry && !nodes_left);
		return;
	}
	assert_ptr_equal(old, model[i].entry);
	model_store(i, entry);
}

static void try_insert(size_t i, void *entry)
{
	int err = xa_insert(&xa, places[i], entry);

	if (err == -ENOMEM) {
		assert_int_equal(nodes_left, 0);
		return;
	}
	assert_int_equal(err, model[i].entry ? -EBUSY : 0);
	if (!err)
		model_store(i, entry);
}

static void try_cmpxchg(size_t i, void *old, void *entry)
{
	void *was = xa_cmpxchg(&xa, places[i], old, entry);

	if (xa_is_err(was)) {
		assert_int_equal(nodes_left, 0);
		return;
	}
	assert_ptr_equal(was, model[i].entry);
	if (was == old)
		model_store(i, entry);
}

static void try_mark(size_t i, xa_mark_t mark, bool set)
{
	if (set)
		xa_set_mark(&xa, places[i], mark);
	else
		xa_clear_mark(&xa, places[i], mark);
	model[i].mark[mark] = set && model[i].entry;
}

static void random_step(void)
{
	/* Now in all places, now in a few neighbours, so that nodes fill and empty. */
	size_t i = host_random() & 1 ? host_random_below(PLACES) : host_random_below(8);
	void *entry = xa_mk_value((unsigned long)host_random() >> 2);

	switch (host_random_below(10)) {
	case 0: case 1: try_store(i, entry); break;
	case 2: try_insert(i, entry); break;
	case 3: try_cmpxchg(i, host_random() & 1 ? model[i].entry : xa_mk_value(1), entry); break;
	case 7: try_cmpxchg(i, model[i].entry, NULL); break;
	case 4: case 5: case 6: try_mark(i, (xa_mark_t)host_random_below(XA_MAX_MARKS), host_random() & 3); break;
	default:
		assert_ptr_equal(xa_erase(&xa, places[i]), model[i].entry);
		model_store(i, NULL);
	}
}

static void start(void (*defer)(void *))
{
	for (size_t i = 0; i < PLACES; i++)
		model_store(i, NULL);
	nodes_left = ~0u;
	xa_set_allocator(alloc_node, free);
	xa_set_deferred_free(defer);
	xa_init(&xa);
}

static void end(void)
{
	xa_destroy(&xa);
	assert_int_equal(xa_nr_nodes(), 0);
}

static void play(void (*defer)(void *), bool failing)
{
	start(defer);
	for (int round = 0; round < 8000; round++) {
		if (failing)
			nodes_left = (unsigned int)host_random_below(3);
		random_step();
		check();
		if (round % 64 == 0)
			for (xa_mark_t filter = 0; filter <= XA_PRESENT; filter++)
				check_walk(filter);
	}
	end();
}

static void nodes_kept(void **state) { (void)state; play(NULL, false); }
static void nodes_freed(void **state) { (void)state; play(free, false); }
static void nodes_kept_and_scarce(void **state) { (void)state; play(NULL, true); }
static void nodes_freed_and_scarce(void **state) { (void)state; play(free, true); }

/* An array that is empty again has no node left, and a store that failed leaves none behind. */
static void nothing_is_left(void **state)
{
	(void)state;
	start(free);
	for (size_t i = 0; i < PLACES; i++) {
		assert_null(xa_store(&xa, places[i], xa_mk_value(1)));
		xa_set_mark(&xa, places[i], XA_MARK_1);
		xa_erase(&xa, places[i]);
		assert_int_equal(xa_nr_nodes(), 0);
		for (nodes_left = 1; xa_is_err(xa_store(&xa, places[i], xa_mk_value(1))); nodes_left = 1)
			if (xa_nr_nodes() == 0)
				break;
		xa_erase(&xa, places[i]);
		nodes_left = ~0u;
		assert_int_equal(xa_nr_nodes(), 0);
	}
	end();
}

static void entries_must_be_entries(void **state)
{
	(void)state;
	start(free);
	assert_int_equal(xa_err(xa_store(&xa, 1, (void *)2)), -EINVAL);
	assert_int_equal(xa_insert(&xa, 1, NULL), -EINVAL);
	assert_int_equal(xa_insert(&xa, 1, (void *)6), -EINVAL);
	assert_null(xa_load(&xa, 1));
	end();
}

/* The body of a walk may erase what it stands on and store behind itself. */
static void walk_may_change_the_array(void **state)
{
	unsigned long index;
	void *entry;

	(void)state;
	start(free);
	for (size_t i = 0; i < PLACES; i++)
		try_store(i, xa_mk_value(i));
	xa_for_each(&xa, index, entry)
		if (xa_to_value(entry) % 2) {
			xa_erase(&xa, index);
			model_store(xa_to_value(entry), NULL);
		}
	check();
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_kept),	     cmocka_unit_test(nodes_freed),
		cmocka_unit_test(nodes_kept_and_scarce), cmocka_unit_test(nodes_freed_and_scarce),
		cmocka_unit_test(nothing_is_left),   cmocka_unit_test(entries_must_be_entries),
		cmocka_unit_test(walk_may_change_the_array),
	};

	host_machine(0x1000, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
