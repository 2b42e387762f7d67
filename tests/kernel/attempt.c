/* SPDX-License-Identifier: MIT */
/* Calls in odd places: how a test gets there, and back when an assertion stops it. */
#include "attempt.h"
#include "handlers.h"

#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/ktest.h>
#include <kernel/preempt.h>
#include <kernel/spinlock.h>
#include <kernel/task.h>
#include <kernel/timer.h>

const char *const context_name[NR_CONTEXTS] = { "thread",         "preemption off", "spinlock",
						"interrupts off", "handler",        "NMI" };

static void *jump[5];
static bool catching;

static void caught(void)
{
	if (READ_ONCE(catching))
		__builtin_longjmp(jump, 1);
}

/* False: an assertion has stopped it. */
static __noinline bool comes_back(void (*call)(void))
{
	volatile bool back = false;

	if (!__builtin_setjmp(jump)) {
		WRITE_ONCE(catching, true);
		call();
		back = true;
	}
	WRITE_ONCE(catching, false);
	return back;
}

struct attempt attempt;
static void (*attempted)(void);

static void make_attempt(void)
{
	unsigned long warnings = warn_count();

	attempt.came_back = comes_back(attempted);
	attempt.warnings = warn_count() - warnings;
	WRITE_ONCE(attempt.over, true);
}

static void in_timer(struct timer_list *timer)
{
	(void)timer;
	make_attempt();
}

static void in_nmi_handler(struct trap_frame *frame)
{
	(void)frame;
	if (!READ_ONCE(attempt.over))
		make_attempt();
}

static void under_lock(void)
{
	static DEFINE_RANKED_SPINLOCK(some_lock, 20);

	spin_lock(&some_lock);
	make_attempt();
	spin_unlock(&some_lock);
}

static void with_irqs_off(void)
{
	bool flags = arch_local_irq_save();

	make_attempt();
	local_irq_restore(flags);
}

static void strike(enum context where)
{
	static struct timer_list timer;

	if (where == HANDLER) {
		timer_setup(&timer, in_timer, 0);
		mod_timer(&timer, jiffies + 1);
	} else {
		REPLACE_HANDLER(arch_set_nmi_handler(in_nmi_handler));
		arch_send_nmi(smp_processor_id());
	}
	for (unsigned int ms = 0; ms < 1000 && !READ_ONCE(attempt.over); ms++)
		msleep(1);
	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	EXPECT(attempt.over);
}

void attempt_in(enum context where, void (*call)(void))
{
	attempted = call;
	attempt.over = false;
	warn_expected(true);
	REPLACE_HANDLER(preempt_set_catcher(caught));
	if (where >= HANDLER) {
		strike(where);
	} else if (where == UNDER_LOCK) {
		under_lock();
	} else if (where == IRQS_OFF) {
		with_irqs_off();
	} else if (where == NO_PREEMPT) {
		preempt_disable();
		make_attempt();
		preempt_enable();
	} else {
		make_attempt();
	}
	REPLACE_HANDLER(preempt_set_catcher(NULL));
	warn_expected(false);
}
