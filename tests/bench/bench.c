/* SPDX-License-Identifier: MIT */
/* Running the rows of the benchmark. tests/bench/run reads the lines that begin with "row". */
#include "tests/bench/bench.h"

#include <arch/cpu.h>
#include <arch/tlb.h>
#include <kernel/cmdline.h>
#include <kernel/rcupdate.h>
#include <lib/glob.h>
#include <lib/math.h>

CMDLINE_OPTION(row, "row=GLOB", "rows of the benchmark to run");
CMDLINE_OPTION(bench_n, "bench_n=N", "operations of each row of the benchmark");

u32 bench_random_state;
static unsigned long failures;

void bench_fail(void)
{
	failures++;
}

unsigned long bench_failed(void)
{
	unsigned long n = failures;

	failures = 0;
	return n;
}

void __noinline bench_begin(void) { barrier(); }
void __noinline bench_end(void) { barrier(); }
void __noinline bench_report(void) { barrier(); }

static bool wanted(const struct bench *b)
{
	const char *globs = cmdline_value("row");

	return (BITS_PER_LONG == 64 || !b->wide) && (!globs || !*globs || glob_list_match(globs, b->name));
}

/* Between the readings: n operations and two calls. */
static void measure(const struct bench *b, unsigned long n)
{
	struct tlb_counters before, after;
	u64 ticks;

	if (!b->cold)
		b->run(b->arg, n); /* a steady state is measured: caches filled, flushes coming round */
	before = tlb_counters();
	bench_begin();
	ticks = arch_cycles();
	b->run(b->arg, n);
	ticks = arch_cycles() - ticks;
	bench_end();
	after = tlb_counters();
	ktest_note("row %s ops=%lu ticks=%llu flushes=%lu ipis=%lu", b->name, n, ticks,
		   after.ranged + after.full - before.ranged - before.full, after.ipis - before.ipis);
	bench_report();
}

static void run_one(const struct bench *b)
{
	unsigned long n = (unsigned long)cmdline_count("bench_n", b->n ? b->n : BENCH_N, ~0ul);

	bench_random_state = 1;
	if (!b->setup || EXPECT(b->setup(b->arg, n)))
		measure(b, n);
	if (b->teardown)
		b->teardown(b->arg, n);
	rcu_barrier(); /* what it left behind is not the next row's */
	EXPECT_EQ(bench_failed(), 0);
}

void bench_run(const struct bench *rows, unsigned int nr)
{
	for (const struct bench *b = rows; b < rows + nr; b++)
		if (wanted(b) && !b->run)
			ktest_note("row %s missing", b->name);
		else if (wanted(b))
			run_one(b);
}
