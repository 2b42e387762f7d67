/* SPDX-License-Identifier: MIT */
/*
 * On which CPU a task runs.
 *
 * The CPU is chosen when a task is woken (its last CPU if that is idle, otherwise the least busy one) and when its mask
 * changes. A CPU with nothing to do takes a task that waits on a busy CPU; while it halts, it looks again at every
 * tick, and at no other interrupt. So a waiting task that may run elsewhere waits one tick at most while a CPU is idle.
 */
#include "internal.h"

#include <arch/irq.h>
#include <lib/errno.h>

bool may_run_on(const struct task *task, unsigned int cpu)
{
	return cpumask_test(&task->affinity, cpu) && cpumask_test(&sched_cpu_mask, cpu);
}

static bool is_idle(const struct run_queue *rq)
{
	return READ_ONCE(per_cpu(current_task, rq->cpu)) == rq->idle;
}

/* The number of tasks with which a new one would share the CPU. */
static unsigned int load(unsigned int cpu)
{
	const struct run_queue *rq = run_queue_of(cpu);

	return READ_ONCE(rq->nr_queued) + !is_idle(rq);
}

static unsigned int random_cpu(const struct task *task)
{
	unsigned int cpu, found = task->cpu, seen = 0;

	for_each_cpu(cpu, &sched_cpu_mask)
		if (may_run_on(task, cpu) && seeded_below(++seen) == 0)
			found = cpu;
	return found;
}

unsigned int choose_cpu(const struct task *task)
{
	unsigned int cpu, best = READ_ONCE(task->cpu), least;

	if (sched_seeded)
		return random_cpu(task);
	least = may_run_on(task, best) ? load(best) : ~0U;
	for_each_cpu(cpu, &sched_cpu_mask) {
		if (!least)
			break;
		if (may_run_on(task, cpu) && load(cpu) < least) {
			best = cpu;
			least = load(cpu);
		}
	}
	return best;
}

/* --- pulling ------------------------------------------------------------------------------------------------------ */

static struct task *movable_task(struct run_queue *rq, unsigned int cpu)
{
	struct task *task;

	for (int priority = NR_PRIORITIES - 1; priority >= 0; priority--)
		list_for_each_entry(task, &rq->queued[priority], run)
			if (may_run_on(task, cpu))
				return task;
	return NULL;
}

static bool pull_from(struct run_queue *here, struct run_queue *there)
{
	struct task *task;
	bool flags = arch_local_irq_save();

	lock_run_queues(here, there);
	task = movable_task(there, here->cpu);
	if (task) {
		dequeue_task(there, task);
		enqueue_task(here, task, false);
	}
	unlock_run_queues(here, there);
	local_irq_restore(flags);
	return task != NULL;
}

/* Skips idle CPUs: one with a task on its queue has been interrupted already, and is about to run it. */
bool pull_task(struct run_queue *here)
{
	unsigned int cpu;

	for_each_cpu(cpu, &sched_cpu_mask) {
		struct run_queue *there = run_queue_of(cpu);

		if (there != here && READ_ONCE(there->nr_queued) && !is_idle(there) && pull_from(here, there))
			return true;
	}
	return false;
}

/* --- affinity ----------------------------------------------------------------------------------------------------- */

struct task_move begin_move(const struct task *task)
{
	for (;;) {
		struct task_move move = { run_queue_of(READ_ONCE(task->cpu)), run_queue_of(choose_cpu(task)) };

		lock_run_queues(move.from, move.to);
		if (task->cpu == move.from->cpu && may_run_on(task, move.to->cpu))
			return move;
		end_move(move);
	}
}

void end_move(struct task_move move)
{
	unlock_run_queues(move.from, move.to);
}

static bool any_usable(const cpumask_t *mask)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (cpumask_test(&sched_cpu_mask, cpu))
			return true;
	return false;
}

/* The mask changes under the lock of the queue where the task is. */
static void change_mask(struct task *task, const cpumask_t *mask)
{
	struct run_queue *rq = lock_run_queue_of(task);

	task->affinity = *mask;
	spin_unlock(&rq->lock);
}

/* A queued task moves to another queue. A running task is told to leave. A sleeping task is placed when it is woken. */
static void leave_forbidden_cpu(struct task *task)
{
	struct task_move move = begin_move(task);

	bool forbidden = !may_run_on(task, move.from->cpu);

	if (forbidden && task->queued) {
		dequeue_task(move.from, task);
		enqueue_task(move.to, task, false);
		preempt_for(move.to, task);
	} else if (forbidden && task_is_running(task)) {
		resched_cpu(move.from);
	}
	end_move(move);
}

int set_affinity(struct task *task, const cpumask_t *mask)
{
	bool flags;

	if (!any_usable(mask))
		return -EINVAL;
	flags = arch_local_irq_save();
	change_mask(task, mask);
	leave_forbidden_cpu(task);
	local_irq_restore(flags);
	preempt_check_resched();
	return 0;
}

int set_affinity_cpu(struct task *task, unsigned int cpu)
{
	cpumask_t mask = { 0 };

	if (cpu >= MAX_CPUS)
		return -EINVAL;
	cpumask_set(&mask, cpu);
	return set_affinity(task, &mask);
}
