/* SPDX-License-Identifier: MIT */
/*
 * The XArray as its users meet it: the idioms of code written for Linux compile and do what they do there, and chosen
 * cases that random steps (unit_xarray.c) do not reach: what others do while the lock is dropped, ranks, wrong calls.
 */
#include "tests/host/port/host.h"
#include "tests/host/xarray_check.h"

#include <kernel/rcupdate.h>

struct thing {
	u32 id;
	struct rcu_head rcu;
};

static DEFINE_XARRAY(plain);
static DEFINE_XARRAY_FLAGS(from_irq, XA_FLAGS_LOCK_IRQ);
static DEFINE_XARRAY_ALLOC(ids);
static DEFINE_XARRAY_ALLOC1(ids_from_1);

static void (*meanwhile)(void); /* what another does as soon as the lock is dropped for memory; once */
static unsigned int nodes_left = ~0u;

static void *alloc_node(size_t size, gfp_t gfp)
{
	void (*act)(void) = meanwhile;

	if (act && !gfpflags_allow_blocking(gfp))
		return NULL;
	meanwhile = NULL;
	if (act)
		act();
	if (!nodes_left)
		return NULL;
	nodes_left--;
	return malloc(size);
}

static int begin(void **state)
{
	(void)state;
	xa_set_allocator(alloc_node, free);
	nodes_left = ~0u;
	meanwhile = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	xa_destroy(&plain);
	xa_destroy(&from_irq);
	xa_destroy(&ids);
	xa_destroy(&ids_from_1);
	rcu_barrier();
	return xa_nr_nodes() != 0;
}

/* --- idioms of the normal API ------------------------------------------------------------------------------------- */

static int register_thing(struct xarray *xa, struct thing *t)
{
	static u32 next;
	int err = xa_alloc_cyclic(xa, &t->id, t, xa_limit_16b, &next, GFP_KERNEL);

	return err < 0 ? err : 0;
}

static void registry(void **state)
{
	static struct thing things[10];
	struct thing *t;
	unsigned long index, seen = 0;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(register_thing(&ids_from_1, &things[i]), 0);
	assert_int_equal(things[0].id, 1);
	xa_for_each(&ids_from_1, index, t) {
		assert_int_equal(t->id, index);
		seen++;
	}
	assert_int_equal(seen, 10);
	xa_for_each_range(&ids_from_1, index, t, 3, 5)
		xa_set_mark(&ids_from_1, index, XA_MARK_1);
	xa_for_each_marked(&ids_from_1, index, t, XA_MARK_1)
		assert_true(index >= 3 && index <= 5);
	xa_for_each_start(&ids_from_1, index, t, 9)
		assert_ptr_equal(xa_erase(&ids_from_1, index), t);
	assert_int_equal(register_thing(&ids_from_1, &things[8]), 0);
	assert_int_equal(things[8].id, 11); /* cyclic: 9 and 10 are not used again yet */
	assert_null(xa_load(&ids_from_1, 0));
}

/* The number goes on where it was, round the end of 32 bits too, and says so once. */
static void cyclic_numbers_wrap(void **state)
{
	u32 id, next = ~0u - 1;

	(void)state;
	assert_int_equal(xa_alloc_cyclic(&ids, &id, xa_mk_value(1), xa_limit_32b, &next, GFP_KERNEL), 0);
	assert_int_equal(id, ~0u - 1);
	assert_int_equal(xa_alloc_cyclic(&ids, &id, xa_mk_value(1), xa_limit_32b, &next, GFP_KERNEL), 0);
	assert_int_equal(next, 0);
	assert_int_equal(xa_alloc_cyclic(&ids, &id, xa_mk_value(1), xa_limit_32b, &next, GFP_KERNEL), 1);
	assert_int_equal(id, 0);
	assert_int_equal(xa_alloc_cyclic(&ids, &id, xa_mk_value(1), xa_limit_32b, &next, GFP_KERNEL), 0);
	next = 5;
	assert_int_equal(xa_alloc_cyclic(&ids, &id, xa_mk_value(1), XA_LIMIT(2, 5), &next, GFP_KERNEL), 0);
	assert_int_equal(xa_alloc_cyclic(&ids, &id, xa_mk_value(1), XA_LIMIT(2, 5), &next, GFP_KERNEL), 1);
	assert_int_equal(id, 2);
}

