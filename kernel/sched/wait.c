/* SPDX-License-Identifier: MIT */
/*
 * Wait queues. Completions and mutexes use them.
 *
 * No wake-up is lost, because each side takes its two steps in this order:
 *
 *	waiter:  enter the queue, be asleep | check the condition
 *	waker:   make the condition true    | look at the queue
 *
 * and both have a full barrier between them (the queue's lock, or set_current_state). A task removes its own entry,
 * under the queue's lock. The waker holds that lock, so the task cannot have ended.
 */
#include <kernel/wait.h>
#include "internal.h"

#include <arch/barrier.h>

void init_waitqueue_head(struct wait_queue_head *queue)
{
	spin_lock_init_ranked(&queue->lock, "wait_queue", 0);
	queue->nr = 0;
	INIT_LIST_HEAD(&queue->waiters);
}

void prepare_to_wait(struct wait_queue_head *queue, struct wait_queue_entry *entry, int state)
{
	bool flags;

	entry->task = current;
	spin_lock_irqsave(&queue->lock, flags);
	list_add_tail(&entry->list, &queue->waiters);
	WRITE_ONCE(queue->nr, queue->nr + 1);
	set_current_state((enum task_state)state);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void finish_wait(struct wait_queue_head *queue, struct wait_queue_entry *entry)
{
	bool flags;

	set_current_state(TASK_RUNNING);
	spin_lock_irqsave(&queue->lock, flags);
	list_del(&entry->list);
	WRITE_ONCE(queue->nr, queue->nr - 1);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* The entries stay in the queue until their tasks have run. */
void wake_up_locked(struct wait_queue_head *queue)
{
	struct wait_queue_entry *entry;

	list_for_each_entry(entry, &queue->waiters, list)
		wake_up_process(entry->task);
}

void wake_up(struct wait_queue_head *queue)
{
	bool flags;

	spin_lock_irqsave(&queue->lock, flags);
	wake_up_locked(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
}

void wake_up_first(struct wait_queue_head *queue)
{
	bool flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (!list_empty(&queue->waiters))
		wake_up_process(list_first_entry(&queue->waiters, struct wait_queue_entry, list)->task);
	spin_unlock_irqrestore(&queue->lock, flags);
}

bool waitqueue_active(struct wait_queue_head *queue)
{
	smp_mb();
	return READ_ONCE(queue->nr) != 0;
}
