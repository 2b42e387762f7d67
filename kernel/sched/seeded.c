/* SPDX-License-Identifier: MIT */
/*
 * sched=seeded: the order of threads, their CPUs and their preemption are random, from seed=. So a run meets orders
 * that the usual rules never make, and the same seed gives nearly the same orders again.
 */
#include "internal.h"

#include <arch/irq.h>
#include <kernel/cmdline.h>
#include <kernel/ktest.h>
#include <kernel/schedule_point.h>
#include <lib/atomic.h>
#include <lib/random.h>
#include <lib/string.h>

CMDLINE_OPTION(sched, "sched=seeded", "draw the order of threads, their CPUs and preemption from seed=N");

#define DEFAULT_SEED 0x5eed0001 /* as for the tests */

bool sched_seeded;
static struct rnd_state start;
static atomic_long_t draws;

/* The n-th random number is a function of n and the seed, so the CPUs share only a counter. */
unsigned int seeded_below(unsigned int n)
{
	struct rnd_state state = start;

	state.counter += (u64)atomic_long_inc_return(&draws) << 32;
	return random_below(&state, n);
}

/* At a schedule point the thread is preempted one time in four, as soon as it may be. */
static void visit_point(void)
{
	if (in_interrupt() || seeded_below(4))
		return;
	this_cpu_write(need_resched, true);
	preempt_check_resched();
}

void seeded_init(void)
{
	const char *mode = cmdline_value("sched");

	random_seed(&start, cmdline_number("seed", DEFAULT_SEED));
	sched_seeded = mode && strcmp(mode, "seeded") == 0;
	if (!sched_seeded)
		return;
	schedule_point_set_visitor(visit_point);
	ktest_add_replay("sched=seeded");
}
