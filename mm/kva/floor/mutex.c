/* SPDX-License-Identifier: MIT */
/* Locks whose waiters let other threads run. The words of a thread are its name. */
#include "mm/kva/floor/floor.h"

bool mutex_trylock(struct mutex *mutex)
{
	struct task *nobody = NULL;

	if (!try_cmpxchg(&mutex->owner, &nobody, current))
		return false;
	this_thread()->mutexes++;
	return true;
}

void mutex_lock(struct mutex *mutex)
{
	BUG_ON(mutex_is_mine(mutex));
	while (!mutex_trylock(mutex)) {
		cpu_relax();
		host_yield();
	}
}

void mutex_unlock(struct mutex *mutex)
{
	BUG_ON(!mutex_is_mine(mutex));
	this_thread()->mutexes--;
	smp_store_release(&mutex->owner, NULL);
}

bool mutex_is_mine(const struct mutex *mutex)
{
	return READ_ONCE(mutex->owner) == current;
}

signed long schedule_timeout_uninterruptible(signed long timeout __maybe_unused)
{
	host_yield();
	return 0;
}
