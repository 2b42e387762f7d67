/* SPDX-License-Identifier: MIT */
/*
 * Preemption: may the running thread be taken off its CPU right now?
 *
 * A count a CPU, in fact the running thread's: 0 means yes. Spinlocks raise it, so does everything that uses per-CPU data
 * in more than one instruction. A thread is only ever switched out with the count at 0 (schedule() asserts it), so the
 * count need not be saved with the thread. Interrupt handlers run with interrupts off and do not count: on the way out
 * of one, a thread that is to be preempted and may be, is.
 */
#pragma once

#include <arch/irq.h>
#include <kernel/config.h>
#include <kernel/percpu.h>
#include <lib/compiler.h>

struct task;

/* The running thread, in one instruction: right in preemptible code too. NULL before the CPU has a scheduler. */
DECLARE_PER_CPU(struct task *, current_task);
#define current this_cpu_read(current_task)

DECLARE_PER_CPU(unsigned int, preempt_count);
DECLARE_PER_CPU(bool, need_resched); /* somebody better waits for this CPU; set by the scheduler */

/* Counts; never sleeps. Any context. */
static __always_inline void preempt_disable(void)
{
	this_cpu_add(preempt_count, 1);
	barrier();
}

/* Lets go without looking whether a switch is due: for the scheduler itself and for code about to look. */
static __always_inline void preempt_enable_no_resched(void)
{
	barrier();
	this_cpu_add(preempt_count, -1);
}

/* A switch is due: make it, if this is preemptible code. Any context but NMI. */
void preempt_schedule(void);

static __always_inline void preempt_check_resched(void)
{
	if (unlikely(this_cpu_test(need_resched)))
		preempt_schedule();
}

/*
 * Lets go; switches at once if that is due and allowed. Any context. The flag may be another CPU's than the count was,
 * if an interrupt has moved the thread in between: then that interrupt has made the switch that was due.
 */
static __always_inline void preempt_enable(void)
{
	barrier();
	if (this_cpu_dec_and_test(preempt_count))
		preempt_check_resched();
}

/* The same as the last act of a function that returns a word, so that the quick way has nothing to keep across a call. */
unsigned long preempt_schedule_then(unsigned long result);

static __always_inline unsigned long preempt_enable_then(unsigned long result)
{
	barrier();
	if (this_cpu_dec_and_test(preempt_count) && unlikely(this_cpu_test(need_resched)))
		return preempt_schedule_then(result);
	return result;
}

/*
 * May this code be preempted, and so may it sleep? Count 0, interrupts on, not in a handler. Each question is one
 * instruction; only if the answers are "no" could the thread move between them, and then they hold.
 */
static __always_inline bool preemptible(void)
{
	return this_cpu_read(preempt_count) == 0 && !in_interrupt() && !irqs_disabled();
}

/*
 * On the way out of an interrupt that struck where interrupts were on, trap depth 0 again, interrupts still off: switch if
 * that is due and allowed. Returns on the same stack, perhaps on another CPU, interrupts off.
 */
void preempt_from_interrupt(void);

/* What makes the switch; handed in by kernel/sched. Until then nothing is preempted and might_sleep() says nothing. */
void preempt_set_schedule(void (*schedule)(void));

/*
 * Assert that the caller may sleep: panics with the reason (count, interrupts, handler, a lock that is held) in debug
 * builds. Stands at the head of every function that may sleep, so that a wrong call is found without having to sleep.
 */
#define might_sleep() do { if (CONFIG_DEBUG_LOCKS) might_sleep_at(__FILE__, __LINE__); } while (0)
void might_sleep_at(const char *file, int line);

/* Let another thread run, if one is due. Thread context, may sleep. 1: it did, 0: none was. */
static inline int cond_resched(void)
{
	might_sleep();
	if (likely(!this_cpu_test(need_resched)))
		return 0;
	preempt_schedule();
	return 1;
}

/* Less: that it is no handler, which would wait for a spinlock of threads that its own CPU may hold. */
#define assert_thread() do { if (CONFIG_DEBUG_LOCKS) assert_thread_at(__FILE__, __LINE__); } while (0)
void assert_thread_at(const char *file, int line);

/*
 * For tests: an assertion that fails calls `caught` before it panics, and need not come back from that, since it stands at
 * the head of its function. NULL: nobody.
 */
void preempt_set_catcher(void (*caught)(void));
