/* SPDX-License-Identifier: MIT */
/* The queue of one CPU: its tasks, their order, and when a new one preempts the running one. */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/irq.h>
#include <kernel/bug.h>

DEFINE_PER_CPU(struct run_queue, run_queue);
cpumask_t sched_cpu_mask;

void run_queue_init(struct run_queue *rq, unsigned int cpu)
{
	spin_lock_init_ranked(&rq->lock, "run_queue", RANK_RUN_QUEUE);
	rq->cpu = cpu;
	for (unsigned int i = 0; i < NR_PRIORITIES; i++)
		INIT_LIST_HEAD(&rq->queued[i]);
}

void lock_run_queues(struct run_queue *a, struct run_queue *b)
{
	spin_lock(a->cpu < b->cpu ? &a->lock : &b->lock);
	if (a != b)
		spin_lock(a->cpu < b->cpu ? &b->lock : &a->lock);
}

void unlock_run_queues(struct run_queue *a, struct run_queue *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* The task may move to another queue until the lock of the right one is held. */
struct run_queue *lock_run_queue_of(const struct task *task)
{
	for (;;) {
		struct run_queue *rq = run_queue_of(READ_ONCE(task->cpu));

		spin_lock(&rq->lock);
		if (task->cpu == rq->cpu)
			return rq;
		spin_unlock(&rq->lock);
	}
}

void enqueue_task(struct run_queue *rq, struct task *task, bool front)
{
	struct list_head *list = &rq->queued[task->priority];

	if (front)
		list_add(&task->run, list);
	else
		list_add_tail(&task->run, list);
	task->queued = true;
	WRITE_ONCE(task->cpu, rq->cpu);
	WRITE_ONCE(rq->nr_queued, rq->nr_queued + 1);
}

void dequeue_task(struct run_queue *rq, struct task *task)
{
	list_del(&task->run);
	task->queued = false;
	WRITE_ONCE(rq->nr_queued, rq->nr_queued - 1);
}

/* In seeded mode: a random one of the tasks of equal priority, so that every order that the rules allow can happen. */
static struct task *some_task(struct list_head *list)
{
	struct task *task;
	unsigned int n = 0;

	list_for_each_entry(task, list, run)
		n++;
	n = seeded_below(n);
	list_for_each_entry(task, list, run)
		if (!n--)
			break;
	return task;
}

struct task *first_task(struct run_queue *rq)
{
	for (int priority = NR_PRIORITIES - 1; rq->nr_queued && priority >= 0; priority--) {
		struct list_head *list = &rq->queued[priority];

		if (!list_empty(list))
			return sched_seeded ? some_task(list) : list_first_entry(list, struct task, run);
	}
	return NULL;
}

bool has_rival(const struct run_queue *rq, int priority)
{
	for (priority = max(priority, (int)PRIORITY_LOW); priority < NR_PRIORITIES; priority++)
		if (!list_empty(&rq->queued[priority]))
			return true;
	return false;
}

/*
 * If need_resched is set, the CPU was asked already. It will clear the flag under this lock, and then look at the
 * queue.
 */
void resched_cpu(struct run_queue *rq)
{
	if (per_cpu(need_resched, rq->cpu))
		return;
	WRITE_ONCE(per_cpu(need_resched, rq->cpu), true);
	if (rq->cpu != smp_processor_id())
		arch_send_ipi(rq->cpu, IPI_RESCHEDULE);
}

void preempt_for(struct run_queue *rq, const struct task *task)
{
	const struct task *running = per_cpu(current_task, rq->cpu);

	if (task->priority > running->priority || (sched_seeded && seeded_below(2)))
		resched_cpu(rq);
}
