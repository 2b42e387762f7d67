/* SPDX-License-Identifier: MIT */
/*
 * Preemption: may the running thread be taken off its CPU right now?
 *
 * Each CPU has a count; 0 means yes. Spinlocks raise it, and so does code that uses per-CPU data in more than one
 * instruction. A thread is switched out only with the count at 0 (schedule() asserts it), so the count need not be
 * saved with the thread. Interrupt handlers run with interrupts off and do not raise it. At the end of an interrupt the
 * thread is preempted if that is due and allowed.
 */
#pragma once

#include <arch/irq.h>
#include <kernel/config.h>
#include <kernel/percpu.h>
#include <lib/compiler.h>
#include <lib/gfp.h>

struct task;

/* The running thread, in one instruction: right in preemptible code too. NULL before the CPU has a scheduler. */
DECLARE_PER_CPU(struct task *, current_task);
#define current this_cpu_read(current_task)

DECLARE_PER_CPU(unsigned int, preempt_count);
DECLARE_PER_CPU(bool, need_resched); /* a switch is due on this CPU */

static inline bool preempt_is_off(void) { return this_cpu_read(preempt_count) != 0; }

/* Counts; never sleeps. Any context. */
static __always_inline void preempt_disable(void)
{
	this_cpu_add(preempt_count, 1);
	barrier();
}

/* Does not look whether a switch is due: for the scheduler, and for code that is about to look. */
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
 * Switches at once if that is due and allowed. Any context. If an interrupt moves the thread between count and flag,
 * the flag is another CPU's; then that interrupt has made the switch that was due.
 */
static __always_inline void preempt_enable(void)
{
	barrier();
	if (this_cpu_dec_and_test(preempt_count))
		preempt_check_resched();
}

/* The same at the end of a function that returns a word, so that the fast path need not keep the word across a call. */
unsigned long preempt_schedule_then(unsigned long result);

static __always_inline unsigned long preempt_enable_then(unsigned long result)
{
	barrier();
	if (this_cpu_dec_and_test(preempt_count) && unlikely(this_cpu_test(need_resched)))
		return preempt_schedule_then(result);
	return result;
}

/*
 * May this code be preempted, and so may it sleep? Yes with count 0, interrupts on, outside of handlers. Each test is
 * one instruction. The thread can move between two tests only if it is preemptible, and then the answer is the same on
 * every CPU.
 */
static __always_inline bool preemptible(void)
{
	return this_cpu_read(preempt_count) == 0 && !in_interrupt() && !irqs_disabled();
}

/*
 * Called at the end of an interrupt of code that had interrupts on, with trap depth 0 again and interrupts still off:
 * switch if that is due and allowed. Returns on the same stack, perhaps on another CPU, interrupts off.
 */
void preempt_from_interrupt(void);

/*
 * The function that switches; kernel/sched sets it. Until then nothing is preempted and might_sleep() checks nothing.
 */
void preempt_set_schedule(void (*schedule)(void));

/*
 * Assert that the caller may sleep: debug builds panic with the reason (count, interrupts, handler, a held lock).
 * Functions that may sleep have it at their head, so a wrong call is found even when it need not sleep.
 */
#define might_sleep() do { if (CONFIG_DEBUG_LOCKS) might_sleep_at(__FILE__, __LINE__); } while (0)
void might_sleep_at(const char *file, int line);
/* The same for functions that allocate: with __GFP_NOWAIT any context is right. */
#define might_alloc(gfp) do { if (gfpflags_allow_blocking(gfp)) might_sleep(); } while (0)

/* Switch to another thread, if that is due. Thread context, may sleep. 1: it did, 0: it was not due. */
static inline int cond_resched(void)
{
	might_sleep();
	if (likely(!this_cpu_test(need_resched)))
		return 0;
	preempt_schedule();
	return 1;
}

/*
 * A weaker assertion: the caller is no handler. A handler would wait for a spinlock of threads that its own CPU may
 * hold.
 */
#define assert_thread() do { if (CONFIG_DEBUG_LOCKS) assert_thread_at(__FILE__, __LINE__); } while (0)
void assert_thread_at(const char *file, int line);

/*
 * For tests: an assertion that fails calls `caught` before it panics. `caught` need not return, since the assertion is
 * at the head of its function. NULL: none.
 */
void preempt_set_catcher(void (*caught)(void));
