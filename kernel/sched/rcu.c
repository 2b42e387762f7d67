/* SPDX-License-Identifier: MIT */
/*
 * Grace periods.
 *
 * 1. A reader only counts, in its own task (rcu_nesting). A reader is either on a CPU, or preempted in the middle of
 *    its section. A grace period waits for both kinds, one after the other:
 *
 *	begin: number it	   every CPU has been seen outside		those who were preempted have finished
 *	------|--------------------------------|---------------------------------------|------> callbacks
 *	      readers of before are running    or they are on the list `blocked`;	`awaited` is empty
 *					       the list as it is now is `awaited`
 *
 *    So a reader that began before either ends on its CPU or is found on the list. The grace period may also wait for
 *    readers that began later; that only costs time.
 *
 * 2. A CPU is outside (quiescent) when it switches threads, and when its tick interrupts code outside of any section
 *    and with preemption on: idle, user programs, most of the kernel. Every CPU ticks, so idle CPUs delay nothing.
 *    Nothing else counts as outside. So code with preemption or interrupts off is a reader, and so is an NMI handler.
 *
 * 3. A thread that is switched out inside a section enters `blocked`, and leaves it at the end of the section. A
 *    handler that interrupts the thread may be a reader too; the end of its section does not touch the list.
 *
 * 4. One thread makes the grace periods. After each it runs, in order, the callbacks that were queued when it began. So
 *    rcu_barrier() needs only a callback of its own.
 *
 * 5. Order. A CPU reads the number of the grace period, executes a full barrier, then notes that it was outside. So its
 *    next section sees all that was written before the grace period began, and its last section has read everything
 *    before the grace period ends.
 */
#include <kernel/rcupdate.h>
#include "internal.h"

#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <kernel/wait.h>
#include <lib/string.h>

#define POLL_MS	       1    /* time between two looks at the CPUs; in fact a tick */
#define NR_FREE_OFFSET 4096 /* a value of fn below this is no function, but the offset of the head in its object */

unsigned int rcu_stall_ms = 10000;

static DEFINE_RANKED_SPINLOCK(rcu_lock, RANK_RCU);
static struct rcu_head *queue, **queue_end = &queue; /* callbacks whose grace period has not begun */
static LIST_HEAD(blocked);			     /* tasks preempted inside a section */
static LIST_HEAD(awaited);			     /* those for which the grace period in progress waits */

static unsigned long period;		       /* number of the last grace period begun */
static DEFINE_PER_CPU(unsigned long, outside); /* the CPU was outside since the period with this number began */

static struct task *thread;
static atomic_long_t pending; /* callbacks that have not returned yet */
static struct rcu_counters counters;
static void (*free_object)(const void *ptr) __ro_after_init;
static DECLARE_WAIT_QUEUE_HEAD(waiters);

/* --- readers ------------------------------------------------------------------------------------------------------ */

void rcu_read_lock(void)
{
	struct task *task = current;

	if (task)
		task->rcu_nesting++;
	barrier();
}

static void __noinline leave_list(struct task *task)
{
	bool flags;

	spin_lock_irqsave(&rcu_lock, flags);
	list_del(&task->rcu_entry);
	task->rcu_blocked = false;
	spin_unlock_irqrestore(&rcu_lock, flags);
}

void rcu_read_unlock(void)
{
	struct task *task = current;

	barrier();
	if (!task)
		return;
	BUG_ON(!task->rcu_nesting);
	task->rcu_nesting--;
	barrier();
	if (!task->rcu_nesting && unlikely(READ_ONCE(task->rcu_blocked)) && !in_interrupt())
		leave_list(task);
}

bool rcu_read_lock_held(void)
{
	struct task *task = current;

	return task && task->rcu_nesting;
}

/* --- quiescent CPUs ----------------------------------------------------------------------------------------------- */

static void note_outside(void)
{
	unsigned long now = READ_ONCE(period);

	if (this_cpu_read(outside) == now)
		return;
	smp_mb();
	this_cpu_write(outside, now);
}

void rcu_note_switch(void)
{
	struct task *task = current;

	BUG_ON(task->rcu_nesting && task->state == TASK_DEAD);
	if (unlikely(task->rcu_nesting && !task->rcu_blocked)) {
		spin_lock(&rcu_lock);
		list_add_tail(&task->rcu_entry, &blocked);
		task->rcu_blocked = true;
		spin_unlock(&rcu_lock);
	}
	note_outside();
}

void rcu_tick(void)
{
	if (!rcu_read_lock_held() && this_cpu_read(preempt_count) == 0 && arch_trap_depth() == 1)
		note_outside();
}

/* --- grace periods ------------------------------------------------------------------------------------------------ */

/* The next CPU, from `cpu` on, that has not been outside since the period began. MAX_CPUS: none. */
static unsigned int next_busy_cpu(unsigned int cpu)
{
	for (; cpu < MAX_CPUS; cpu++)
		if (cpumask_test(&sched_cpu_mask, cpu) && READ_ONCE(per_cpu(outside, cpu)) != period)
			break;
	return cpu;
}

static bool all_cpus_outside(void)
{
	return next_busy_cpu(0) == MAX_CPUS;
}

static bool nobody_awaited(void)
{
	return list_empty(&awaited);
}

static void report_cpus(u64 waited)
{
	for (unsigned int cpu = next_busy_cpu(0); cpu < MAX_CPUS; cpu = next_busy_cpu(cpu + 1)) {
		pr_warn("RCU: grace period %lu has waited %llu ms for CPU %u\n", period, waited, cpu);
		if (cpu != smp_processor_id())
			arch_backtrace_cpu(cpu);
	}
}

