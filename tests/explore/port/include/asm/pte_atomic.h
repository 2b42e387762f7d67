/* SPDX-License-Identifier: MIT */
/*
 * Access to one entry, as the target does it. With 4 levels an entry is one word. With PAE it is two words: a whole
 * value goes through CMPXCHG8B, which is a locked operation even where it only reads; otherwise each half is an access
 * of its own, the low one first in a look. (The real file is assembly.)
 */
#pragma once

#if HOST_LEVELS == 3

static inline bool raw_pte_cmpxchg(pte_t *p, pte_t old, pte_t new)
{
	return __atomic_compare_exchange_n(&p->val, &old.val, new.val, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* The guess of the real one is nearly always wrong; this one always is. */
static inline pte_t pte_read(const pte_t *p)
{
	pteval_t val = ~(pteval_t)0;

	__atomic_compare_exchange_n((pteval_t *)&p->val, &val, val, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return __pte(val);
}

static inline u32 *pte_half(const pte_t *p, unsigned int i) { return (u32 *)&p->val + i; }
static inline vaddr_t pte_read_low(const pte_t *p) { return __atomic_load_n(pte_half(p, 0), __ATOMIC_ACQUIRE); }
static inline pte_t pte_complete(const pte_t *p, vaddr_t low __maybe_unused) { return pte_read(p); }
static inline pte_t pte_peek(const pte_t *p) { return __pte(p->val); }
static inline pte_t pte_glance(const pte_t *p)
{
	pteval_t low = __atomic_load_n(pte_half(p, 0), __ATOMIC_RELAXED);

	return __pte(low | (pteval_t)__atomic_load_n(pte_half(p, 1), __ATOMIC_RELAXED) << 32);
}
static inline bool pte_empty(const pte_t *p) { return !(*pte_half(p, 0) & ~(u32)PTE_PENDING); }

static inline void raw_pte_fill(pte_t *p, pte_t pte)
{
	__atomic_store_n(pte_half(p, 1), (u32)(pte.val >> 32), __ATOMIC_RELAXED);
	__atomic_store_n(pte_half(p, 0), (u32)pte.val, __ATOMIC_RELAXED);
}

static inline void raw_pte_store(pte_t *p, pte_t pte)
{
	if (pte.val & PTE_PRESENT) {
		raw_pte_fill(p, pte);
		return;
	}
	__atomic_store_n(pte_half(p, 0), (u32)pte.val, __ATOMIC_RELAXED);
	__atomic_store_n(pte_half(p, 1), (u32)(pte.val >> 32), __ATOMIC_RELAXED);
}

static inline pte_t raw_pte_xchg(pte_t *p, pte_t pte)
{
	pte_t old = pte_glance(p);

	while (!raw_pte_cmpxchg(p, old, pte))
		old = pte_read(p);
	return old;
}

static inline void raw_pte_clear_run(pte_t *p, unsigned long n)
{
	for (; n; n--, p++)
		raw_pte_store(p, __pte(0));
}

#else

#include "tests/host/port/include/asm/pte_atomic.h"

#endif
