/* SPDX-License-Identifier: MIT */
/*
 * Holding a thread at a named point, for tests.
 *
 *	FREE -> ARMED		sched_hold
 *	ARMED -> HELD		the first other thread that reaches the point
 *	HELD -> RELEASED	sched_release
 *	ARMED -> FREE		sched_release, if no thread came
 *	RELEASED -> FREE	the held thread, as its last step: only then is the hold used again
 */
#include <kernel/schedule_point.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/barrier.h>
#include <kernel/bug.h>
#include <kernel/preempt.h>
#include <lib/atomic.h>
#include <lib/string.h>

#define MAX_HOLDS 8

enum hold_state { FREE, SETTING_UP, ARMED, HELD, RELEASED };

static struct hold {
	unsigned int state;
	const char *name;
	struct task *owner; /* the thread that asked for it */
} holds[MAX_HOLDS];

unsigned int sched_points_armed; /* holds in any state but FREE, and the visitor */
static void (*visitor)(void) __ro_after_init;

static bool advance(struct hold *hold, enum hold_state from, enum hold_state to)
{
	return cmpxchg(&hold->state, (unsigned int)from, (unsigned int)to) == (unsigned int)from;
}

static void hold_free(struct hold *hold)
{
	__atomic_fetch_sub(&sched_points_armed, 1, __ATOMIC_SEQ_CST);
	smp_store_release(&hold->state, FREE);
}

/* Several holds may have one name; then each holds one thread. */
void schedule_point_slow(const char *name)
{
	if (visitor)
		visitor();
	for (struct hold *hold = holds; hold < holds + MAX_HOLDS; hold++) {
		if (smp_load_acquire(&hold->state) != ARMED || hold->owner == current ||
		    strcmp(hold->name, name) != 0 || !advance(hold, ARMED, HELD))
			continue;
		while (smp_load_acquire(&hold->state) == HELD)
			cpu_relax();
		hold_free(hold);
		return;
	}
}

void schedule_point_set_visitor(void (*visit)(void))
{
	visitor = visit;
	__atomic_fetch_add(&sched_points_armed, 1, __ATOMIC_SEQ_CST);
}

unsigned int sched_holds(void)
{
	return READ_ONCE(sched_points_armed) - (visitor != NULL);
}

void sched_hold(const char *name)
{
	for (struct hold *hold = holds; hold < holds + MAX_HOLDS; hold++) {
		if (!advance(hold, FREE, SETTING_UP))
			continue;
		hold->name = name;
		hold->owner = current;
		__atomic_fetch_add(&sched_points_armed, 1, __ATOMIC_SEQ_CST);
		smp_store_release(&hold->state, ARMED);
		return;
	}
	panic("sched_hold(%s): %u points are held already", name, MAX_HOLDS);
}

static bool is_held(const char *name)
{
	for (struct hold *hold = holds; hold < holds + MAX_HOLDS; hold++)
		if (smp_load_acquire(&hold->state) == HELD && strcmp(hold->name, name) == 0)
			return true;
	return false;
}

bool sched_wait_held(const char *name, unsigned int timeout_ms)
{
	u64 start = arch_uptime_ms();

	while (!is_held(name)) {
		if (arch_uptime_ms() - start > timeout_ms)
			return is_held(name);
		cpu_relax();
	}
	return true;
}

void sched_release(const char *name)
{
	for (struct hold *hold = holds; hold < holds + MAX_HOLDS; hold++) {
		unsigned int state = smp_load_acquire(&hold->state);

		if ((state != ARMED && state != HELD) || strcmp(hold->name, name) != 0)
			continue;
		if (advance(hold, ARMED, SETTING_UP))
			hold_free(hold);
		else
			advance(hold, HELD, RELEASED);
	}
}
