/* SPDX-License-Identifier: MIT */
/* Preemption: when it may happen, when it must, and the checks of code that relies on it. */
#include <kernel/preempt.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/rcupdate.h>
#include <kernel/spinlock.h>

DEFINE_PER_CPU(struct task *, current_task);
DEFINE_PER_CPU(unsigned int, preempt_count);
DEFINE_PER_CPU(bool, need_resched);

static void (*make_switch)(void) __ro_after_init;

void preempt_set_schedule(void (*schedule)(void))
{
	WRITE_ONCE(make_switch, schedule);
}

void preempt_schedule(void)
{
	if (READ_ONCE(make_switch) && preemptible())
		make_switch();
}

unsigned long preempt_schedule_then(unsigned long result)
{
	preempt_schedule();
	return result;
}

void preempt_from_interrupt(void)
{
	if (this_cpu_read(need_resched) && this_cpu_read(preempt_count) == 0 && READ_ONCE(make_switch))
		make_switch();
}

/* --- checks ------------------------------------------------------------------------------------------------------- */

/* In a panic the checks are off. */
static bool contexts_checked(void)
{
	return CONFIG_DEBUG_LOCKS && READ_ONCE(make_switch) && !panic_in_progress();
}

static void (*catcher)(void) __ro_after_init;

void preempt_set_catcher(void (*caught)(void))
{
	WRITE_ONCE(catcher, caught);
}

static void offer_to_catcher(void)
{
	void (*caught)(void) = READ_ONCE(catcher);

	if (caught)
		caught();
}

void assert_thread_at(const char *file, int line)
{
	if (!contexts_checked() || !in_interrupt())
		return;
	offer_to_catcher();
	panic("function of threads called at %s:%d in a handler, trap depth %u", file, line, arch_trap_depth());
}

void might_sleep_at(const char *file, int line)
{
	unsigned int count = this_cpu_read(preempt_count);

	if (!contexts_checked() || (preemptible() && !rcu_read_lock_held()))
		return;
	offer_to_catcher();
	panic("sleeping function called at %s:%d where it must not be: %spreempt_count %u, interrupts %s, trap depth "
	      "%u%s%s",
	      file, line, rcu_read_lock_held() ? "in an RCU read section, " : "", count, irqs_disabled() ? "off" : "on",
	      arch_trap_depth(), count ? ", innermost lock " : "", count ? spin_innermost_held() : "");
}

void __noinline assert_cpu_stays(void)
{
	if (contexts_checked())
		WARN_ONCE(preemptible(), "preemptible code uses per-CPU data at %pS", (void *)_RET_IP_);
}