/* In an allocating array NULL takes a place; in an ordinary one a reservation does. */
static void reserving(void **state)
{
	u32 id;

	(void)state;
	assert_int_equal(xa_alloc(&ids, &id, NULL, xa_limit_31b, GFP_KERNEL), 0);
	assert_null(xa_load(&ids, 0));
	assert_int_equal(xa_insert(&ids, 0, xa_mk_value(1), GFP_KERNEL), -EBUSY);
	assert_null(xa_store(&ids, 1, NULL, GFP_KERNEL));
	assert_int_equal(xa_alloc(&ids, &id, xa_mk_value(1), xa_limit_31b, GFP_KERNEL), 0);
	assert_int_equal(id, 2);
	xa_release(&ids, 2); /* an entry: stays */
	assert_non_null(xa_load(&ids, 2));
	xa_release(&ids, 1);
	xa_erase(&ids, 0);
	xa_erase(&ids, 2);
	assert_true(xa_empty(&ids));

	assert_int_equal(xa_reserve(&plain, 1000, GFP_KERNEL), 0);
	assert_false(xa_empty(&plain));
	nodes_left = 0; /* a place that is reserved needs no memory */
	assert_null(xa_store(&plain, 1000, xa_mk_value(3), GFP_NOWAIT));
	assert_int_equal(xa_err(xa_store(&plain, 5000, xa_mk_value(3), GFP_NOWAIT)), -ENOMEM);
	assert_int_equal(xa_reserve(&plain, 5000, GFP_KERNEL), -ENOMEM);
	nodes_left = ~0u;
	assert_int_equal(xa_reserve(&plain, 1001, GFP_KERNEL), 0);
	/* reserved is not empty: stays, as in Linux */
	assert_null(xa_cmpxchg(&plain, 1001, NULL, xa_mk_value(4), GFP_KERNEL));
	assert_null(xa_load(&plain, 1001));
	assert_null(xa_cmpxchg(&plain, 1001, XA_ZERO_ENTRY, xa_mk_value(4), GFP_KERNEL));
	assert_ptr_equal(xa_load(&plain, 1001), xa_mk_value(4));

	xa_destroy(&plain);
	assert_int_equal(xa_reserve(&plain, 0, GFP_KERNEL), 0);
	assert_null(xa_store(&plain, 0, xa_mk_value(5), GFP_NOWAIT)); /* it keeps the leaf that the reservation made, */
	assert_int_equal(xa_nr_nodes(), 1);
	assert_ptr_equal(xa_store(&plain, 0, xa_mk_value(6), GFP_NOWAIT), xa_mk_value(5)); /* as in Linux */
	assert_ptr_equal(xa_erase(&plain, 0), xa_mk_value(6));
	assert_int_equal(xa_nr_nodes(), 0);
}

static void entries(void **state)
{
	static long aligned;
	void *tagged = xa_tag_pointer(&aligned, 3);

	(void)state;
	assert_true(xa_is_value(xa_mk_value(7)) && xa_to_value(xa_mk_value(~0ul >> 1)) == ~0ul >> 1);
	assert_true(xa_pointer_tag(tagged) == 3 && xa_untag_pointer(tagged) == &aligned);
	assert_null(xa_store(&plain, 1, tagged, GFP_KERNEL));
	assert_ptr_equal(xa_load(&plain, 1), tagged);
	assert_int_equal(xa_err(xa_store(&plain, 1, (void *)2, GFP_KERNEL)), -EINVAL);
	assert_int_equal(xa_insert(&plain, 2, (void *)6, GFP_KERNEL), -EINVAL);
	assert_int_equal(xa_err(xa_cmpxchg(&plain, 2, NULL, XA_RETRY_ENTRY, GFP_KERNEL)), -EINVAL);
	assert_true(xa_err(XA_ERROR(-4095)) == -4095 && !xa_err(XA_ZERO_ENTRY) && !xa_err(XA_RETRY_ENTRY) &&
		    !xa_err(NULL));
}

/* --- idioms of the advanced API ----------------------------------------------------------------------------------- */

static int store_all(unsigned long first, unsigned long last)
{
	XA_STATE(xas, &plain, first);

	do {
		xas_lock(&xas);
		for (; xas.xa_index <= last; xas.xa_index++) {
			xas_store(&xas, xa_mk_value(xas.xa_index));
			if (xas_error(&xas))
				break;
			xas_reset(&xas);
		}
		xas_unlock(&xas);
	} while (xas_nomem(&xas, GFP_KERNEL));
	return xas_error(&xas);
}

static unsigned int tag_range(unsigned long first, unsigned long last)
{
	XA_STATE(xas, &plain, first);
	unsigned int tagged = 0;
	void *entry;

	xas_lock_irq(&xas);
	xas_for_each(&xas, entry, last) {
		xas_set_mark(&xas, XA_MARK_2);
		if (++tagged % 100)
			continue;
		xas_pause(&xas);
		xas_unlock_irq(&xas);
		xas_lock_irq(&xas);
	}
	xas_unlock_irq(&xas);
	return tagged;
}

