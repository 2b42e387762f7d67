/* SPDX-License-Identifier: MIT */
/*
 * Named places in the code at which a test can hold a CPU until it lets go: the interleavings of the bug museum.
 *
 *	product code:	schedule_point("pgtable:installed");
 *	test:		sched_hold("pgtable:installed");
 *			... start the thread that will run into it ...
 *			ASSERT(sched_wait_held("pgtable:installed", 1000));
 *			... do what must happen meanwhile ...
 *			sched_release("pgtable:installed");
 *
 * One CPU is held at a point at a time; others pass. Interrupts stay as they are while held (on, at every present point),
 * so the CPU goes on to answer IPIs. Costs one load when nothing is held; nothing at all without CONFIG_SCHED_POINTS.
 */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

extern unsigned int sched_points_armed;
void schedule_point_slow(const char *name);

static inline void schedule_point(const char *name)
{
	if (CONFIG_SCHED_POINTS && unlikely(READ_ONCE(sched_points_armed)))
		schedule_point_slow(name);
}

/* Thread context. The hold is for the next CPU that comes by, the caller's own excepted. */
void sched_hold(const char *name);
bool sched_wait_held(const char *name, unsigned int timeout_ms);
void sched_release(const char *name);
