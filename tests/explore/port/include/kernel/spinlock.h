/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own, but taking a lock is one step that waits until the lock is free. The real lock is explored by
 * itself (scenarios/lock.c); elsewhere its spinning would only multiply runs. Releasing it is the real store.
 */
#pragma once

#ifdef XP_REAL_SPINLOCK
#include_next <kernel/spinlock.h>
#else
#define spin_lock contract_spin_lock
#include_next <kernel/spinlock.h>
#undef spin_lock

#include "tests/explore/runtime/explore.h"

static __always_inline void spin_lock(spinlock_t *lock)
{
	preempt_disable();
	xp_acquire(&lock->locked);
}
#endif