/* Reports only the first task. Its name is copied, since the task may end at any time. */
static void report_task(u64 waited)
{
	struct task *task = NULL;
	char name[sizeof(task->name)];
	unsigned int id = 0;
	bool flags;

	spin_lock_irqsave(&rcu_lock, flags);
	if (!list_empty(&awaited)) {
		task = list_first_entry(&awaited, struct task, rcu_entry);
		id = task->id;
		memcpy(name, task->name, sizeof(name));
	}
	spin_unlock_irqrestore(&rcu_lock, flags);
	if (task)
		pr_warn("RCU: grace period %lu has waited %llu ms for task %u (%s), preempted in a read section\n",
		       period, waited, id, name);
}

static void wait_until(bool (*done)(void), void (*report)(u64 waited), u64 begin)
{
	u64 next = begin + rcu_stall_ms;

	while (!done()) {
		u64 now = arch_uptime_ms();

		if (now >= next) {
			report(now - begin);
			WRITE_ONCE(counters.stalls, counters.stalls + 1);
			next = now + rcu_stall_ms;
		}
		msleep(POLL_MS);
	}
}

static void grace_period(void)
{
	u64 begin = arch_uptime_ms();
	bool flags;

	smp_mb();
	WRITE_ONCE(period, period + 1);
	smp_mb();
	wait_until(all_cpus_outside, report_cpus, begin);
	smp_mb();
	spin_lock_irqsave(&rcu_lock, flags);
	list_splice_tail_init(&blocked, &awaited);
	spin_unlock_irqrestore(&rcu_lock, flags);
	wait_until(nobody_awaited, report_task, begin);
	spin_lock_irqsave(&rcu_lock, flags); /* wait until the last task that left the list has released the lock */
	spin_unlock_irqrestore(&rcu_lock, flags);
	WRITE_ONCE(counters.grace_periods, counters.grace_periods + 1);
}

/* --- callbacks ---------------------------------------------------------------------------------------------------- */

void rcu_set_free(void (*free)(const void *ptr))
{
	free_object = free;
}

void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head))
{
	bool flags, first;

	head->next = NULL;
	head->fn = fn;
	atomic_long_inc(&pending);
	spin_lock_irqsave(&rcu_lock, flags);
	first = queue == NULL;
	WRITE_ONCE(*queue_end, head); /* has_callbacks() looks without the lock */
	queue_end = &head->next;
	spin_unlock_irqrestore(&rcu_lock, flags);
	if (first && READ_ONCE(thread))
		wake_up_process(thread);
}

void call_rcu_free(struct rcu_head *head, const void *ptr)
{
	unsigned long offset = (unsigned long)head - (unsigned long)ptr;

	BUG_ON(offset >= NR_FREE_OFFSET);
	call_rcu(head, (void (*)(struct rcu_head *))offset);
}

static struct rcu_head *take_queue(void)
{
	struct rcu_head *all;
	bool flags;

	spin_lock_irqsave(&rcu_lock, flags);
	all = queue;
	WRITE_ONCE(queue, NULL);
	queue_end = &queue;
	spin_unlock_irqrestore(&rcu_lock, flags);
	return all;
}

static void run_callbacks(struct rcu_head *head)
{
	struct rcu_head *next;

	for (; head; head = next) {
		next = head->next;
		if ((unsigned long)head->fn < NR_FREE_OFFSET)
			free_object((const char *)head - (unsigned long)head->fn);
		else
			head->fn(head);
		WRITE_ONCE(counters.callbacks, counters.callbacks + 1);
		atomic_long_dec(&pending);
	}
}

static bool has_callbacks(const void *unused __maybe_unused)
{
	return READ_ONCE(queue) != NULL;
}

static void rcu_thread(void *unused __maybe_unused)
{
	for (;;) {
		struct rcu_head *callbacks;

		sleep_until(has_callbacks, NULL);
		callbacks = take_queue();
		grace_period();
		run_callbacks(callbacks);
	}
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

struct waiter {
	struct rcu_head head;
	bool done;
};

static void end_wait(struct rcu_head *head)
{
	smp_store_release(&container_of(head, struct waiter, head)->done, true); /* now the waiter may return */
	wake_up(&waiters);
}

/* Before the RCU thread exists no other thread runs, and the caller is no reader. So there is nothing to wait for. */
void synchronize_rcu(void)
{
	struct waiter waiter = { .done = false };

	might_sleep();
	BUG_ON(rcu_read_lock_held());
	if (!READ_ONCE(thread))
		return;
	call_rcu(&waiter.head, end_wait);
	wait_event(waiters, smp_load_acquire(&waiter.done));
}

void rcu_barrier(void)
{
	if (atomic_long_read(&pending))
		synchronize_rcu(); /* its callback runs after all others */
}

struct rcu_counters rcu_counters(void)
{
	return (struct rcu_counters){
		.grace_periods = READ_ONCE(counters.grace_periods),
		.callbacks = READ_ONCE(counters.callbacks),
		.stalls = READ_ONCE(counters.stalls),
	};
}

void rcu_init(void)
{
	struct task *task = thread_create(rcu_thread, NULL, "rcu");

	if (!task)
		panic("no memory for the stack of the RCU thread");
	set_priority(task, PRIORITY_HIGH);
	WRITE_ONCE(thread, task);
	wake_up_process(task);
}
