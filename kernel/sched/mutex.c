/* SPDX-License-Identifier: MIT */
/*
 * Mutexes: one word with the owner, and a queue of threads that wait until it is NULL. An unlock wakes the thread that
 * has waited longest, but does not hand it the mutex: that thread competes with all others, so no mutex is ever held by
 * a thread that has yet to be scheduled. If it loses, it goes to the end of the queue.
 */
#include <kernel/mutex.h>
#include "internal.h"

#include <arch/barrier.h>
#include <kernel/bug.h>
#include <lib/atomic.h>

void mutex_init_named(struct mutex *mutex, const char *name)
{
	mutex->owner = NULL;
	mutex->name = name;
	init_waitqueue_head(&mutex->waiters);
}

bool mutex_is_mine(const struct mutex *mutex)
{
	return READ_ONCE(mutex->owner) == current;
}

bool mutex_trylock(struct mutex *mutex)
{
	return !READ_ONCE(mutex->owner) && !cmpxchg(&mutex->owner, NULL, current);
}

void mutex_lock(struct mutex *mutex)
{
	struct wait_queue_entry entry;
	bool mine;

	might_sleep();
	if (mutex_is_mine(mutex))
		panic("thread %s locks mutex %s, which it holds", current->name, mutex->name);
	for (mine = mutex_trylock(mutex); !mine;) {
		prepare_to_wait(&mutex->waiters, &entry, TASK_UNINTERRUPTIBLE);
		mine = mutex_trylock(mutex);
		if (!mine)
			schedule();
		finish_wait(&mutex->waiters, &entry);
	}
}

void mutex_unlock(struct mutex *mutex)
{
	if (!mutex_is_mine(mutex))
		panic("thread %s unlocks mutex %s, which it does not hold", current->name, mutex->name);
	smp_store_release(&mutex->owner, NULL);
	if (waitqueue_active(&mutex->waiters))
		wake_up_first(&mutex->waiters);
}
