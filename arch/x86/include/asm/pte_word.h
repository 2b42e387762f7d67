/* SPDX-License-Identifier: MIT */
/*
 * Access to one entry that is one word of the machine, so each access is whole. <asm/pte_atomic.h> of the target
 * includes this.
 */
#pragma once

#include <asm/machine.h> /* WORD_SUFFIX */
#include <lib/compiler.h>

static inline pte_t pte_read(const pte_t *p) { return __pte(__atomic_load_n(&p->val, __ATOMIC_ACQUIRE)); }
static inline vaddr_t pte_read_low(const pte_t *p) { return (vaddr_t)pte_read(p).val; }
static inline pte_t pte_complete(const pte_t *p __maybe_unused, vaddr_t low) { return __pte(low); }
static inline pte_t pte_peek(const pte_t *p) { return __pte(p->val); }
static inline pte_t pte_glance(const pte_t *p) { return __pte(__atomic_load_n(&p->val, __ATOMIC_RELAXED)); }
static inline bool pte_empty(const pte_t *p) { return pte_none(pte_peek(p)); }
static inline void raw_pte_store(pte_t *p, pte_t pte) { __atomic_store_n(&p->val, pte.val, __ATOMIC_RELEASE); }
static inline void raw_pte_fill(pte_t *p, pte_t pte) { raw_pte_store(p, pte); }
static inline pte_t raw_pte_xchg(pte_t *p, pte_t pte)
{
	return __pte(__atomic_exchange_n(&p->val, pte.val, __ATOMIC_SEQ_CST));
}
static inline bool raw_pte_cmpxchg(pte_t *p, pte_t old, pte_t new)
{
	return __atomic_compare_exchange_n(&p->val, &old.val, new.val, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

/* From 32 entries on the string instruction, which is slow to start, is quicker than a loop. */
static inline void raw_pte_clear_run(pte_t *p, unsigned long n)
{
	if (n >= 32) {
		__asm__ volatile("rep stos" WORD_SUFFIX : "+D"(p), "+c"(n) : "a"(0ul) : "memory");
		return;
	}
	for (p--; n; n--) {
		OPTIMIZER_HIDE_VAR(p); /* or gcc counts with two pointers, and compares them */
		OPTIMIZER_HIDE_VAR(n);
		raw_pte_store(p + n, __pte(0));
	}
}
