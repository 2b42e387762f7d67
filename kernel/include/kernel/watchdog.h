/* SPDX-License-Identifier: MIT */
/*
 * Watchdogs over CPUs. Each report names the CPU, counts as an unexpected warning, and shows where the CPU is.
 *
 *	soft lockup	preemption was off on a CPU without a break for the whole limit
 *	no tick		a CPU takes no ticks: interrupts are off there; the previous online CPU checks it
 *	stuck IPI	a CPU has not answered an interrupt for which another CPU waits
 */
#pragma once

#include <lib/compiler.h>

struct trap_frame;

#define WATCHDOG_LIMIT_MS 20000 /* watchdog=SECONDS changes it, 0 switches all three off */

enum watchdog { WATCHDOG_SOFT_LOCKUP, WATCHDOG_NO_TICK, WATCHDOG_STUCK_IPI, NR_WATCHDOGS };

/* For tests: set and read the limit; how often a watchdog has reported a CPU. */
void watchdog_set_limit(unsigned int ms);
unsigned int watchdog_limit(void);
unsigned int watchdog_reports(enum watchdog kind, unsigned int cpu);

/* Called at each tick of a CPU; frame: the code that it interrupted. */
void watchdog_tick(struct trap_frame *frame);
/* Called whenever a CPU looks for another thread to run, whether it finds one or not. */
void watchdog_switch(void);

/*
 * State of a wait for another CPU's answer, with interrupts on or off. Zero it, and call watchdog_waiting() in the
 * loop.
 */
struct answer_wait {
	unsigned int polls;
	u64 since; /* arch_uptime_ms() of the first look at the clock */
	bool reported;
};
void watchdog_waiting(struct answer_wait *wait, unsigned int cpu, const char *what);