static void cursors(void **state)
{
	XA_STATE(xas, &plain, 0);
	unsigned int n = 0;
	void *entry;

	(void)state;
	assert_int_equal(store_all(10, 1009), 0);
	assert_int_equal(tag_range(100, 599), 500);
	rcu_read_lock();
	xas_for_each_marked(&xas, entry, ~0ul, XA_MARK_2) {
		if (xas_retry(&xas, entry))
			continue;
		assert_int_equal(xa_to_value(entry), xas.xa_index);
		n++;
	}
	rcu_read_unlock();
	assert_int_equal(n, 500);
	xas_set(&xas, 9);
	assert_null(xas_next(&xas));
	assert_ptr_equal(xas_next(&xas), xa_mk_value(10));
	assert_null(xas_prev(&xas));
	xas_set(&xas, 0);
	assert_null(xas_prev(&xas)); /* not walked yet: index 0 itself */
	assert_null(xas_prev(&xas));
	assert_int_equal(xas.xa_index, ~0ul);
	assert_null(xas_next(&xas));
	assert_int_equal(xas.xa_index, 0);
	xas_set(&xas, 1005);
	assert_ptr_equal(xas_find(&xas, 1007), xa_mk_value(1005));
	assert_ptr_equal(xas_find(&xas, 1007), xa_mk_value(1006));
	xas_set(&xas, 1010);
	assert_null(xas_find(&xas, ~0ul));
	assert_true(xas.xa_node == XAS_BOUNDS && xas.xa_index == XA_CHUNK_SIZE * XA_CHUNK_SIZE);
	assert_null(xas_find(&xas, ~0ul));
	xas_set(&xas, 1ul << 30);
	xas_lock(&xas);
	for (int i = 0; i < 2; i++) { /* a cursor whose leaf has gone does not write into it */
		assert_null(xas_store(&xas, xa_mk_value(1)));
		assert_ptr_equal(xa_load(&plain, 1ul << 30), xa_mk_value(1));
		assert_ptr_equal(xas_store(&xas, NULL), xa_mk_value(1));
	}
	xas_unlock(&xas);
	xas_set_err(&xas, -EINTR);
	assert_null(xas_load(&xas));
	assert_int_equal(xas_error(&xas), -EINTR);
	assert_false(xas_valid(&xas));
}

/* --- what others do while the lock is dropped --------------------------------------------------------------------- */

static void take_index_70(void) { assert_null(xa_store(&plain, 70, xa_mk_value(9), GFP_KERNEL)); }
static void reserve_index_70(void) { assert_int_equal(xa_reserve(&plain, 70, GFP_KERNEL), 0); }
static void take_id_1(void)
{
	u32 id;

	assert_int_equal(xa_alloc(&ids, &id, xa_mk_value(9), xa_limit_31b, GFP_KERNEL), 0);
}

static void another_was_quicker(void **state)
{
	u32 id = 0;

	(void)state;
	meanwhile = take_index_70;
	assert_int_equal(xa_insert(&plain, 70, xa_mk_value(1), GFP_KERNEL), -EBUSY);
	assert_ptr_equal(xa_load(&plain, 70), xa_mk_value(9));
	xa_destroy(&plain);
	meanwhile = take_index_70;
	assert_ptr_equal(xa_cmpxchg(&plain, 70, NULL, xa_mk_value(1), GFP_KERNEL), xa_mk_value(9));
	xa_destroy(&plain);
	meanwhile = reserve_index_70; /* which is not empty, though it answers NULL */
	assert_null(xa_cmpxchg(&plain, 70, NULL, xa_mk_value(1), GFP_KERNEL));
	assert_null(xa_load(&plain, 70));
	assert_int_equal(xa_insert(&plain, 70, xa_mk_value(1), GFP_KERNEL), -EBUSY);
	xa_destroy(&plain);
	meanwhile = take_index_70;
	assert_ptr_equal(xa_store(&plain, 70, xa_mk_value(1), GFP_KERNEL), xa_mk_value(9));
	assert_ptr_equal(xa_load(&plain, 70), xa_mk_value(1));
	assert_int_equal(xa_alloc(&ids, &id, xa_mk_value(1), xa_limit_31b, GFP_KERNEL), 0); /* needs no node */
	meanwhile = take_id_1;
	assert_int_equal(xa_alloc(&ids, &id, xa_mk_value(1), xa_limit_31b, GFP_KERNEL), 0);
	assert_int_equal(id, 2);
	xarray_check(&plain);
	xarray_check(&ids);
}

/* With XA_FLAGS_LOCK_IRQ interrupts are on while there is a wait for memory, and off again afterwards. */
static bool were_on;
static void note_interrupts(void) { were_on = !irqs_disabled(); }

