/* SPDX-License-Identifier: MIT */
/*
 * Preemption on any host: a count in the words of the running thread. The host asks kva_may_preempt() before it
 * switches in the middle of kernel code; if the answer was no, the thread calls host_reschedule() when the count is 0
 * again.
 */
#pragma once

#include <arch/irq.h>
#include <arch/lazy_mmu.h>
#include <kernel/config.h>
#include <kernel/percpu.h>
#include <lib/compiler.h>

/* What kva keeps in struct kva_thread. */
struct thread_words {
	unsigned int count;   /* may not be preempted while it is not 0 */
	bool switch_due;      /* kva_may_preempt() has said no since count was last 0 */
	bool tidying;	      /* it does what was put off */
	unsigned int mutexes; /* held */
	struct lazy_mmu lazy_mmu;
};
static_assert(sizeof(struct thread_words) <= sizeof(struct kva_thread), "struct kva_thread has no room");

static inline struct thread_words *this_thread(void) { return (struct thread_words *)host_thread(); }

#define current ((struct task *)this_thread())
struct task;

static inline bool preempt_is_off(void) { return this_thread()->count != 0; }

static __always_inline void preempt_disable(void)
{
	this_thread()->count++;
	barrier();
}

static __always_inline void preempt_enable_no_resched(void)
{
	barrier();
	this_thread()->count--;
}

void preempt_schedule(void);
static __always_inline void preempt_check_resched(void)
{
	if (unlikely(READ_ONCE(this_thread()->switch_due)))
		preempt_schedule();
}

static __always_inline void preempt_enable(void)
{
	struct thread_words *thread = this_thread();

	barrier();
	if (!--thread->count && unlikely(READ_ONCE(thread->switch_due)))
		preempt_schedule();
}

static __always_inline unsigned long preempt_enable_then(unsigned long result)
{
	preempt_enable();
	return result;
}

/*
 * A host has interrupts off while it boots, with one CPU and one thread. That does not count, until kva sees interrupts
 * on for the first time, or a second CPU.
 */
extern bool kva_booting;

static inline bool irqs_allow_sleep(void)
{
	if (irqs_disabled())
		return unlikely(READ_ONCE(kva_booting));
	if (unlikely(READ_ONCE(kva_booting)))
		WRITE_ONCE(kva_booting, false);
	return true;
}

static inline bool preemptible(void)
{
	return !this_thread()->count && irqs_allow_sleep() && !in_interrupt();
}

/* Functions that may sleep have it at their head. So it is also the place where what was put off is done. */
#define might_sleep() do { \
	if (CONFIG_DEBUG_LOCKS) might_sleep_at(__FILE__, __LINE__); \
	if (unlikely(READ_ONCE(kva_chores))) kva_do_chores(); \
} while (0)
void might_sleep_at(const char *file, int line);
extern bool kva_chores;
void kva_do_chores(void);

static inline int cond_resched(void)
{
	might_sleep();
	return 0;
}

#define assert_thread() BUG_ON(CONFIG_DEBUG_LOCKS && in_interrupt())
