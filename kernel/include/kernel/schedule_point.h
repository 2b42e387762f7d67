/* SPDX-License-Identifier: MIT */
/*
 * Named points in the code at which a test can hold a thread, to make one interleaving happen.
 *
 *	product code:	schedule_point("pgtable:installed");
 *	test:		sched_hold("pgtable:installed");
 *			... start the thread that will run into it ...
 *			ASSERT(sched_wait_held("pgtable:installed", 1000));
 *			... do what must happen meanwhile ...
 *			sched_release("pgtable:installed");
 *
 * A hold catches one thread; others pass. The thread spins, with interrupts and preemption as they were. So its CPU
 * answers IPIs, and runs other threads if the thread is preemptible there. Costs one load when nothing is held; nothing
 * at all without CONFIG_SCHED_POINTS.
 */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

extern unsigned int sched_points_armed;
void schedule_point_slow(const char *name);
/* Call `visit` at every point, before holds are looked for: for the seeded scheduler. Boot. */
void schedule_point_set_visitor(void (*visit)(void));

static inline void schedule_point(const char *name)
{
	if (CONFIG_SCHED_POINTS && unlikely(READ_ONCE(sched_points_armed)))
		schedule_point_slow(name);
}

/* Thread context. The hold catches the next thread that reaches the point, except the caller. */
void sched_hold(const char *name);
bool sched_wait_held(const char *name, unsigned int timeout_ms);
void sched_release(const char *name);
/* Number of holds in use. */
unsigned int sched_holds(void);
