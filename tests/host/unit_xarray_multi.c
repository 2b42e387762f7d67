/* SPDX-License-Identifier: MIT */
/*
 * Multi-index entries of the XArray, and the corners in which its answers must be Linux's: what a store over others
 * leaves, marks, walks, dividing, ranges, hooks at nodes, cursors at the ends of the numbers.
 */
#include "tests/host/port/host.h"
#include "tests/host/xarray_check.h"
#include "tests/kernel/xarray_store.h"

#include <kernel/rcupdate.h>

static DEFINE_XARRAY(xa);
static DEFINE_XARRAY_ALLOC(ids);
static DEFINE_XARRAY_ALLOC1(ids_from_1);
static unsigned int nodes_left;

static void *alloc_node(size_t size, gfp_t gfp __maybe_unused)
{
	if (!nodes_left)
		return NULL;
	nodes_left--;
	return malloc(size);
}

static int begin(void **state)
{
	(void)state;
	nodes_left = ~0u;
	xarray_check_empty_ok = false;
	xa_set_allocator(alloc_node, free);
	return 0;
}

static int end(void **state)
{
	(void)state;
	xa_destroy(&xa);
	xa_destroy(&ids);
	xa_destroy(&ids_from_1);
	rcu_barrier();
	return xa_nr_nodes() != 0;
}

static int store_order(unsigned long index, unsigned int order, void *entry)
{
	XA_STATE_ORDER(xas, &xa, index, order);

	store_at(&xas, entry);
	xarray_check(&xa);
	return xas_error(&xas);
}

/* Every order at every height: each index of it reads the same, its neighbours do not; one erase takes it all. */
static void every_order(void **state)
{
	(void)state;
	for (unsigned int order = 0; order < BITS_PER_LONG; order++) {
		unsigned long first = order < BITS_PER_LONG - 1 ? 1ul << order : 0, last = first + (1ul << order) - 1;
		unsigned long below = last;

		assert_int_equal(store_order(first, order, xa_mk_value(order)), 0);
		assert_ptr_equal(xa_load(&xa, first), xa_mk_value(order));
		assert_ptr_equal(xa_load(&xa, last), xa_mk_value(order));
		assert_ptr_equal(xa_load(&xa, first + (last - first) / 3), xa_mk_value(order));
		assert_null(xa_load(&xa, last + 1));
		assert_ptr_equal(xa_find_below(&xa, &below), xa_mk_value(order));
		assert_int_equal(below, first);
		assert_int_equal(xa_get_order(&xa, last), order);
		assert_ptr_equal(xa_erase(&xa, last), xa_mk_value(order));
		assert_true(xa_empty(&xa) && xa_nr_nodes() == 0);
	}
}

/* Pointers, near each other and far apart: the last one up to each place and beside it. */
static void the_last_one_below(void **state)
{
	static unsigned long at[200], thing[200];
	unsigned int seed = 1;

	(void)state;
	for (unsigned int i = 0; i < 200; i++) {
		seed = seed * 1664525 + 1013904223;
		at[i] = i < 50 ? i * 3 : (unsigned long)seed << (i % 40) >> 8;
		xa_store(&xa, at[i], &thing[i], GFP_KERNEL);
	}
	for (unsigned int i = 0; i < 600; i++) {
		unsigned long last = at[i / 3] + i % 3 - 1, index = last, best = 0;
		void *expected = NULL;

		for (unsigned int j = 0; j < 200; j++)
			if (at[j] <= last && (!expected || at[j] >= best)) {
				best = at[j];
				expected = xa_load(&xa, best);
			}
		assert_ptr_equal(xa_find_below(&xa, &index), expected);
		assert_int_equal(index, expected ? best : last);
	}
}

