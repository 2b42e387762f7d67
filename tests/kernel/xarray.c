/* SPDX-License-Identifier: MIT */
/*
 * The XArray in the machine it is for: its nodes have the width of this kernel's words (tests/host knows only 64), its
 * memory is kmalloc's, its readers are on other CPUs. What it promises in detail is tested in tests/host.
 */
#include "worker.h"
#include "xarray_store.h"

#include <kernel/ktest.h>
#include <kernel/rcupdate.h>
#include <kernel/xarray.h>

#define PLACES 96
#define STEPS  4000

static DEFINE_XARRAY(array);
static DEFINE_XARRAY_ALLOC1(ids);

/* Neighbours in leaves of all heights' borders, up to the very last index. */
static unsigned long place(unsigned int i)
{
	unsigned long border = i / 8 ? 1ul << (i / 8 * 5 % BITS_PER_LONG) : 0;

	return i >= PLACES - 8 ? ~0ul - (PLACES - 1 - i) : border * 2 + i % 8 - (border ? 4 : 0);
}

/* Two places may have the same index; then the model is told once. */
static unsigned int first_with_index(unsigned int i)
{
	unsigned int first = 0;

	while (place(first) != place(i))
		first++;
	return first;
}

static unsigned long count_marked(xa_mark_t mark)
{
	unsigned long index, n = 0;
	void *entry;

	xa_for_each_marked(&array, index, entry, mark)
		n++;
	return n;
}

KTEST(xarray, beside_a_model)
{
	static void *model[PLACES];
	static bool marked[PLACES];
	unsigned long nodes = xa_nr_nodes(), present = 0, marks = 0, wrong = 0;

	for (unsigned int step = 0; step < STEPS; step++) {
		unsigned int i = first_with_index((u32)ktest_random() % PLACES);
		void *entry = (u32)ktest_random() % 3 ? xa_mk_value(step) : NULL;

		wrong += xa_load(&array, place(i)) != model[i];
		wrong += xa_store(&array, place(i), entry, GFP_KERNEL) != model[i];
		model[i] = entry;
		if ((u32)ktest_random() % 2)
			xa_set_mark(&array, place(i), XA_MARK_1);
		marked[i] = xa_get_mark(&array, place(i), XA_MARK_1);
		wrong += marked[i] && !entry;
	}
	for (unsigned int i = 0; i < PLACES; i++) {
		present += model[i] != NULL;
		marks += marked[i];
	}
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(count_marked(XA_PRESENT), present);
	EXPECT_EQ(count_marked(XA_MARK_1), marks);
	for (unsigned int i = 0; i < PLACES; i++) {
		xa_erase(&array, place(i));
		model[i] = NULL;
		marked[i] = false;
	}
	EXPECT(xa_empty(&array));
	EXPECT_EQ(xa_nr_nodes(), nodes);
	rcu_barrier();
}

KTEST(xarray, lowest_free_index)
{
	u32 id = 0, wrong = 0;

	for (u32 i = 1; i <= 3000; i++)
		wrong += xa_alloc(&ids, &id, xa_mk_value(i), xa_limit_31b, GFP_KERNEL) != 0 || id != i;
	EXPECT_EQ(wrong, 0);
	xa_erase(&ids, 2000);
	xa_erase(&ids, 77);
	EXPECT_EQ(xa_alloc(&ids, &id, NULL, XA_LIMIT(100, 3000), GFP_KERNEL), 0);
	EXPECT_EQ(id, 2000);
	EXPECT_EQ(xa_alloc(&ids, &id, NULL, XA_LIMIT(100, 3000), GFP_KERNEL), -EBUSY);
	EXPECT_EQ(xa_alloc(&ids, &id, NULL, xa_limit_32b, GFP_KERNEL), 0);
	EXPECT_EQ(id, 77);
	xa_destroy(&ids);
	rcu_barrier();
}

/* --- multi-index entries: at every height of nodes of this width -------------------------------------------------- */

static unsigned long store_order(unsigned long index, unsigned int order, void *entry)
{
	XA_STATE_ORDER(xas, &array, index, order);

	store_at(&xas, entry);
	return xas_error(&xas) != 0;
}

KTEST(xarray, every_order)
{
	unsigned long nodes = xa_nr_nodes(), wrong = 0;

	for (unsigned int order = 0; order < BITS_PER_LONG; order++) {
		unsigned long first = order < BITS_PER_LONG - 1 ? 1ul << order : 0, last = first + (1ul << order) - 1;

		wrong += store_order(first, order, xa_mk_value(order));
		wrong += xa_load(&array, first) != xa_mk_value(order) || xa_load(&array, last) != xa_mk_value(order);
		wrong += xa_load(&array, first + (last - first) / 3) != xa_mk_value(order) ||
			 xa_load(&array, last + 1) != NULL;
		wrong += xa_get_order(&array, last) != (int)order;
		wrong += xa_erase(&array, last) != xa_mk_value(order) || !xa_empty(&array);
	}
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(xa_nr_nodes(), nodes);
	rcu_barrier();
}

/* An entry divided into pieces of one order, each with its mark. Returns how much was otherwise. */
static unsigned long divide(unsigned int order, unsigned int to)
{
	unsigned long first = 3ul << order, wrong = store_order(first, order, &array);
	XA_STATE_ORDER(xas, &array, first, to);

	xa_set_mark(&array, first, XA_MARK_1);
	xas_split_alloc(&xas, &array, order, GFP_KERNEL);
	xas_lock(&xas);
	xas_split(&xas, &array, order);
	xas_unlock(&xas);
	xas_destroy(&xas);
	wrong += count_marked(XA_MARK_1) != 1ul << (order - to);
	for (unsigned long i = 0; i < 1ul << order; i += 1ul << to)
		wrong += xa_get_order(&array, first + i) != (int)to || xa_erase(&array, first + i) != &array;
	return wrong;
}

KTEST(xarray, divided)
{
	unsigned long nodes = xa_nr_nodes(), wrong = 0;

	for (unsigned int order = 1; order < 2 * XA_CHUNK_SHIFT; order++)
		for (unsigned int to = order > XA_CHUNK_SHIFT ? order % XA_CHUNK_SHIFT : 0; to < order; to++)
			wrong += divide(order, to);
	EXPECT_EQ(wrong, 0);
	EXPECT(xa_empty(&array));
	EXPECT_EQ(xa_nr_nodes(), nodes);
	rcu_barrier();
}

/* A reader on another CPU always finds what never leaves, while nodes beside and above it come and go. */
static void look(void *arg)
{
	unsigned long *misses = arg, index;
	void *entry;

	for (int i = 0; i < 2000; i++) {
		unsigned int found = 0;

		*misses += xa_load(&array, 40) != xa_mk_value(40);
		xa_for_each(&array, index, entry)
			found += index == 40;
		*misses += found != 1;
	}
}

KTEST(xarray, reader_on_another_cpu)
{
	unsigned long misses = 0;
	struct worker reader;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	EXPECT(!xa_is_err(xa_store(&array, 40, xa_mk_value(40), GFP_KERNEL)));
	ASSERT(worker_start(&reader, another_cpu(), false));
	worker_post(&reader, look, &misses);
	for (int i = 0; i < 2000; i++) {
		unsigned long index = 1ul << i % BITS_PER_LONG;

		EXPECT(!xa_is_err(xa_store(&array, index, xa_mk_value(1), GFP_KERNEL)));
		xa_erase(&array, index);
	}
	worker_wait(&reader);
	worker_stop(&reader);
	EXPECT_EQ(misses, 0);
	xa_destroy(&array);
	rcu_barrier();
}
