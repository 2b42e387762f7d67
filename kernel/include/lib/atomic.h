/* SPDX-License-Identifier: MIT */
/*
 * Atomic counters and exchanges under Linux's names, for words up to the size of a long.
 * read, set, inc, dec, add and sub order nothing; read_acquire comes before all that follows. The other operations
 * order everything before and after them.
 */
#pragma once

#include <lib/compiler.h>

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

#define ATOMIC_INIT(v)	    { (v) }
#define ATOMIC_LONG_INIT(v) { (v) }

/* Defines the functions of one type. */
#define __DEFINE_ATOMIC(name, type) \
	static inline type name##_read(const name##_t *a) \
	{ \
		return __atomic_load_n(&a->counter, __ATOMIC_RELAXED); \
	} \
	static inline type name##_read_acquire(const name##_t *a) \
	{ \
		return __atomic_load_n(&a->counter, __ATOMIC_ACQUIRE); \
	} \
	static inline void name##_set(name##_t *a, type v) \
	{ \
		__atomic_store_n(&a->counter, v, __ATOMIC_RELAXED); \
	} \
	static inline void name##_add(type v, name##_t *a) \
	{ \
		__atomic_fetch_add(&a->counter, v, __ATOMIC_RELAXED); \
	} \
	static inline void name##_sub(type v, name##_t *a) \
	{ \
		__atomic_fetch_sub(&a->counter, v, __ATOMIC_RELAXED); \
	} \
	static inline void name##_inc(name##_t *a) \
	{ \
		name##_add(1, a); \
	} \
	static inline void name##_dec(name##_t *a) \
	{ \
		name##_sub(1, a); \
	} \
	static inline type name##_add_return(type v, name##_t *a) \
	{ \
		return __atomic_add_fetch(&a->counter, v, __ATOMIC_SEQ_CST); \
	} \
	static inline type name##_sub_return(type v, name##_t *a) \
	{ \
		return __atomic_sub_fetch(&a->counter, v, __ATOMIC_SEQ_CST); \
	} \
	static inline type name##_fetch_add(type v, name##_t *a) \
	{ \
		return __atomic_fetch_add(&a->counter, v, __ATOMIC_SEQ_CST); \
	} \
	static inline type name##_inc_return(name##_t *a) \
	{ \
		return name##_add_return(1, a); \
	} \
	static inline type name##_dec_return(name##_t *a) \
	{ \
		return name##_sub_return(1, a); \
	} \
	static inline bool name##_dec_and_test(name##_t *a) \
	{ \
		return name##_sub_return(1, a) == 0; \
	} \
	static inline type name##_xchg(name##_t *a, type v) \
	{ \
		return __atomic_exchange_n(&a->counter, v, __ATOMIC_SEQ_CST); \
	} \
	static inline type name##_cmpxchg(name##_t *a, type old, type v) \
	{ \
		__atomic_compare_exchange_n(&a->counter, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
		return old; \
	}

__DEFINE_ATOMIC(atomic, int)
__DEFINE_ATOMIC(atomic_long, long)

/* Store v in *ptr. Value: what was there. */
#define xchg(ptr, v) ({ \
	static_assert(sizeof(*(ptr)) <= sizeof(long), "xchg: wider than a word"); \
	__atomic_exchange_n(ptr, v, __ATOMIC_SEQ_CST); })

/* If *ptr is `old`, make it v. Value: what was there, so success is value == old. */
#define cmpxchg(ptr, old, v) ({ \
	static_assert(sizeof(*(ptr)) <= sizeof(long), "cmpxchg: wider than a word"); \
	__typeof__(*(ptr)) _old = (old); \
	__atomic_compare_exchange_n(ptr, &_old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
	_old; })

/* The same as a condition; on failure *(oldp) becomes what was there. */
#define try_cmpxchg(ptr, oldp, v) ({ \
	static_assert(sizeof(*(ptr)) <= sizeof(long), "try_cmpxchg: wider than a word"); \
	__atomic_compare_exchange_n(ptr, oldp, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); })
