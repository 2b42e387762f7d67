/* SPDX-License-Identifier: MIT */
/*
 * A lock whose waiters sleep. Thread context, may sleep. The holder may sleep; only it may unlock. Not recursive
 * (panics).
 */
#pragma once

#include <kernel/wait.h>

struct mutex {
	struct task *owner; /* NULL: free */
	struct wait_queue_head waiters;
	const char *name;
};

#define MUTEX_INIT(var)	  { .waiters = WAIT_QUEUE_INIT((var).waiters), .name = #var }
#define DEFINE_MUTEX(var) struct mutex var = MUTEX_INIT(var)
#define mutex_init(mutex) mutex_init_named(mutex, #mutex)
void mutex_init_named(struct mutex *mutex, const char *name); /* name must live as long as the mutex */
void mutex_lock(struct mutex *mutex);
bool mutex_trylock(struct mutex *mutex); /* does not sleep */
void mutex_unlock(struct mutex *mutex);
bool mutex_is_mine(const struct mutex *mutex); /* does the caller hold it? */
