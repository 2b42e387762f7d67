/* SPDX-License-Identifier: MIT */
/*
 * Watchdogs over CPUs (kernel/watchdog.h).
 *
 * Time is added up from tick to tick, and no tick counts for more than TICK_MOST_MS. So if the whole machine was
 * stopped, as a virtual one may be, its CPUs do not look hung.
 */
#include <kernel/watchdog.h>
#include <arch/irq.h>
#include <kernel/backtrace.h>
#include <kernel/bug.h>
#include <kernel/cmdline.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <lib/atomic.h>

CMDLINE_OPTION(watchdog, "watchdog=SECONDS", "report a CPU that hangs for so long (20; 0: never)");

#define TICK_MOST_MS	    50
#define POLLS_BETWEEN_LOOKS (1u << 11)

/* Each CPU has one; only the CPU itself writes it. */
struct watch {
	u64 last_tick;
	unsigned long ticks;
	unsigned int locked_ms;	     /* time for which every tick has found preemption off */
	unsigned int neighbour;	     /* the CPU that this one looks at */
	unsigned long seen_ticks;    /* the neighbour's number of ticks, as this CPU saw it last */
	unsigned int silent_ms;	     /* time for which that number has not changed */
	bool soft_reported, silent_reported;
};
static DEFINE_PER_CPU(struct watch, watch);

static unsigned int limit_ms = WATCHDOG_LIMIT_MS;
static bool limit_known;
static DEFINE_PER_CPU(atomic_t, reports[NR_WATCHDOGS]); /* reports about this CPU */

void watchdog_set_limit(unsigned int ms)
{
	limit_known = true;
	WRITE_ONCE(limit_ms, ms);
}

unsigned int watchdog_limit(void)
{
	if (!limit_known)
		watchdog_set_limit((unsigned int)cmdline_count("watchdog", WATCHDOG_LIMIT_MS / 1000, ~0u / 1000) *
				   1000);
	return READ_ONCE(limit_ms);
}

unsigned int watchdog_reports(enum watchdog kind, unsigned int cpu)
{
	return (unsigned int)atomic_read(&per_cpu(reports, cpu)[kind]);
}

/* Called after the report is printed: a test that waits for the count goes on then. */
static void remember(enum watchdog kind, unsigned int cpu)
{
	atomic_inc(&per_cpu(reports, cpu)[kind]);
}

static bool expired(unsigned int ms)
{
	unsigned int limit = watchdog_limit();

	return limit && ms >= limit && !panic_in_progress();
}

/* --- the tick ----------------------------------------------------------------------------------------------------- */

static unsigned int time_since_last(struct watch *w)
{
	u64 now = arch_uptime_ms(), passed = now - w->last_tick;

	w->last_tick = now;
	return (unsigned int)min(passed, (u64)TICK_MOST_MS);
}

/*
 * Preemption may be on between ticks though every tick finds it off. So at half of the limit the watchdog asks for a
 * switch. It happens when preemption is next enabled, and watchdog_switch() then resets the time.
 */
static void watch_own_cpu(struct watch *w, unsigned int ms, struct trap_frame *frame)
{
	if (this_cpu_read(preempt_count) == 0) {
		w->locked_ms = 0;
		w->soft_reported = false;
		return;
	}
	w->locked_ms += ms;
	if (expired(2 * w->locked_ms))
		this_cpu_write(need_resched, true);
	if (w->soft_reported || !expired(w->locked_ms))
		return;
	w->soft_reported = true;
	WARN_ONCE(true, "soft lockup: CPU %u has had preemption off for %u ms", smp_processor_id(), w->locked_ms);
	backtrace_print(trap_frame_pc(frame), trap_frame_stack(frame));
	remember(WATCHDOG_SOFT_LOCKUP, smp_processor_id());
}

static unsigned int next_online(unsigned int cpu)
{
	unsigned int next = cpumask_next((int)cpu, cpu_online_mask);

	return next < MAX_CPUS ? next : cpumask_next(-1, cpu_online_mask);
}

static void watch_neighbour(struct watch *w, unsigned int ms)
{
	unsigned int neighbour = next_online(smp_processor_id());
	unsigned long ticks = READ_ONCE(per_cpu(watch, neighbour).ticks);

	if (neighbour != w->neighbour || ticks != w->seen_ticks) {
		w->neighbour = neighbour;
		w->seen_ticks = ticks;
		w->silent_ms = 0;
		w->silent_reported = false;
		return;
	}
	w->silent_ms += ms;
	if (w->silent_reported || !expired(w->silent_ms))
		return;
	w->silent_reported = true;
	WARN_ONCE(true, "CPU %u has taken no tick for %u ms", neighbour, w->silent_ms);
	arch_backtrace_cpu(neighbour);
	remember(WATCHDOG_NO_TICK, neighbour);
}

void watchdog_tick(struct trap_frame *frame)
{
	struct watch *w = this_cpu_ptr(&watch);
	unsigned int ms = time_since_last(w);

	WRITE_ONCE(w->ticks, w->ticks + 1);
	watch_own_cpu(w, ms, frame);
	if (num_online_cpus() > 1)
		watch_neighbour(w, ms);
}

/* Interrupts off. */
void watchdog_switch(void)
{
	this_cpu_ptr(&watch)->locked_ms = 0;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

void watchdog_waiting(struct answer_wait *wait, unsigned int cpu, const char *what)
{
	u64 now;

	if (++wait->polls % POLLS_BETWEEN_LOOKS || wait->reported)
		return;
	now = arch_uptime_ms();
	if (!wait->since)
		wait->since = now;
	if (!expired((unsigned int)(now - wait->since)))
		return;
	wait->reported = true;
	WARN_ONCE(true, "stuck IPI: CPU %u has not answered a %s for %llu ms", cpu, what, now - wait->since);
	arch_backtrace_cpu(cpu);
	remember(WATCHDOG_STUCK_IPI, cpu);
}
