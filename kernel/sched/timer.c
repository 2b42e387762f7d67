/* SPDX-License-Identifier: MIT */
/*
 * Timers: a wheel a CPU, turned by its tick.
 *
 *	bucket:	  0    1    2   ...   63		a timer is in the bucket (expires / GRAIN_MS) % 64
 *		       ^ turned up to here		a turn takes 512 ms; what expires later waits for its turn
 *
 * Starting and stopping are O(1), and a tick looks only at the buckets whose time has come. A function runs with the lock
 * released; `running` tells del_timer_sync() which, by address alone, since the function may free its timer.
 */
#include <kernel/timer.h>
#include "internal.h"

#include <arch/irq.h>
#include <kernel/wait.h>

#define BUCKETS	    64
#define GRAIN_SHIFT 3 /* 8 ms */

struct timer_base {
	spinlock_t lock; /* irqsave; two of them: the lower CPU's first */
	unsigned int cpu;
	u64 turned; /* everything before this grain has been looked at */
	const struct timer *running;
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

	spin_lock_init(&base->lock, "timer_base", RANK_TIMER_BASE);
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

void timer_setup(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){ .fn = fn, .cpu = smp_processor_id() };
}

static bool remove_timer(struct timer *timer)
{
	bool was_pending = timer->pending;

	if (was_pending)
		list_del(&timer->list);
	timer->pending = false;
	return was_pending;
}

/* A grain that has been looked at already comes too late: the next one, then. */
static void insert_timer(struct timer_base *base, struct timer *timer)
{
	u64 grain = max(timer->expires >> GRAIN_SHIFT, base->turned);

	list_add_tail(&timer->list, &base->bucket[grain % BUCKETS]);
	timer->pending = true;
	timer->cpu = base->cpu;
}

/* While its function runs a timer stays with that CPU, so that del_timer_sync() has one place to look. */
bool mod_timer(struct timer *timer, unsigned int ms)
{
	bool flags = local_irq_save(), was_pending;
	struct timer_base *here = this_cpu_ptr(&timer_base), *there;

	for (;;) {
		there = base_of(READ_ONCE(timer->cpu));
		lock_bases(here, there);
		if (timer->cpu == there->cpu)
			break;
		unlock_bases(here, there);
	}
	was_pending = remove_timer(timer);
	timer->expires = arch_uptime_ms() + ms + 1; /* part of the first millisecond is over already */
	insert_timer(there->running == timer ? there : here, timer);
	unlock_bases(here, there);
	local_irq_restore(flags);
	return was_pending;
}

/* Off the wheel. False: its function is running. */
static bool try_to_stop(struct timer *timer, bool *was_pending)
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

bool del_timer_sync(struct timer *timer)
{
	bool was_pending = false;

	while (!try_to_stop(timer, &was_pending))
		cpu_relax();
	return was_pending;
}

/* --- the tick -------------------------------------------------------------------------------------------------------- */

static struct timer *expired_timer(struct list_head *bucket, u64 now)
{
	struct timer *timer;

	list_for_each_entry(timer, bucket, list)
		if (timer->expires <= now)
			return timer;
	return NULL;
}

static void run_timer(struct timer_base *base, struct timer *timer)
{
	remove_timer(timer);
	base->running = timer;
	spin_unlock(&base->lock);
	timer->fn(timer);
	spin_lock(&base->lock);
	base->running = NULL;
}

/* The bucket of the present grain is looked at again at the next tick: parts of it are still to come. */
void timer_tick(void)
{
	struct timer_base *base = this_cpu_ptr(&timer_base);
	u64 now = arch_uptime_ms(), grain = now >> GRAIN_SHIFT;
	struct timer *timer;

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

/* --- sleeping with an end -------------------------------------------------------------------------------------------- */

struct sleeper {
	struct timer timer;
	struct task *task;
};

static void wake_sleeper(struct timer *timer)
{
	wake_up_process(container_of(timer, struct sleeper, timer)->task);
}

unsigned int schedule_timeout(unsigned int ms)
{
	struct sleeper sleeper = { .task = current };
	u64 end = arch_uptime_ms() + ms + 1, now;

	timer_setup(&sleeper.timer, wake_sleeper);
	mod_timer(&sleeper.timer, ms);
	schedule();
	del_timer_sync(&sleeper.timer);
	now = arch_uptime_ms();
	return now < end ? min(ms, (unsigned int)(end - now)) : 0;
}

void msleep(unsigned int ms)
{
	might_sleep();
	while (ms) {
		set_current_state(TASK_SLEEPING);
		ms = schedule_timeout(ms);
	}
}
