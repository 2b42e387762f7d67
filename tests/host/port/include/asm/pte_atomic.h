/* SPDX-License-Identifier: MIT */
/* Access to one entry, for every geometry: the host moves 64 bits at once, so PAE needs no double-word dance here. */
#pragma once

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

static inline void raw_pte_clear_run(pte_t *p, unsigned long n)
{
	for (; n; n--, p++)
		raw_pte_store(p, __pte(0));
}
