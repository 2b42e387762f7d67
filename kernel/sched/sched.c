/* SPDX-License-Identifier: MIT */
/* The scheduler: which task runs next.
 *
 * 1. The run queue's lock is held from the choice of the next task until the next task, on its own stack, lets it go in
 *    finish_switch(). So if a task is asleep or dead under that lock, no CPU uses its stack.
 *
 * 2. A task that goes to sleep first sets TASK_UNINTERRUPTIBLE, then checks its condition, then calls schedule(). If it
 *    is preempted in between, it stays on the queue whatever its state: only its own call of schedule() puts it to
 *    sleep.
 *
 * 3. A task whose mask no longer has this CPU is pushed to another one: both queues are locked across the switch, and
 *    finish_switch() puts the task on the other queue, when its stack is out of use.
 *
 * 4. A CPU without work runs its idle task, which halts. No wake-up is lost: the waker queues the task, sets
 *    need_resched, then sends an interrupt. The idle task checks both with interrupts off; only the halt enables them.
 *    A tick makes it look at the queues of other CPUs; after any other interrupt it makes only this check. So a request
 *    to all CPUs stays cheap on each idle one: if each looked at all queues, the cost would grow with the square of the
 *    number of CPUs.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/irq.h>
#include <arch/pgtable.h>
#include <kernel/bug.h>
#include <kernel/watchdog.h>
#include <lib/atomic.h>
#include <lib/format.h>
#include <kernel/rcupdate.h>
#include <kernel/trace.h>

#define SLICE_TICKS 2

static DEFINE_PER_CPU(struct task, boot_task);

bool task_is_running(const struct task *task)
{
	return READ_ONCE(per_cpu(current_task, task->cpu)) == task;
}

/* --- switching ---------------------------------------------------------------------------------------------------- */

/* Does prev stay runnable without a wake-up? */
static bool goes_on(const struct run_queue *rq, const struct task *prev, bool preempted)
{
	return prev != rq->idle && (preempted || prev->state == TASK_RUNNING);
}

/* Lock this CPU's queue. If prev must go to another CPU, lock that CPU's queue too. */
static void lock_for_switch(struct run_queue *rq, struct task *prev, bool preempted)
{
	struct run_queue *to;

	spin_lock(&rq->lock);
	rq->push_to = NULL;
	while (goes_on(rq, prev, preempted) && !may_run_on(prev, rq->cpu)) {
		to = run_queue_of(choose_cpu(prev));
		spin_unlock(&rq->lock);
		lock_run_queues(rq, to);
		if (to != rq && may_run_on(prev, to->cpu)) {
			rq->push_to = to;
			return;
		}
		if (to != rq)
			spin_unlock(&to->lock);
	}
}

/*
 * Put prev on the queue if it stays runnable here, and take the next task off. A preempted task keeps the rest of its
 * slice: with a new slice after each preemption, tasks of equal priority behind it might wait for ever.
 */
static struct task *pick_next(struct run_queue *rq, struct task *prev, bool preempted)
{
	struct task *next;

	if (goes_on(rq, prev, preempted) && !rq->push_to)
		enqueue_task(rq, prev, preempted && prev->slice);
	next = first_task(rq);
	if (next)
		dequeue_task(rq, next);
	else
		next = rq->idle;
	if (!preempted)
		prev->slice = 0;
	if (!next->slice)
		next->slice = SLICE_TICKS;
	return next;
}

/*
 * The first thing that a task does when it gets the CPU. Once prev->done is set, the joiner may free prev, and may then
 * end. So the joiner is read and pinned before that.
 */
void finish_switch(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue), *to = rq->push_to;
	struct task *prev = rq->previous, *joiner = NULL;

	if (to) {
		enqueue_task(to, prev, false);
		preempt_for(to, prev);
		spin_unlock(&to->lock);
	}
	if (prev->state == TASK_DEAD) {
		joiner = prev->joiner;
		if (joiner)
			atomic_inc(&joiner->pins);
		prev->done = true;
	}
	spin_unlock(&rq->lock);
	if (joiner) {
		wake_up_process(joiner);
		atomic_dec(&joiner->pins);
	}
}

/*
 * The page tables are switched before the stack. Every tree maps the whole kernel, so next's tree maps prev's stack too
 * (pgtable_switch asserts it). Returns when prev runs again.
 */
static void switch_task(struct run_queue *rq, struct task *prev, struct task *next)
{
	trace(TRACE_SCHED_SWITCH, prev->id, next->id, next->pgtable ? next->pgtable->id : 0);
	rcu_note_switch();
	rq->previous = prev;
	next->switches++;
	this_cpu_write(current_task, next);
	pgtable_switch(next->pgtable, next->thread.sp);
	arch_switch_to(&prev->thread, &next->thread);
	finish_switch();
}

static void switch_now(bool preempted)
{
	bool flags = arch_local_irq_save();
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	struct task *prev = current, *next;

	lock_for_switch(rq, prev, preempted);
	this_cpu_write(need_resched, false);
	watchdog_switch();
	next = pick_next(rq, prev, preempted);
	if (next == prev)
		spin_unlock(&rq->lock);
	else
		switch_task(rq, prev, next);
	local_irq_restore(flags);
}

