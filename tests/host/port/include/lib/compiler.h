/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own, with accesses that the thread sanitizer takes for what they are: it knows atomic operations, and
 * would report a volatile access beside another CPU's as a race.
 */
#pragma once

#include_next <lib/compiler.h>

#undef READ_ONCE
#undef WRITE_ONCE
#define READ_ONCE(x)	 __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