static void interrupts_and_the_lock(void **state)
{
	(void)state;
	local_irq_enable();
	meanwhile = note_interrupts;
	xa_lock_irq(&from_irq);
	assert_null(__xa_store(&from_irq, 3, xa_mk_value(1), GFP_KERNEL));
	assert_true(irqs_disabled() && were_on);
	xa_unlock_irq(&from_irq);
	assert_false(irqs_disabled());
	assert_ptr_equal(xa_erase_irq(&from_irq, 3), xa_mk_value(1));
	assert_false(irqs_disabled());
}

/* Something moves from one array to another, both locks held: Linux's code names the second one's class. */
static void locks_nest(void **state)
{
	static DEFINE_XARRAY(other);
	bool flags;

	(void)state;
	assert_null(xa_store(&plain, 1, xa_mk_value(1), GFP_KERNEL));
	xa_lock(&plain);
	xa_lock_nested(&other, 1);
	assert_null(__xa_store(&other, 1, __xa_erase(&plain, 1), GFP_NOWAIT));
	xa_unlock(&other);
	xa_unlock(&plain);
	xa_lock_irq(&from_irq);
	xa_lock_irqsave_nested(&other, flags, 1);
	assert_null(__xa_store(&from_irq, 1, __xa_erase(&other, 1), GFP_NOWAIT));
	xa_unlock_irqrestore(&other, flags);
	assert_true(irqs_disabled());
	xa_unlock_irq(&from_irq);
	assert_ptr_equal(xa_erase_irq(&from_irq, 1), xa_mk_value(1));
}

/* --- trees -------------------------------------------------------------------------------------------------------- */

/* Failing leaves no node behind, whichever allocation it was; an array that is empty again has none. */
static void nothing_is_left(void **state)
{
	static const unsigned long places[] = { 0, 63, 64, 4096, 1ul << 20, 1ul << 36, ~0ul };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		unsigned int n = 0;

		for (nodes_left = 0; xa_is_err(xa_store(&plain, places[i], xa_mk_value(1), GFP_KERNEL));
		     nodes_left = ++n)
			assert_int_equal(xa_nr_nodes(), 0);
		assert_int_equal(xa_nr_nodes(), n);
		nodes_left = ~0u;
		xa_set_mark(&plain, places[i], XA_MARK_1);
		xa_erase(&plain, places[i]);
		assert_int_equal(xa_nr_nodes(), 0);
		assert_true(xa_empty(&plain) && !xa_marked(&plain, XA_MARK_1));
	}
}

/* When the far entries are gone the tree is as low as before. */
static void trees_get_lower(void **state)
{
	(void)state;
	assert_null(xa_store(&plain, 5, xa_mk_value(5), GFP_KERNEL));
	assert_null(xa_store(&plain, ~0ul, xa_mk_value(6), GFP_KERNEL));
	assert_true(xa_nr_nodes() > 10);
	xa_erase(&plain, ~0ul);
	assert_int_equal(xa_nr_nodes(), 1);
	assert_ptr_equal(xa_load(&plain, 5), xa_mk_value(5));
}

/* --- wrong calls -------------------------------------------------------------------------------------------------- */

static void wrong_calls(void **state)
{
	static DEFINE_XARRAY_RANK(low, 0, 3);
	static DEFINE_RANKED_SPINLOCK(high, 7);
	u32 id;

	(void)state;
	spin_lock(&high);
	assert_true(PANICS(xa_lock(&low))); /* rank 3 under rank 7 */
	host_machine(0x1000, 1);
	spin_lock_init_ranked(&high, "high", 7);
	xa_lock(&low);
	spin_lock(&high);
	spin_unlock(&high);
	xa_unlock(&low);
	assert_true(PANICS(__xa_store(&plain, 0, NULL, GFP_KERNEL))); /* without the lock */
	assert_true(PANICS(__xa_erase(&plain, 0)));
	host_machine(0x1000, 1);
	xa_init(&plain);
	warn_expected(true);
	assert_int_equal(xa_alloc(&plain, &id, NULL, xa_limit_31b, GFP_KERNEL), -EINVAL); /* not an allocating array */
	warn_expected(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(registry, begin, end),
		cmocka_unit_test_setup_teardown(cyclic_numbers_wrap, begin, end),
		cmocka_unit_test_setup_teardown(reserving, begin, end),
		cmocka_unit_test_setup_teardown(entries, begin, end),
		cmocka_unit_test_setup_teardown(cursors, begin, end),
		cmocka_unit_test_setup_teardown(another_was_quicker, begin, end),
		cmocka_unit_test_setup_teardown(interrupts_and_the_lock, begin, end),
		cmocka_unit_test_setup_teardown(locks_nest, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_left, begin, end),
		cmocka_unit_test_setup_teardown(trees_get_lower, begin, end),
		cmocka_unit_test_setup_teardown(wrong_calls, begin, end),
	};

	host_machine(0x1000, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
