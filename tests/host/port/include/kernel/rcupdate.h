/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own, with a dereference that the thread sanitizer takes for what it is: it knows nothing of loads that
 * depend on one another, which the real machine keeps in order.
 */
#pragma once

#include_next <kernel/rcupdate.h>

#undef rcu_dereference
#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
