/* SPDX-License-Identifier: MIT */
/*
 * Named places in the code at which a test can hold a thread until it lets go: the interleavings of the bug museum.
 *
 *	product code:	schedule_point("pgtable:installed");
 *	test:		sched_hold("pgtable:installed");
 *			... start the thread that will run into it ...
 *			ASSERT(sched_wait_held("pgtable:installed", 1000));
 *			... do what must happen meanwhile ...
 *			sched_release("pgtable:installed");
 *
 * One thread is held at a point at a time; others pass. It is held spinning, interrupts and preemption as they were: so its
 * CPU answers IPIs, and runs other threads if the point is where one may be preempted. Costs one load when nothing is held; nothing at all without CONFIG_SCHED_POINTS.
 */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

extern unsigned int sched_points_armed;
void schedule_point_slow(const char *name);
/* From now on `visit` is called at every point, before a hold is looked for: how a seeded scheduler gets a say. Boot. */
void schedule_point_set_visitor(void (*visit)(void));

static inline void schedule_point(const char *name)
{
	if (CONFIG_SCHED_POINTS && unlikely(READ_ONCE(sched_points_armed)))
		schedule_point_slow(name);
}

/* Thread context. The hold is for the next thread that comes by, the caller excepted. */
void sched_hold(const char *name);
bool sched_wait_held(const char *name, unsigned int timeout_ms);
void sched_release(const char *name);
/* Holds that nobody has released. */
unsigned int sched_holds(void);
