/* SPDX-License-Identifier: MIT */
/*
 * Memory barriers under Linux's names. x86 keeps loads in order and stores in order, so only smp_mb() costs an
 * instruction; the others keep only the compiler from reordering. (Intel SDM vol. 3, 8.2.)
 */
#pragma once

#include <lib/compiler.h>

#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