/* A store of more order takes the place of all below it and has their marks; of less, it replaces the whole. */
static void over_others(void **state)
{
	unsigned long index;
	unsigned int n = 0;
	void *entry;

	(void)state;
	for (unsigned long i = 0; i < 300; i++)
		assert_false(xa_is_err(xa_store(&xa, i, xa_mk_value(i), GFP_KERNEL)));
	xa_set_mark(&xa, 100, XA_MARK_1);
	assert_int_equal(store_order(64, 7, xa_mk_value(7)), 0);
	assert_int_equal(xa_nr_nodes(), 4); /* it spans 0 to 127: the root, and the leaves at 128, 192 and 256 */
	assert_true(xa_get_mark(&xa, 5, XA_MARK_1) && !xa_get_mark(&xa, 128, XA_MARK_1));
	assert_ptr_equal(xa_load(&xa, 127), xa_mk_value(7));
	assert_ptr_equal(xa_store(&xa, 70, &n, GFP_KERNEL), xa_mk_value(7));
	assert_ptr_equal(xa_load(&xa, 3), &n);
	xa_for_each_marked(&xa, index, entry, XA_MARK_1)
		assert_true(entry == &n && ++n == 1);
	assert_int_equal(n, 1);
	xa_for_each_start(&xa, index, entry, 77)
		n++;
	assert_int_equal(n, 1 + 1 + (300 - 128));
	xarray_check(&xa);
}

/* What is in the way is shown once, the store after it fits. */
static void conflicts(void **state)
{
	XA_STATE_ORDER(xas, &xa, 64, 5);
	unsigned int n = 0;
	void *entry;

	(void)state;
	assert_int_equal(store_order(64, 2, xa_mk_value(1)), 0);
	assert_int_equal(store_order(90, 0, xa_mk_value(2)), 0);
	assert_int_equal(store_order(96, 5, xa_mk_value(3)), 0);
	xas_lock(&xas);
	xas_for_each_conflict(&xas, entry) {
		assert_ptr_equal(entry, xa_mk_value(++n));
		assert_int_equal(xas_get_order(&xas), n == 1 ? 2 : 0);
	}
	assert_int_equal(n, 2);
	xas_store(&xas, xa_mk_value(9));
	xas_unlock(&xas);
	assert_int_equal(xa_get_order(&xa, 95), 5);
	assert_ptr_equal(xa_load(&xa, 96), xa_mk_value(3));
	xarray_check(&xa);
}

static void divide(unsigned int order, unsigned int to, void *old, void *entry)
{
	unsigned long first = 3ul << order;
	XA_STATE_ORDER(xas, &xa, first, to);

	assert_int_equal(store_order(first, order, old), 0);
	xa_set_mark(&xa, first, XA_MARK_2);
	xas_split_alloc(&xas, entry, order, GFP_KERNEL);
	assert_int_equal(xas_error(&xas), 0);
	xas_lock(&xas);
	xas_split(&xas, entry, order);
	xas_unlock(&xas);
	xas_destroy(&xas);
	xarray_check(&xa);
	for (unsigned long i = 0; i < 1ul << order; i += 1ul << to) {
		assert_int_equal(xa_get_order(&xa, first + i), to);
		assert_true(xa_get_mark(&xa, first + i, XA_MARK_2));
		assert_ptr_equal(xa_erase(&xa, first + i), entry);
	}
	assert_true(xa_empty(&xa));
}

static void dividing(void **state)
{
	(void)state;
	for (unsigned int order = 1; order < 2 * XA_CHUNK_SHIFT; order++)
		for (unsigned int to = order > 6 ? order % 6 : 0; to < order; to++) {
			divide(order, to, &xa, &xa);
			divide(order, to, xa_mk_value(1), xa_mk_value(2));
			divide(order, to, xa_mk_value(1), &xa);
		}
}

static void ranges(void **state)
{
	static const unsigned long ends[] = { 0, 1, 62, 63, 64, 65, 127, 128, 300, 4095, 4096, 4097, 9000 };

	(void)state;
	/* room for the last index is made first, so the root may be higher than it need be */
	xarray_check_empty_ok = true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		for (size_t j = i; j < ARRAY_SIZE(ends); j++) {
			assert_null(xa_store_range(&xa, ends[i], ends[j], xa_mk_value(i), GFP_KERNEL));
			xarray_check(&xa);
			assert_ptr_equal(xa_load(&xa, ends[i]), xa_mk_value(i));
			assert_ptr_equal(xa_load(&xa, ends[j]), xa_mk_value(i));
			assert_null(xa_load(&xa, ends[i] - 1));
			assert_null(xa_load(&xa, ends[j] + 1));
			assert_null(xa_store_range(&xa, ends[i], ends[j], NULL, GFP_KERNEL));
			assert_true(xa_empty(&xa));
		}
	assert_null(xa_store_range(&xa, 0, ~0ul, xa_mk_value(1), GFP_KERNEL)); /* everything */
	assert_ptr_equal(xa_load(&xa, ~0ul / 3), xa_mk_value(1));
	assert_int_equal(xa_err(xa_store_range(&xa, 2, 1, xa_mk_value(1), GFP_KERNEL)), -EINVAL);
	xa_destroy(&xa);
	nodes_left = 1; /* enough for the first piece: but none is stored before there is room for the last */
	assert_int_equal(xa_err(xa_store_range(&xa, 60, 130, xa_mk_value(1), GFP_KERNEL)), -ENOMEM);
	assert_true(xa_empty(&xa));
}

