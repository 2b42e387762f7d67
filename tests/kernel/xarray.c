/* SPDX-License-Identifier: MIT */
/*
 * The XArray in the machine it is for: its nodes have the width of this kernel's words (tests/host knows only 64), its
 * memory is kmalloc's, its readers are on other CPUs. What it promises in detail is tested in tests/host.
 */
#include "worker.h"

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
