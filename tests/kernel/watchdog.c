/* SPDX-License-Identifier: MIT */
/* Watchdogs, with a short limit and on purpose: each reports a hang once, and names the CPU. */
#include "worker.h"

#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/preempt.h>
#include <kernel/smp.h>
#include <kernel/watchdog.h>

#define LIMIT_MS    100
#define REPORT_WITHIN_MS 30000

static unsigned int usual_limit;
static unsigned int watched_cpu, before[NR_WATCHDOGS];

/* Only reports about this CPU count: with such a limit an emulated one may be late without a fault of ours. */
static void arm(unsigned int cpu)
{
	usual_limit = watchdog_limit();
	watched_cpu = cpu;
	for (unsigned int kind = 0; kind < NR_WATCHDOGS; kind++)
		before[kind] = watchdog_reports(kind, cpu);
	warn_expected(true);
	watchdog_set_limit(LIMIT_MS);
}

static void disarm(void)
{
	watchdog_set_limit(usual_limit);
	warn_expected(false);
}

static unsigned int new_reports(enum watchdog kind)
{
	return watchdog_reports(kind, watched_cpu) - before[kind];
}

static void hang_until_reported(enum watchdog kind)
{
	u64 start = arch_uptime_ms();

	while (!new_reports(kind) && arch_uptime_ms() - start < REPORT_WITHIN_MS)
		cpu_relax();
}

/* The CPU stands still until its next interrupt, mostly a tick. To a watchdog that is as good as a loop, and it costs
 * the host nothing. */
static void stand_still(void)
{
	arch_local_irq_save();
	arch_cpu_idle();
}

static void stand_still_for(u64 ms)
{
	u64 start = arch_uptime_ms();

	while (arch_uptime_ms() - start < ms)
		stand_still();
}

KTEST(watchdog, soft_lockup)
{
	u64 start = arch_uptime_ms();

	arm(smp_processor_id());
	preempt_disable();
	while (!new_reports(WATCHDOG_SOFT_LOCKUP) && arch_uptime_ms() - start < REPORT_WITHIN_MS)
		stand_still();
	stand_still_for(2 * LIMIT_MS); /* the same hang is not reported again */
	preempt_enable();
	disarm();
	EXPECT_EQ(new_reports(WATCHDOG_SOFT_LOCKUP), 1);
}

/* A thread that does nothing but work is no lockup while it may be preempted now and then, be it between two locks. */
KTEST(watchdog, busy_is_not_locked_up)
{
	static DEFINE_SPINLOCK(lock);
	u64 start = arch_uptime_ms();
	bool flags;

	arm(smp_processor_id());
	while (arch_uptime_ms() - start < 3 * LIMIT_MS) {
		spin_lock_irqsave(&lock, flags);
		arch_udelay(300);
		spin_unlock_irqrestore(&lock, flags);
	}
	disarm();
	EXPECT_EQ(new_reports(WATCHDOG_SOFT_LOCKUP), 0);
}

/*
 * Every tick finds preemption off, and it is enabled for a moment between any two. The limit is so long that the time
 * between two ticks cannot be half of it, however busy the host.
 */
KTEST(watchdog, preemption_enabled_between_ticks)
{
	u64 start = arch_uptime_ms();

	arm(smp_processor_id());
	watchdog_set_limit(5 * LIMIT_MS);
	while (arch_uptime_ms() - start < 7 * LIMIT_MS) {
		preempt_disable();
		stand_still();
		preempt_enable();
	}
	disarm();
	EXPECT_EQ(new_reports(WATCHDOG_SOFT_LOCKUP), 0);
}

static void hang_with_interrupts_off(void *kind)
{
	bool flags = arch_local_irq_save();

	hang_until_reported(*(enum watchdog *)kind);
	local_irq_restore(flags);
}

KTEST(watchdog, cpu_without_ticks)
{
	enum watchdog kind = WATCHDOG_NO_TICK;
	struct worker w;

	if (!have_two_cpus())
		KTEST_SKIP("needs a second CPU that looks");
	ASSERT(worker_start(&w, another_cpu(), false));
	arm(w.cpu);
	worker_call(&w, hang_with_interrupts_off, &kind);
	disarm();
	EXPECT_EQ(new_reports(WATCHDOG_NO_TICK), 1);
	worker_stop(&w);
}

static void nothing(void *arg)
{
	(void)arg;
}

KTEST(watchdog, stuck_ipi)
{
	enum watchdog kind = WATCHDOG_STUCK_IPI;
	struct worker w;

	if (!have_two_cpus())
		KTEST_SKIP("needs a second CPU that does not answer");
	ASSERT(worker_start(&w, another_cpu(), false));
	arm(w.cpu);
	worker_post(&w, hang_with_interrupts_off, &kind);
	msleep(20);
	smp_call_function_single(w.cpu, nothing, NULL, true);
	worker_wait(&w);
	disarm();
	EXPECT_EQ(new_reports(WATCHDOG_STUCK_IPI), 1);
	worker_stop(&w);
}