void schedule(void)
{
	if (this_cpu_read(preempt_count) || in_interrupt())
		panic("schedule() where sleeping is forbidden: preempt_count %u, trap depth %u, innermost lock %s",
		      this_cpu_read(preempt_count), arch_trap_depth(), spin_innermost_held());
	switch_now(false);
	preempt_check_resched();
}

/* Called from preemptible code, or at the end of an interrupt in such code. */
static void preempt(void)
{
	do
		switch_now(true);
	while (this_cpu_read(need_resched));
}

/* --- sleeping and waking ------------------------------------------------------------------------------------------ */

void set_current_state(enum task_state state)
{
	WRITE_ONCE(current->state, state);
	smp_mb();
}

/*
 * Pairs with set_current_state(): either the sleeper sees the caller's stores, or the caller sees the sleeper's state.
 */
int wake_up_process(struct task *task)
{
	struct task_move move;
	bool flags, woken;

	smp_mb();
	if (READ_ONCE(task->state) != TASK_UNINTERRUPTIBLE)
		return 0;
	flags = arch_local_irq_save();
	move = begin_move(task);
	/* The task may be running, change its state at the same time, and even end. Never overwrite another state. */
	woken = cmpxchg(&task->state, TASK_UNINTERRUPTIBLE, TASK_RUNNING) == TASK_UNINTERRUPTIBLE;
	if (woken && !task->queued && !task_is_running(task)) {
		enqueue_task(move.to, task, false);
		preempt_for(move.to, task);
	}
	end_move(move);
	local_irq_restore(flags);
	preempt_check_resched();
	return woken;
}

void sleep_until(bool (*ready)(const void *arg), const void *arg)
{
	might_sleep();
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (ready(arg))
			break;
		schedule();
	}
	set_current_state(TASK_RUNNING);
}

void set_priority(struct task *task, int priority)
{
	bool flags = arch_local_irq_save();
	struct run_queue *rq = lock_run_queue_of(task);

	BUG_ON(priority < PRIORITY_LOW || priority >= NR_PRIORITIES);
	if (task->queued) {
		dequeue_task(rq, task);
		task->priority = priority;
		enqueue_task(rq, task, false);
		preempt_for(rq, task);
	} else {
		task->priority = priority;
		if (task_is_running(task) && has_rival(rq, priority + 1))
			resched_cpu(rq);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
}

/* --- interrupts --------------------------------------------------------------------------------------------------- */

/* Tasks of equal priority run in turn. In seeded mode a turn may end at any tick. */
static void account_tick(struct run_queue *rq)
{
	struct task *task = current;

	task->ticks++;
	rq->look = true;
	spin_lock(&rq->lock);
	if (task->slice)
		task->slice--;
	if (sched_seeded && seeded_below(2))
		task->slice = 0;
	if (!task->slice && has_rival(rq, task->priority))
		resched_cpu(rq);
	spin_unlock(&rq->lock);
}

static void tick(struct trap_frame *frame)
{
	if (!current)
		return; /* the scheduler has not started on this CPU */
	watchdog_tick(frame);
	account_tick(this_cpu_ptr(&run_queue));
	rcu_tick();
	timer_tick();
}

/* Nothing to do: the end of the interrupt looks at need_resched. */
static void reschedule(struct trap_frame *frame __maybe_unused)
{
}

/* --- start -------------------------------------------------------------------------------------------------------- */

static void boot_cpu_init(void)
{
	seeded_init();
	arch_set_timer_handler(tick);
	arch_set_ipi_handler(IPI_RESCHEDULE, reschedule);
	smp_call_install_handler();
}

void sched_init_cpu(void *stack)
{
	struct run_queue *rq = raw_cpu_ptr(&run_queue);
	struct task *task = raw_cpu_ptr(&boot_task);
	unsigned int cpu = smp_processor_id();

	run_queue_init(rq, cpu);
	timer_init_base(cpu);
	task_init(task, cpu, stack, "boot");
	cpumask_set(&task->affinity, cpu);
	if (cpu == 0) {
		boot_cpu_init();
		rq->idle = idle_thread_create(cpu);
	} else {
		task->priority = PRIORITY_IDLE;
		rq->idle = task;
	}
	this_cpu_write(current_task, task);
	arch_adopt_thread(&task->thread);
	smp_mb();
	cpumask_set(&sched_cpu_mask, cpu); /* from now on others may queue threads here */
}

void sched_start(void)
{
	preempt_set_schedule(preempt);
}

/* Halt until a task is queued here, or it is time to look at the other queues. */
static void idle_wait(struct run_queue *rq)
{
	local_irq_disable();
	while (!READ_ONCE(rq->nr_queued) && !this_cpu_read(need_resched) && !READ_ONCE(rq->look)) {
		arch_cpu_idle();
		local_irq_disable();
	}
	local_irq_enable();
}

void cpu_idle_loop(void)
{
	struct run_queue *rq = raw_cpu_ptr(&run_queue); /* an idle task never leaves its CPU */

	snprintf(current->name, sizeof(current->name), "idle/%u", rq->cpu);
	for (;;) {
		schedule();
		WRITE_ONCE(rq->look, false);
		WRITE_ONCE(rq->looks, rq->looks + 1);
		if (!pull_task(rq))
			idle_wait(rq);
	}
}

unsigned long sched_idle_looks(unsigned int cpu)
{
	return READ_ONCE(run_queue_of(cpu)->looks);
}
