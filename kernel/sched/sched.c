/* SPDX-License-Identifier: MIT */
/*
 * Who runs next: a queue a CPU, first come first served, no preemption.
 *
 * The run queue's lock is held from the choice of the next task until the next task, on its own stack, lets it go in
 * finish_switch(). So whoever sees a task asleep or dead under that lock knows that its stack is out of use.
 *
 * A CPU without work runs its idle task, which halts. It cannot sleep through a wake-up: the waker queues the task and
 * then interrupts, and the idle task looks at the queue with interrupts off, which only the halt turns on.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/context.h>
#include <arch/irq.h>
#include <arch/pgtable.h>
#include <kernel/bug.h>
#include <lib/format.h>

DEFINE_PER_CPU(struct task *, current_task);
DEFINE_PER_CPU(struct run_queue, run_queue);
static DEFINE_PER_CPU(struct task, boot_task);

/* The lock of task's CPU is held. A task that is only about to fall asleep still runs and must not be queued too. */
static void make_runnable(struct task *task)
{
	struct run_queue *rq = per_cpu_ptr(&run_queue, task->cpu);

	task->state = TASK_RUNNABLE;
	if (per_cpu(current_task, task->cpu) != task)
		list_add_tail(&task->run, &rq->runnable);
}

static void kick(unsigned int cpu)
{
	if (cpu != smp_processor_id())
		arch_send_ipi(cpu, IPI_RESCHEDULE);
}

void enqueue_new_task(struct task *task)
{
	struct run_queue *rq = per_cpu_ptr(&run_queue, task->cpu);
	unsigned int cpu = task->cpu; /* once queued it may run, end and be gone */
	bool flags;

	spin_lock_irqsave(&rq->lock, flags);
	make_runnable(task);
	spin_unlock_irqrestore(&rq->lock, flags);
	kick(cpu);
}

void wake_up_process(struct task *task)
{
	struct run_queue *rq = per_cpu_ptr(&run_queue, task->cpu);
	unsigned int cpu = task->cpu;
	bool flags;

	spin_lock_irqsave(&rq->lock, flags);
	if (task->state == TASK_SLEEPING && !task->wake_ms) /* in msleep it waits for nobody: this wake-up came late */
		make_runnable(task);
	spin_unlock_irqrestore(&rq->lock, flags);
	kick(cpu);
}

/* Takes the choice off the queue and puts prev on it, if it is to run again. */
static struct task *pick_next(struct run_queue *rq, struct task *prev)
{
	struct task *next;

	if (list_empty(&rq->runnable)) {
		BUG_ON(prev->state != TASK_RUNNABLE && !rq->idle);
		return prev->state == TASK_RUNNABLE ? prev : rq->idle;
	}
	next = list_first_entry(&rq->runnable, struct task, run);
	list_del(&next->run);
	if (prev->state == TASK_RUNNABLE && prev != rq->idle)
		list_add_tail(&prev->run, &rq->runnable);
	return next;
}

/*
 * What every task does first when it has become the running one. From here on a dead predecessor is the joiner's, who
 * may free it at once: so whom to wake is read before.
 */
void finish_switch(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	struct task *prev = rq->previous, *joiner = NULL;

	if (prev->state == TASK_DEAD) {
		joiner = prev->joiner;
		prev->done = true;
	}
	spin_unlock(&rq->lock);
	if (joiner)
		wake_up_process(joiner);
}

/*
 * The tables change before the stack does: every tree has all of the kernel, so prev's stack is mapped in next's too
 * (pgtable_load asserts it). Returns when prev runs again, on the same CPU.
 */
static void switch_task(struct run_queue *rq, struct task *prev, struct task *next)
{
	rq->previous = prev;
	this_cpu(current_task) = next;
	if (next->pgtable != prev->pgtable)
		pgtable_load(next->pgtable ? next->pgtable : &kernel_pgtable);
	arch_switch_to(&prev->sp, next->sp);
	finish_switch();
}

void schedule(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	struct task *prev = current, *next;
	bool flags;

	BUG_ON(in_interrupt());
	spin_lock_irqsave(&rq->lock, flags);
	next = pick_next(rq, prev);
	if (next == prev)
		spin_unlock(&rq->lock);
	else
		switch_task(rq, prev, next);
	local_irq_restore(flags);
}

void msleep(unsigned int ms)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	struct task *task = current;
	bool flags;

	spin_lock_irqsave(&rq->lock, flags);
	task->wake_ms = arch_uptime_ms() + ms + 1; /* part of the first millisecond is over already */
	task->state = TASK_SLEEPING;
	list_add_tail(&task->run, &rq->sleepers);
	spin_unlock_irqrestore(&rq->lock, flags);
	schedule();
}

/* Looking and falling asleep are one step under the lock that the waker takes: no wake-up is lost between them. */
static bool ready_or_asleep(bool (*ready)(const void *arg), const void *arg)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	bool flags, is_ready;

	spin_lock_irqsave(&rq->lock, flags);
	is_ready = ready(arg);
	if (!is_ready)
		current->state = TASK_SLEEPING;
	spin_unlock_irqrestore(&rq->lock, flags);
	return is_ready;
}

void sleep_until(bool (*ready)(const void *arg), const void *arg)
{
	while (!ready_or_asleep(ready, arg))
		schedule();
}

/* The tick: end what has slept long enough. */
static void tick(struct trap_frame *frame __maybe_unused)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	u64 now = arch_uptime_ms();
	struct task *task, *next;

	if (!current)
		return; /* this CPU's scheduler is still to come */
	spin_lock(&rq->lock);
	list_for_each_entry_safe(task, next, &rq->sleepers, run) {
		if (task->wake_ms > now)
			continue;
		list_del(&task->run);
		task->wake_ms = 0;
		make_runnable(task);
	}
	spin_unlock(&rq->lock);
}

/* Taking the interrupt was the point: it ended the halt, and the idle task looks at its queue. */
static void reschedule(struct trap_frame *frame __maybe_unused)
{
}

static void boot_cpu_init(void)
{
	arch_set_timer_handler(tick);
	arch_set_ipi_handler(IPI_RESCHEDULE, reschedule);
	smp_call_install_handler();
	idle_thread_create(0);
}

void sched_init_cpu(void *stack)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);
	struct task *task = this_cpu_ptr(&boot_task);
	unsigned int cpu = smp_processor_id();

	spin_lock_init(&rq->lock, "run_queue", RANK_RUN_QUEUE);
	INIT_LIST_HEAD(&rq->runnable);
	INIT_LIST_HEAD(&rq->sleepers);
	task_init(task, cpu, stack, "boot");
	smp_store_release(this_cpu_ptr(&current_task), task); /* from now on others may queue threads here */
	if (cpu == 0)
		boot_cpu_init();
}

void cpu_idle_loop(void)
{
	struct run_queue *rq = this_cpu_ptr(&run_queue);

	snprintf(current->name, sizeof(current->name), "idle/%u", smp_processor_id());
	WRITE_ONCE(rq->idle, current);
	for (;;) {
		schedule();
		local_irq_disable();
		if (list_empty(&rq->runnable))
			arch_cpu_idle();
		else
			local_irq_enable();
	}
}
