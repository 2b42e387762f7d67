/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory with as much alive as Linux's pcpu_alloc_test has: 35,000 objects of 1 to 1,024 bytes, alignments of 2
 * to 2,048. On two CPUs (`make bench-off`) each object has two instances.
 */
#include "tests/bench/bench.h"

#include <arch/cpu.h>
#include <lib/math.h>
#include <mm/percpu_alloc.h>
#include <mm/vmalloc.h>

#define OBJECTS 35000u

static void **objects;

static void *random_object(gfp_t gfp)
{
	size_t size = 1 + bench_random(1024), align = 2ul << bench_random(11);

	return __alloc_percpu_gfp(size, align, gfp);
}

/* Linux's loop, from nothing: chunks, pages and zeroes come on the way. */
BENCH_OP(percpu_fill)
{
	objects[i] = random_object(GFP_KERNEL);
	if (unlikely(!objects[i]))
		bench_fail();
}

BENCH_OP(percpu_free)
{
	free_percpu(objects[i]);
	objects[i] = NULL;
}

BENCH_OP(percpu_replace)
{
	void **o = &objects[bench_random(OBJECTS)];

	free_percpu(*o);
	*o = random_object(GFP_KERNEL);
	if (unlikely(!*o))
		bench_fail();
}

/* Only where pages are there, by a longer search; if that finds nothing, the ordinary way. */
BENCH_OP(percpu_replace_atomic)
{
	void **o = &objects[bench_random(OBJECTS)];

	free_percpu(*o);
	*o = random_object(GFP_ATOMIC);
	if (!*o && !(*o = random_object(GFP_KERNEL)))
		bench_fail();
}

BENCH_OP(percpu_small)
{
	free_percpu(alloc_percpu(u64));
}

static bool room(unsigned long arg __maybe_unused, unsigned long n)
{
	objects = vzalloc(OBJECTS * sizeof(*objects));
	return objects && n <= OBJECTS;
}

static bool fill(unsigned long arg, unsigned long n)
{
	if (!room(arg, n))
		return false;
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (!(objects[i] = random_object(GFP_KERNEL)))
			return false;
	return true;
}

static void empty(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	for (unsigned int i = 0; objects && i < OBJECTS; i++)
		free_percpu(objects[i]);
	vfree(objects);
	percpu_alloc_drain(); /* the reserve of the atomic ones */
}

static const struct bench rows[] = {
	{ "percpu_fill_35000", percpu_fill, .n = OBJECTS, .setup = room, .teardown = empty, .cold = true },
	{ "percpu_free_35000", percpu_free, .n = OBJECTS, .setup = fill, .teardown = empty, .cold = true },
	{ "percpu_small_35000", percpu_small, .setup = fill, .teardown = empty },
	{ "percpu_replace_35000", percpu_replace, .n = OBJECTS, .setup = fill, .teardown = empty },
	{ "percpu_replace_atomic_35000", percpu_replace_atomic, .n = OBJECTS, .setup = fill, .teardown = empty },
};
BENCH_ROWS(percpu, rows)
