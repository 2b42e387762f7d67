/* SPDX-License-Identifier: MIT */
/*
 * Contracts of Linux's names that only a running kernel can show: timeouts in jiffies, calls on CPUs, queues, wake-ups.
 */
#include "places.h"
#include "worker.h"

#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/completion.h>
#include <kernel/ktest.h>
#include <kernel/smp.h>
#include <kernel/timer.h>
#include <kernel/wait.h>
#include <kernel/workqueue.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/vmalloc.h>

#define LONG_MS 60000

KTEST(linux_api, timeouts_count_jiffies)
{
	DECLARE_WAIT_QUEUE_HEAD(queue);
	unsigned long before = jiffies;
	long left;

	EXPECT_EQ(schedule_timeout_uninterruptible(20), 0);
	EXPECT(time_after_eq(jiffies, before + 20));
	EXPECT_EQ(current->state, TASK_RUNNING);
	left = wait_event_timeout(queue, true, 1000);
	EXPECT_EQ(left, 1000); /* nothing was waited for */
	EXPECT_EQ(wait_event_timeout(queue, true, 0), 1);
	EXPECT_EQ(wait_event_timeout(queue, false, 5), 0);
	warn_expected(true);
	EXPECT_EQ(schedule_timeout(-1), 0);
	warn_expected(false);
	EXPECT_EQ(current->state, TASK_RUNNING);
	EXPECT_EQ(msecs_to_jiffies(1500), 1500);
	EXPECT_EQ(msecs_to_jiffies(0x80000000u), MAX_JIFFY_OFFSET);
	EXPECT_EQ(usecs_to_jiffies(1001), 2);
	EXPECT(time_before(ULONG_MAX - 5, 5ul) && time_after(5ul, ULONG_MAX - 5)); /* across the wrap */
}

struct timed_sleep {
	struct completion asleep;
	long left;
};

static void sleep_long(void *arg)
{
	struct timed_sleep *s = arg;

	set_current_state(TASK_UNINTERRUPTIBLE);
	complete(&s->asleep);
	s->left = schedule_timeout(LONG_MS);
}

static void sleep_for_ever(void *arg)
{
	struct timed_sleep *s = arg;

	set_current_state(TASK_UNINTERRUPTIBLE);
	complete(&s->asleep);
	s->left = schedule_timeout(MAX_SCHEDULE_TIMEOUT);
}

static void wake_early(void (*fn)(void *), struct timed_sleep *s)
{
	struct task *task;

	init_completion(&s->asleep);
	task = thread_run(fn, s, "sleeper");
	ASSERT(task);
	wait_for_completion(&s->asleep);
	while (!wake_up_process(task) && !READ_ONCE(s->left))
		msleep(1);
	thread_join(task);
}

/* Who is woken early is told how much was left; without an end nothing of that is ever less. */
KTEST(linux_api, a_wakeup_ends_a_timeout)
{
	struct timed_sleep s = { .left = 0 };

	wake_early(sleep_long, &s);
	EXPECT(s.left > 0 && s.left <= LONG_MS);
	s.left = 0;
	wake_early(sleep_for_ever, &s);
	EXPECT_EQ(s.left, MAX_SCHEDULE_TIMEOUT);
	EXPECT_EQ(wake_up_process(current), 0); /* it does not sleep */
}

static atomic_t fired;

static void fire(struct timer_list *timer)
{
	(void)timer;
	atomic_inc(&fired);
}

/* What is past comes at the next tick; what is set again comes once. */
KTEST(linux_api, timers_expire_at_a_time)
{
	struct timer_list timer;
	unsigned int ms;

	atomic_set(&fired, 0);
	timer_setup(&timer, fire, 0);
	EXPECT_EQ(mod_timer(&timer, jiffies + LONG_MS), 0);
	EXPECT_EQ(timer_pending(&timer), 1);
	EXPECT_EQ(mod_timer(&timer, jiffies - 1000), 1);
	for (ms = 0; ms < LONG_MS && !atomic_read(&fired); ms++)
		msleep(1);
	EXPECT_EQ(atomic_read(&fired), 1);
	EXPECT_EQ(timer_pending(&timer), 0);
	EXPECT_EQ(timer_delete_sync(&timer), 0);
	mod_timer(&timer, jiffies + LONG_MS);
	EXPECT_EQ(del_timer_sync(&timer), 1);
}

static void count_call(void *arg)
{
	atomic_inc(arg);
}

