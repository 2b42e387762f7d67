/* SPDX-License-Identifier: MIT */
/*
 * kernel/core/xarray*.c and xas.c against the model: millions of random steps, places of several distributions,
 * ordinary and allocating arrays, with allocations that fail. (Chosen cases: unit_xarray_api.c, unit_xarray_multi.c;
 * readers beside a writer: race_xarray.c; bytes instead of numbers: fuzz_xarray.c.)
 */
#include "tests/host/xarray_model.h"

#define STEPS 36000

static unsigned int model_pick(unsigned int n) { return n ? (unsigned int)host_random_below(n) : 0; }

/* --- distributions of places -------------------------------------------------------------------------------------- */

/* Crowded around the borders of nodes of every height. */
static void borders(void)
{
	static const unsigned long places[] = {
		0, 1, 2, 62, 63, 64, 65, 127, 128, 4094, 4095, 4096, 4097, 8191, 8192, 262143, 262144, 262145,
		(1ul << 24) - 1, 1ul << 24, (1ul << 30) + 5, (1ul << 36) - 1, 1ul << 36, 1ul << 47, (1ul << 60) - 1,
		1ul << 60, (1ul << 60) + 1, 1ul << 63, ~0ul - 64, ~0ul - 63, ~0ul - 1, ~0ul,
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		model_add_place(places[i]);
}

static void dense(void)
{
	for (unsigned long i = 0; i < MODEL_PLACES; i++)
		model_add_place(i);
}

/* One in each leaf, one in each node above. */
static void strides(void)
{
	for (unsigned long i = 0; i < 100; i++) {
		model_add_place(i * XA_CHUNK_SIZE + i % 3);
		model_add_place(i * XA_CHUNK_SIZE * XA_CHUNK_SIZE + 17);
	}
}

/* Some neighbours here and there. */
static void clusters(void)
{
	for (int i = 0; i < 16; i++) {
		unsigned long start = (unsigned long)host_random() >> host_random_below(64);

		for (unsigned long k = 0; k < 12 && start + k >= start; k++)
			model_add_place(start + k);
	}
}

static void anywhere(void)
{
	for (int i = 0; i < 200; i++)
		model_add_place((unsigned long)host_random() >> host_random_below(64));
}

/* The end of the 32 bits that xa_alloc() gives out. */
static void last_ids(void)
{
	for (unsigned long i = 0; i < 80; i++)
		model_add_place((1ul << 32) - 40 + i);
	for (unsigned long i = 0; i < 80; i++)
		model_add_place(i);
}

static void (*const distributions[])(void) = { borders, dense, strides, clusters, anywhere, last_ids };

/* --- plays -------------------------------------------------------------------------------------------------------- */

static void play(gfp_t flags, unsigned int fail_every, bool fail_nowait, int steps)
{
	for (size_t d = 0; d < ARRAY_SIZE(distributions); d++) {
		distributions[d]();
		model_begin(flags);
		model_fail_every = fail_every;
		model_fail_nowait = fail_nowait;
		for (int step = 0; step < steps; step++) {
			model_step();
			if (step % 256 == 0)
				model_compare();
		}
		model_compare();
		model_end();
	}
}

static void ordinary(void **state) { (void)state; play(0, 0, false, 2 * STEPS); }
static void ordinary_irq(void **state) { (void)state; play(XA_FLAGS_LOCK_IRQ, 0, true, STEPS / 4); }
static void allocating(void **state) { (void)state; play(XA_FLAGS_ALLOC, 0, false, 2 * STEPS); }
static void allocating_from_1(void **state) { (void)state; play(XA_FLAGS_ALLOC1, 0, false, 2 * STEPS); }

/* Only after the lock was dropped there is memory. */
static void none_under_the_lock(void **state)
{
	(void)state;
	play(0, 0, true, STEPS);
	play(XA_FLAGS_ALLOC, 0, true, STEPS);
}

static void every_nth_fails(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 12; n++) {
		play(0, n, false, STEPS / 12);
		play(XA_FLAGS_ALLOC, n, false, STEPS / 12);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary),	     cmocka_unit_test(ordinary_irq),
		cmocka_unit_test(allocating),	     cmocka_unit_test(allocating_from_1),
		cmocka_unit_test(none_under_the_lock), cmocka_unit_test(every_nth_fails),
	};

	host_machine(0x1000, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