/* All leaves of a range, or none; then stores need no memory. */
static void create_range(void **state)
{
	XA_STATE_ORDER(xas, &xa, 1 << 12, 9);

	(void)state;
	xas_lock(&xas);
	for (nodes_left = 0; nodes_left < 20; nodes_left++) {
		unsigned int had = nodes_left;

		xas_create_range(&xas);
		if (!xas_error(&xas))
			break;
		assert_int_equal(xas_error(&xas), -ENOMEM);
		nodes_left = had;
		assert_true(xa_empty(&xa));
		xas_destroy(&xas);
		xas_reset(&xas);
	}
	nodes_left = 0;
	for (unsigned long i = 0; i < 512; i++) {
		assert_null(xas_store(&xas, xa_mk_value(i)));
		assert_int_equal(xas_error(&xas), 0);
		xas_next(&xas);
	}
	xas_unlock(&xas);
	xas_destroy(&xas);
	assert_ptr_equal(xa_load(&xa, (1 << 12) + 511), xa_mk_value(511));
	xarray_check(&xa);
}

/* What a hook was told last of each node; its list head is the user's, so a number fits there. */
static unsigned int updates, last_count;

static void note_update(struct xa_node *node)
{
	updates++;
	last_count = node->count;
	if (node->count)
		node->private_list.next = (struct list_head *)(unsigned long)(node->count << 8 | node->nr_values);
	else
		INIT_LIST_HEAD(&node->private_list);
}

/* Of this node and those above. */
static void told_of_all(const struct xa_node *node)
{
	for (; node; node = node->parent)
		assert_ptr_equal(node->private_list.next, (void *)(unsigned long)(node->count << 8 | node->nr_values));
}

static void store_told(struct xa_state *xas, unsigned long index, void *entry)
{
	unsigned int before = updates;

	xas_set(xas, index);
	xas_store(xas, entry);
	assert_int_equal(xas_error(xas), 0);
	assert_true(updates > before);
}

static void hooks(void **state)
{
	XA_STATE(xas, &xa, 70);

	(void)state;
	xas_set_update(&xas, note_update);
	xas_lock(&xas);
	store_told(&xas, 70, xa_mk_value(1));
	assert_true(xas.xa_node->nr_values == 1 && xas.xa_node->array == &xa);
	store_told(&xas, 71, &xa);
	told_of_all(xas.xa_node);
	store_told(&xas, 71, xa_mk_value(1)); /* the sort alone changes */
	told_of_all(xas.xa_node);
	store_told(&xas, 1ul << 20, xa_mk_value(1)); /* roots on top, and the way down */
	told_of_all(xas.xa_node);
	xas_set(&xas, 70);
	xas_load(&xas);
	told_of_all(xas.xa_node);
	store_told(&xas, 1ul << 20, NULL);
	xas_set(&xas, 70);
	xas_load(&xas);
	told_of_all(xas.xa_node);
	xa_delete_node(xas.xa_node, note_update);
	assert_int_equal(last_count, 0);
	assert_true(xa_empty(&xa) && xa_head(&xa) == NULL);
	store_told(&xas, 70, xa_mk_value(1)); /* a node that goes with an entry over it is told of too */
	xas_set_order(&xas, 64, 6);
	updates = 0;
	xas_store(&xas, xa_mk_value(2));
	assert_int_equal(updates, 2);
	xas_set_order(&xas, 64, 0);
	xas_store(&xas, NULL);
	xas_unlock(&xas);
	assert_true(xa_empty(&xa));
}

/* --- what a reader may see beside a writer, put there by hand ----------------------------------------------------- */

