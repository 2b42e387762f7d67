/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory with as much alive as Linux's pcpu_alloc_test has: 35,000 objects of 1 to 1,024 bytes, alignments of 2 to
 * 2,048. On two CPUs: see README.md.
 */
#include "tests/bench/bench.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <lib/math.h>
#include <mm/percpu_alloc.h>

#define OBJECTS 35000u

static void *objects[OBJECTS];

static void *random_object(void)
{
	size_t size = 1 + bench_random(1024), align = 2ul << bench_random(11);

	return __alloc_percpu(size, align);
}

BENCH_OP(percpu_replace)
{
	void **o = &objects[bench_random(OBJECTS)];

	free_percpu(*o);
	*o = random_object();
	if (unlikely(!*o))
		bench_fail();
}

BENCH_OP(percpu_small)
{
	free_percpu(alloc_percpu(u64));
}

static bool fill(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (!(objects[i] = random_object()))
			return false;
	return true;
}

static void empty(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	for (unsigned int i = 0; i < OBJECTS; i++) {
		free_percpu(objects[i]);
		objects[i] = NULL;
	}
}

static const struct bench rows[] = {
	{ "percpu_small_35000", percpu_small, .setup = fill, .teardown = empty },
	{ "percpu_replace_35000", percpu_replace, .n = OBJECTS, .setup = fill, .teardown = empty },
};
BENCH_ROWS(percpu, rows)

/* --- one call at a time: the longest one bounds what is done with interrupts off -------------------------------------------- */

struct calls {
	u64 sum, longest;
	unsigned int nr;
};

static void count(struct calls *c, u64 ticks)
{
	c->sum += ticks;
	c->longest = max(c->longest, ticks);
	c->nr++;
}

static void note(const char *what, const struct calls *c)
{
	ktest_note("%s: %u calls, %llu instructions on average, %llu at most", what, c->nr, div_u64(c->sum, max(c->nr, 1u)),
		   c->longest);
}

/* A timer's interrupt that falls into a call is not the call's. */
static u64 timed_alloc(void **o, bool *populated)
{
	unsigned long pages = percpu_alloc_stats().pages;
	u64 ticks = arch_cycles();

	*o = random_object();
	ticks = arch_cycles() - ticks;
	*populated = percpu_alloc_stats().pages != pages;
	return ticks;
}

static u64 timed_free(void *o)
{
	unsigned long flags;
	u64 ticks;

	local_irq_save(flags);
	ticks = arch_cycles();
	free_percpu(o);
	ticks = arch_cycles() - ticks;
	local_irq_restore(flags);
	return ticks;
}

static void fill_one_by_one(void)
{
	struct calls all = { 0 }, there = { 0 };

	for (unsigned int i = 0; i < OBJECTS; i++) {
		bool populated;
		u64 ticks = timed_alloc(&objects[i], &populated);

		count(&all, ticks);
		if (!populated)
			count(&there, ticks);
	}
	note("alloc while 35,000 come, chunks, pages and zeroing included", &all);
	note("of these, where the pages were there", &there);
}

static void replace_one_by_one(void)
{
	struct calls frees = { 0 }, allocs = { 0 };

	for (unsigned int i = 0; i < OBJECTS; i++) {
		void **o = &objects[bench_random(OBJECTS)];
		bool populated;
		u64 ticks;

		count(&frees, timed_free(*o));
		ticks = timed_alloc(o, &populated);
		if (!populated)
			count(&allocs, ticks);
	}
	note("free with 35,000 alive", &frees);
	note("alloc with 35,000 alive where the pages were there, zeroing included", &allocs);
}

KTEST(bench, percpu_calls)
{
	struct percpu_alloc_stats stats;

	bench_random_state = 1;
	fill_one_by_one();
	stats = percpu_alloc_stats();
	replace_one_by_one();
	ktest_note("%lu bytes of %lu pages in %lu chunks, a CPU", stats.bytes, stats.pages, stats.chunks);
	EXPECT_EQ(percpu_alloc_check(), 0);
	empty(0, 0);
}
