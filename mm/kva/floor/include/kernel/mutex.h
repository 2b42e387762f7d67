/* SPDX-License-Identifier: MIT */
/* A lock whose waiters let other threads run. Thread context, may sleep. Only the holder may unlock. Not recursive. */
#pragma once

#include <kernel/wait.h>

struct mutex {
	struct task *owner; /* NULL: free */
};

#define DEFINE_MUTEX(var) struct mutex var = { NULL }
void mutex_lock(struct mutex *mutex);
bool mutex_trylock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
bool mutex_is_mine(const struct mutex *mutex);
