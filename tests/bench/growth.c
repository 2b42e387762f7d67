/* SPDX-License-Identifier: MIT */
/* Running the curves. tests/bench/run reads the lines that begin with "growth". */
#include "tests/bench/growth.h"

#include <arch/cpu.h>
#include <kernel/cmdline.h>
#include <kernel/rcupdate.h>
#include <kernel/task.h>
#include <lib/glob.h>
#include <lib/math.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

CMDLINE_OPTION(growth_most, "growth_most=N", "largest size of the curves of the benchmark");

void **growth_live;
struct page *growth_page;
static unsigned long room;

/* What the calls of one size have cost. quiet: no timer tick and no switch to another thread struck. */
struct cost {
	u64 sum, worst, worst_quiet;
	unsigned long disturbed;
};

static unsigned long disturbances(void) { return current->ticks + current->switches; }

static u64 one_call(void (*run)(unsigned long size, unsigned long i), unsigned long size, unsigned long i)
{
	u64 ticks;

	bench_begin();
	ticks = arch_cycles();
	run(size, i);
	ticks = arch_cycles() - ticks;
	bench_end();
	return ticks;
}

static void nothing(unsigned long size __maybe_unused, unsigned long i __maybe_unused) { }

static u64 empty_call(void)
{
	u64 least = ~0ull;

	for (unsigned long i = 0; i < 8; i++)
		least = min(least, one_call(nothing, 0, i));
	return least;
}

static void add_call(struct cost *cost, u64 ticks, bool quiet)
{
	cost->sum += ticks;
	cost->worst = max(cost->worst, ticks);
	cost->worst_quiet = quiet ? max(cost->worst_quiet, ticks) : cost->worst_quiet;
	cost->disturbed += !quiet;
}

static unsigned long calls_of(const struct growth *g, unsigned long size) { return g->calls ? g->calls : size; }

static struct cost measure(const struct growth *g, unsigned long size)
{
	struct cost cost = { 0 };
	u64 empty = empty_call();

	for (unsigned long i = 0; i < g->warm + calls_of(g, size); i++) {
		unsigned long seen;
		u64 ticks;

		if (g->before)
			g->before(size, i);
		seen = disturbances();
		ticks = one_call(g->run, size, i);
		if (i >= g->warm)
			add_call(&cost, ticks - min(ticks, empty), disturbances() == seen);
		if (g->after)
			g->after(size, i);
	}
	return cost;
}

static void run_size(const struct growth *g, unsigned long size)
{
	bench_random_state = 1;
	if (!g->setup || EXPECT(g->setup(size))) {
		struct cost c = measure(g, size);

		ktest_note("growth %s size=%lu ops=%lu ticks=%llu worst=%llu quiet=%llu disturbed=%lu", g->name, size,
			   calls_of(g, size), c.sum, c.worst, c.worst_quiet, c.disturbed);
		bench_report();
	}
	if (g->teardown)
		g->teardown(size);
	rcu_barrier();
	vmalloc_shrink(); /* what it left in caches is not the next one's */
	EXPECT_EQ(bench_failed(), 0);
}

bool growth_wanted(const char *name, unsigned long size)
{
	const char *globs = cmdline_value("row");

	return size <= cmdline_count("growth_most", ~0ul, ~0ul) && (!globs || !*globs || glob_list_match(globs, name));
}

void growth_note(const char *name, unsigned long size, unsigned long value)
{
	ktest_note("growth %s size=%lu value=%lu", name, size, value);
}

void growth_run(const struct growth *curves, unsigned int nr)
{
	for (const struct growth *g = curves; g < curves + nr; g++)
		for (unsigned int i = 0; i < GROWTH_SIZES && (!i || g->size[i]); i++)
			if (growth_wanted(g->name, g->size[i]) &&
			    (BITS_PER_LONG == 64 || !g->most32 || g->size[i] <= g->most32))
				run_size(g, g->size[i]);
}

/* --- many live areas ---------------------------------------------------------------------------------------------- */

bool growth_fill(unsigned long nr, unsigned long more)
{
	room = nr + more;
	growth_page = alloc_page(GFP_KERNEL);
	growth_live = vzalloc(room * sizeof(*growth_live));
	if (!growth_page || !growth_live)
		return false;
	for (unsigned long i = 0; i < nr; i++)
		if (!(growth_live[i] = vmap(&growth_page, 1, VM_MAP, PAGE_KERNEL)))
			return false;
	return true;
}

void growth_empty(void)
{
	for (unsigned long i = 0; growth_live && i < room; i++)
		vunmap(growth_live[i]);
	vfree(growth_live);
	if (growth_page)
		__free_page(growth_page);
	growth_live = NULL;
	growth_page = NULL;
}