/* A node goes from under a cursor: its slots say RETRY, and from the root on the new entry is found. */
static void cursor_in_a_node_that_goes(void **state)
{
	XA_STATE(xas, &xa, 70);

	(void)state;
	assert_null(xa_store(&xa, 70, xa_mk_value(1), GFP_KERNEL));
	assert_null(xa_store(&xa, 75, xa_mk_value(2), GFP_KERNEL));
	assert_ptr_equal(xas_load(&xas), xa_mk_value(1));
	assert_int_equal(store_order(64, 6, xa_mk_value(3)), 0);
	assert_ptr_equal(xas_reload(&xas), XA_RETRY_ENTRY);
	assert_ptr_equal(xas_find(&xas, ~0ul), XA_RETRY_ENTRY);
	assert_true(xas_retry(&xas, XA_RETRY_ENTRY));
	assert_ptr_equal(xas_load(&xas), xa_mk_value(3));
}

/* A sibling that was read before its entry became a node. */
static void sibling_out_of_date(void **state)
{
	XA_STATE(xas, &xa, 64);
	struct xa_node *root;

	(void)state;
	assert_null(xa_store(&xa, 5, xa_mk_value(1), GFP_KERNEL));
	assert_null(xa_store(&xa, 70, xa_mk_value(2), GFP_KERNEL));
	root = xa_to_node(xa_head(&xa));
	void *leaf = root->slots[1];

	root->slots[1] = xa_mk_sibling(0);
	assert_ptr_equal(xas_load(&xas), XA_RETRY_ENTRY);
	root->slots[1] = leaf;
}

/* A bit without its entry, of a mark and of heads, means: go on. */
static void bits_without_entries(void **state)
{
	XA_STATE(xas, &xa, 0);
	struct xa_node *leaf;

	(void)state;
	assert_null(xa_store(&xa, 3, xa_mk_value(3), GFP_KERNEL));
	assert_null(xa_store(&xa, 9, xa_mk_value(9), GFP_KERNEL));
	xa_set_mark(&xa, 9, XA_MARK_0);
	leaf = xa_to_node(xa_head(&xa));
	leaf->marks[XA_MARK_0][0] |= BIT(5);
	leaf->heads |= BIT(5);
	assert_ptr_equal(xas_find_marked(&xas, ~0ul, XA_MARK_0), xa_mk_value(9));
	xas_set(&xas, 4);
	assert_ptr_equal(xas_find(&xas, ~0ul), xa_mk_value(9));
	leaf->marks[XA_MARK_0][0] &= ~BIT(5);
	leaf->heads &= ~BIT(5);
}

/* --- as Linux answers --------------------------------------------------------------------------------------------- */

static void ends_of_the_numbers(void **state)
{
	XA_STATE(xas, &xa, ~0ul);

	(void)state;
	assert_null(xa_store(&xa, 0, xa_mk_value(1), GFP_KERNEL));
	assert_null(xa_store(&xa, ~0ul, xa_mk_value(2), GFP_KERNEL));
	assert_ptr_equal(xas_load(&xas), xa_mk_value(2));
	assert_null(xas_next(&xas)); /* round the end: not the entry at 0 */
	assert_int_equal(xas.xa_index, 0);
	xas_set(&xas, 0);
	assert_ptr_equal(xas_load(&xas), xa_mk_value(1));
	assert_null(xas_prev(&xas));
	assert_int_equal(xas.xa_index, ~0ul);
}

static void marked_search_begins_again(void **state)
{
	XA_STATE(xas, &xa, 9);

	(void)state;
	assert_null(xa_store(&xa, 9, xa_mk_value(1), GFP_KERNEL));
	xa_set_mark(&xa, 9, XA_MARK_0);
	assert_null(xas_find_marked(&xas, 5, XA_MARK_0)); /* begins beyond max: has not looked at 9 */
	assert_ptr_equal(xas.xa_node, XAS_RESTART);
	assert_ptr_equal(xas_find_marked(&xas, 20, XA_MARK_0), xa_mk_value(1));
}

/* A cursor looks for what is free, and a store by it leaves the mark to its user. */
static void free_places(void **state)
{
	XA_STATE(xas, &ids, 0);

	(void)state;
	for (unsigned long i = 0; i < 70; i++)
		assert_null(xa_store(&ids, i, xa_mk_value(i), GFP_KERNEL));
	assert_ptr_equal(xa_erase(&ids, 66), xa_mk_value(66));
	xas_lock(&xas);
	assert_null(xas_find_marked(&xas, 1000, XA_FREE_MARK));
	assert_true(xas_is_node(&xas) && xas.xa_index == 66);
	xas_store(&xas, xa_mk_value(1));
	assert_true(xas_get_mark(&xas, XA_FREE_MARK));
	xas_clear_mark(&xas, XA_FREE_MARK);
	assert_null(xas_find_marked(&xas, 1000, XA_FREE_MARK));
	assert_int_equal(xas.xa_index, 70);
	xas_unlock(&xas);
}

