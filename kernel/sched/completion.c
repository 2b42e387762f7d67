/* SPDX-License-Identifier: MIT */
/*
 * Completions: a counter under the lock of its wait queue. A waiter sees the counter raised only after complete() has
 * released the lock. From then on complete() does not touch the completion, so it may be on the waiter's stack.
 */
#include <kernel/completion.h>
#include "internal.h"

#define FOR_ALL (~0U) /* `done` after complete_all(): never used up */

void init_completion(struct completion *c)
{
	c->done = 0;
	init_waitqueue_head(&c->waiters);
}

static void raise(struct completion *c, unsigned int by)
{
	bool flags;

	spin_lock_irqsave(&c->waiters.lock, flags);
	c->done = by == FOR_ALL || c->done == FOR_ALL ? FOR_ALL : c->done + by;
	wake_up_locked(&c->waiters);
	spin_unlock_irqrestore(&c->waiters.lock, flags);
}

void complete(struct completion *c)
{
	raise(c, 1);
}

void complete_all(struct completion *c)
{
	raise(c, FOR_ALL);
}

static bool take(struct completion *c)
{
	bool flags, done;

	spin_lock_irqsave(&c->waiters.lock, flags);
	done = c->done != 0;
	if (done && c->done != FOR_ALL)
		c->done--;
	spin_unlock_irqrestore(&c->waiters.lock, flags);
	return done;
}

static bool take_or_enter(struct completion *c, struct wait_queue_entry *entry)
{
	prepare_to_wait(&c->waiters, entry, TASK_UNINTERRUPTIBLE);
	return take(c);
}

void wait_for_completion(struct completion *c)
{
	struct wait_queue_entry entry;
	bool done;

	might_sleep();
	for (done = take(c); !done;) {
		done = take_or_enter(c, &entry);
		if (!done)
			schedule();
		finish_wait(&c->waiters, &entry);
	}
}

unsigned long wait_for_completion_timeout(struct completion *c, unsigned long timeout)
{
	long left = (long)min(timeout, (unsigned long)MAX_SCHEDULE_TIMEOUT);
	struct wait_queue_entry entry;
	bool done;

	might_sleep();
	for (done = take(c); !done && left;) {
		done = take_or_enter(c, &entry);
		if (!done)
			left = schedule_timeout(left);
		finish_wait(&c->waiters, &entry);
	}
	return done || take(c) ? (unsigned long)max(left, 1l) : 0;
}
