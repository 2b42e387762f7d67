/* SPDX-License-Identifier: MIT */
/* Locks whose waiters let other threads run. A thread is known by its words (host_thread). */
#include "mm/kva/floor/floor.h"

#define YIELDS_UNTIL_REPORT (1ul << 20)

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
	static bool said;

	BUG_ON(mutex_is_mine(mutex));
	for (unsigned long yields = 0; !mutex_trylock(mutex); yields++) {
		cpu_relax();
		host_yield();
		if (yields == YIELDS_UNTIL_REPORT && !xchg(&said, true))
			printk("a lock has been waited for during %lu calls of host_yield(): does it let other threads "
			       "run?\n",
			       yields);
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