static void place_0_of_arrays_from_1(void **state)
{
	u32 id;

	(void)state;
	assert_int_equal(xa_insert(&ids_from_1, 0, xa_mk_value(1), GFP_KERNEL), 0); /* nobody is there yet */
	assert_ptr_equal(xa_erase(&ids_from_1, 0), xa_mk_value(1));
	assert_int_equal(xa_alloc(&ids_from_1, &id, xa_mk_value(2), xa_limit_32b, GFP_KERNEL), 0);
	assert_int_equal(id, 1);
	assert_int_equal(xa_insert(&ids_from_1, 0, xa_mk_value(1), GFP_KERNEL), -EBUSY);
	xa_erase(&ids_from_1, 1);
	assert_true(xa_empty(&ids_from_1));
	assert_int_equal(xa_alloc(&ids_from_1, &id, xa_mk_value(2), xa_limit_32b, GFP_KERNEL), 0);
	assert_int_equal(id, 1); /* of an array that has gone empty too */
	xa_erase(&ids_from_1, 1);
	assert_int_equal(xa_insert(&ids_from_1, 0, xa_mk_value(1), GFP_KERNEL), 0);
}

/* Who reserves place 0 first takes none of the others: they are found below a root that comes later. */
static void place_0_reserved_in_arrays_from_1(void **state)
{
	u32 id;

	(void)state;
	assert_int_equal(xa_reserve(&ids_from_1, 0, GFP_KERNEL), 0);
	assert_null(xa_store(&ids_from_1, XA_CHUNK_SIZE, xa_mk_value(2), GFP_KERNEL));
	xarray_check(&ids_from_1);
	assert_int_equal(xa_alloc(&ids_from_1, &id, xa_mk_value(3), xa_limit_32b, GFP_KERNEL), 0);
	assert_int_equal(id, 1);
}

/* A walk over marked multi-index entries comes to its end, also from the middle of one. */
static void marked_walk_ends(void **state)
{
	unsigned long index;
	unsigned int n = 0;
	void *entry;

	(void)state;
	assert_int_equal(store_order(64, 2, xa_mk_value(1)), 0);
	xa_set_mark(&xa, 65, XA_MARK_0);
	xa_for_each_marked(&xa, index, entry, XA_MARK_0)
		assert_int_equal(++n, 1);
	index = 66;
	assert_ptr_equal(xa_find(&xa, &index, ~0ul, XA_MARK_0), xa_mk_value(1));
	index = 65;
	assert_null(xa_find_after(&xa, &index, ~0ul, XA_MARK_0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_order, begin, end),
		cmocka_unit_test_setup_teardown(the_last_one_below, begin, end),
		cmocka_unit_test_setup_teardown(over_others, begin, end),
		cmocka_unit_test_setup_teardown(conflicts, begin, end),
		cmocka_unit_test_setup_teardown(dividing, begin, end),
		cmocka_unit_test_setup_teardown(ranges, begin, end),
		cmocka_unit_test_setup_teardown(create_range, begin, end),
		cmocka_unit_test_setup_teardown(hooks, begin, end),
		cmocka_unit_test_setup_teardown(cursor_in_a_node_that_goes, begin, end),
		cmocka_unit_test_setup_teardown(sibling_out_of_date, begin, end),
		cmocka_unit_test_setup_teardown(bits_without_entries, begin, end),
		cmocka_unit_test_setup_teardown(ends_of_the_numbers, begin, end),
		cmocka_unit_test_setup_teardown(marked_search_begins_again, begin, end),
		cmocka_unit_test_setup_teardown(free_places, begin, end),
		cmocka_unit_test_setup_teardown(place_0_of_arrays_from_1, begin, end),
		cmocka_unit_test_setup_teardown(place_0_reserved_in_arrays_from_1, begin, end),
		cmocka_unit_test_setup_teardown(marked_walk_ends, begin, end),
	};

	host_machine(0x1000, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