KTEST(linux_api, calls_on_cpus)
{
	unsigned int cpus = num_online_cpus(), last = 0, cpu;
	atomic_t calls = ATOMIC_INIT(0);

	for_each_online_cpu(cpu)
		last = cpu;
	EXPECT_EQ(smp_call_function_single((int)last, count_call, &calls, 1), 0);
	EXPECT_EQ(atomic_read(&calls), 1);
	for (cpu = 0; cpu < MAX_CPUS && cpumask_test(cpu_online_mask, cpu); cpu++)
		;
	if (cpu < MAX_CPUS)
		EXPECT_EQ(smp_call_function_single((int)cpu, count_call, &calls, 1), -ENXIO);
	EXPECT_EQ(smp_call_function_single(MAX_CPUS, count_call, &calls, 1), -ENXIO);
	EXPECT_EQ(smp_call_function_single(-1, count_call, &calls, 1), -ENXIO);
	EXPECT_EQ(atomic_read(&calls), 1);
	on_each_cpu(count_call, &calls, 1);
	EXPECT_EQ(atomic_read(&calls), 1 + (int)cpus);
	atomic_set(&calls, 0);
	on_each_cpu(count_call, &calls, 0);
	EXPECT(atomic_read(&calls) >= 1); /* here it has run */
	while (atomic_read(&calls) < (int)cpus)
		msleep(1);
	smp_call_function(count_call, &calls, 1);
	EXPECT_EQ(atomic_read(&calls), 2 * (int)cpus - 1); /* all but this one */
}

static struct work_struct outer, inner;
static bool were_side_by_side;
static unsigned int patience_ms; /* long enough for a busy host where it must come, short where it cannot */
static struct completion inner_ran;

static void run_inner(struct work_struct *work)
{
	(void)work;
	complete(&inner_ran);
}

/* Waits for another work of its own queue. */
static void run_outer(struct work_struct *work)
{
	were_side_by_side =
		queue_work(work->wq, &inner) && wait_for_completion_timeout(&inner_ran, msecs_to_jiffies(patience_ms));
}

/* max_active bounds what runs at the same time; 1 is a queue in order, 0 says "as many as is usual". */
KTEST(linux_api, max_active_is_obeyed)
{
	for (int max_active = 0; max_active <= 2; max_active++) {
		struct workqueue_struct *wq = alloc_workqueue("active%d", WQ_UNBOUND, max_active, max_active);
		bool wanted = max_active != 1 && num_online_cpus() > 1;

		ASSERT(wq);
		patience_ms = wanted ? LONG_MS : 100;
		init_completion(&inner_ran);
		INIT_WORK(&outer, run_outer);
		INIT_WORK(&inner, run_inner);
		EXPECT_EQ(flush_work(&outer), false); /* never queued */
		queue_work(wq, &outer);
		flush_work(&outer);
		flush_work(&inner);
		if (max_active == 1)
			EXPECT(!were_side_by_side);
		else if (wanted)
			EXPECT(were_side_by_side);
		destroy_workqueue(wq);
	}
}

static void note_yield(void *arg)
{
	WRITE_ONCE(*(bool *)arg, true);
}

/* A thread of the same priority on this CPU has its turn at last. */
KTEST(linux_api, cond_resched_lets_others_run)
{
	bool ran = false;
	struct task *task = thread_run_on(smp_processor_id(), note_yield, &ran, "other");

	ASSERT(task);
	while (!READ_ONCE(ran))
		cond_resched();
	thread_join(task);
	EXPECT_EQ(cond_resched() & ~1, 0);
}

/* As get_vm_area() with it: an area at a multiple of its size, and nothing else is special. */
KTEST(linux_api, vmap_takes_vm_ioremap)
{
	struct page *pages[8];
	char *p, *q;

	ASSERT(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages) == ARRAY_SIZE(pages));
	p = vmap(pages, 1, VM_MAP, PAGE_KERNEL); /* so that the next address is no multiple by chance */
	q = vmap(pages, ARRAY_SIZE(pages), VM_MAP | VM_IOREMAP, PAGE_KERNEL);
	ASSERT(p && q);
	EXPECT(IS_ALIGNED((vaddr_t)q, ARRAY_SIZE(pages) * PAGE_SIZE));
	memset(q, 0x3c, ARRAY_SIZE(pages) * PAGE_SIZE);
	EXPECT_EQ(find_vm_area(q)->flags & VM_IOREMAP, VM_IOREMAP);
	EXPECT_EQ(p[17], 0x3c); /* the same page */
	vunmap(q);
	vunmap(p);
	free_page_array(pages, ARRAY_SIZE(pages));
}
