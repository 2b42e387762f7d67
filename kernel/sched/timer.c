/* SPDX-License-Identifier: MIT */
/* Timers: each CPU has a wheel, which its tick turns. Time is cut into grains of 8 ms.
 *
 *	bucket:	  0    1    2   ...   63		a timer is in the bucket (due / 8 ms) % 64
 *		       ^ turned up to here		a turn takes 512 ms; a later timer stays for another turn
 *
 * Starting and stopping are O(1). A tick looks only at the buckets whose time has come. A timer's function runs without
 * the lock; meanwhile timer_delete_sync() finds the timer's address in `running`. Only the address is used, since the
 * function may free the timer.
 */
#include <kernel/timer.h>
#include "internal.h"

#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/wait.h>

#define BUCKETS	    64
#define GRAIN_SHIFT 3 /* 8 ms */

struct timer_base {
	spinlock_t lock; /* irqsave; of two bases the lower CPU's is locked first */
	unsigned int cpu;
	u64 turned; /* all grains before this one are done */
	const struct timer_list *running;
	struct list_head bucket[BUCKETS];
};
static DEFINE_PER_CPU(struct timer_base, timer_base);

static struct timer_base *base_of(unsigned int cpu)
{
	return per_cpu_ptr(&timer_base, cpu);
}

void timer_init_base(unsigned int cpu)
{
	struct timer_base *base = base_of(cpu);

	spin_lock_init_ranked(&base->lock, "timer_base", RANK_TIMER_BASE);
	base->cpu = cpu;
	base->turned = arch_uptime_ms() >> GRAIN_SHIFT;
	for (unsigned int i = 0; i < BUCKETS; i++)
		INIT_LIST_HEAD(&base->bucket[i]);
}

static void lock_bases(struct timer_base *a, struct timer_base *b)
{
	spin_lock(a->cpu < b->cpu ? &a->lock : &b->lock);
	if (a != b)
		spin_lock(a->cpu < b->cpu ? &b->lock : &a->lock);
}

static void unlock_bases(struct timer_base *a, struct timer_base *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

void timer_setup(struct timer_list *timer, void (*function)(struct timer_list *timer),
		 unsigned int flags __maybe_unused)
{
	*timer = (struct timer_list){ .function = function, .cpu = smp_processor_id() };
}

static bool remove_timer(struct timer_list *timer)
{
	bool was_pending = timer->pending;

	if (was_pending)
		list_del(&timer->list);
	timer->pending = false;
	return was_pending;
}

/* If the grain in which a timer is due is done already, the timer goes into the current one. */
static void insert_timer(struct timer_base *base, struct timer_list *timer)
{
	u64 grain = max(timer->due >> GRAIN_SHIFT, base->turned);

	list_add_tail(&timer->list, &base->bucket[grain % BUCKETS]);
	timer->pending = true;
	timer->cpu = base->cpu;
}

/* Part of the current jiffy is over, so a timer is due one jiffy later. A time in the past counts as now. */
static u64 due_time(unsigned long expires)
{
	long ahead = (long)(expires - jiffies);

	return arch_uptime_ms() + (ahead > 0 ? (u64)ahead : 0) + 1;
}

/* A timer whose function runs stays on that CPU, so that timer_delete_sync() has one place to look. */
int mod_timer(struct timer_list *timer, unsigned long expires)
{
	bool flags = arch_local_irq_save(), was_pending;
	struct timer_base *here = this_cpu_ptr(&timer_base), *there;

	for (;;) {
		there = base_of(READ_ONCE(timer->cpu));
		lock_bases(here, there);
		if (timer->cpu == there->cpu)
			break;
		unlock_bases(here, there);
	}
	was_pending = remove_timer(timer);
	timer->expires = expires;
	timer->due = due_time(expires);
	insert_timer(there->running == timer ? there : here, timer);
	unlock_bases(here, there);
	local_irq_restore(flags);
	return was_pending;
}

/* Take the timer off the wheel. False: its function is running, or it has moved; try again. */
static bool try_to_stop(struct timer_list *timer, bool *was_pending)
{
	struct timer_base *base = base_of(READ_ONCE(timer->cpu));
	bool flags, stopped = false;

	spin_lock_irqsave(&base->lock, flags);
	if (timer->cpu == base->cpu) {
		*was_pending |= remove_timer(timer);
		stopped = base->running != timer;
	}
	spin_unlock_irqrestore(&base->lock, flags);
	return stopped;
}

int timer_delete_sync(struct timer_list *timer)
{
	bool was_pending = false;

	while (!try_to_stop(timer, &was_pending))
		cpu_relax();
	return was_pending;
}

/* --- the tick ----------------------------------------------------------------------------------------------------- */

static struct timer_list *expired_timer(struct list_head *bucket, u64 now)
{
	struct timer_list *timer;

	list_for_each_entry(timer, bucket, list)
		if (timer->due <= now)
			return timer;
	return NULL;
}

static void run_timer(struct timer_base *base, struct timer_list *timer)
{
	remove_timer(timer);
	base->running = timer;
	spin_unlock(&base->lock);
	timer->function(timer);
	spin_lock(&base->lock);
	base->running = NULL;
}

/* The current grain is looked at again at the next tick, since a part of it is still to come. */
void timer_tick(void)
{
	struct timer_base *base = this_cpu_ptr(&timer_base);
	u64 now = arch_uptime_ms(), grain = now >> GRAIN_SHIFT;
	struct timer_list *timer;

	spin_lock(&base->lock);
	if (grain - base->turned >= BUCKETS)
		base->turned = grain - BUCKETS + 1;
	for (;;) {
		while ((timer = expired_timer(&base->bucket[base->turned % BUCKETS], now)))
			run_timer(base, timer);
		if (base->turned >= grain)
			break;
		base->turned++;
	}
	spin_unlock(&base->lock);
}

/* --- sleeping with a time limit ----------------------------------------------------------------------------------- */

struct sleeper {
	struct timer_list timer;
	struct task *task;
};

static void wake_sleeper(struct timer_list *timer)
{
	wake_up_process(container_of(timer, struct sleeper, timer)->task);
}

signed long schedule_timeout(signed long timeout)
{
	struct sleeper sleeper = { .task = current };
	unsigned long end = jiffies + (unsigned long)timeout + 1;
	long left;

	if (timeout == MAX_SCHEDULE_TIMEOUT) {
		schedule();
		return timeout;
	}
	if (WARN_ONCE(timeout < 0, "schedule_timeout(%ld)", timeout)) {
		set_current_state(TASK_RUNNING);
		return 0;
	}
	timer_setup(&sleeper.timer, wake_sleeper, 0);
	mod_timer(&sleeper.timer, end - 1);
	schedule();
	timer_delete_sync(&sleeper.timer);
	left = (long)(end - jiffies);
	return left > 0 ? min(timeout, left) : 0;
}

signed long schedule_timeout_uninterruptible(signed long timeout)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(timeout);
}

void msleep(unsigned int ms)
{
	long left = (long)min(msecs_to_jiffies(ms), MAX_JIFFY_OFFSET);

	might_sleep();
	while (left)
		left = schedule_timeout_uninterruptible(left);
}
