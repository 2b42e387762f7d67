/* SPDX-License-Identifier: MIT */
/*
 * Writing an entry: the first of three events that the oracle must see (the others: execution of a flush, load of CR3).
 * An entry that a CPU can reach is written only by these functions. The raw_ functions of <asm/pte_atomic.h> do the
 * same without telling the oracle.
 *
 * pte_store: for the entry's owner; the old or the new value is not present. pte_fill: the same, and the old value is
 * empty. pte_clear_run: pte_store of an empty entry to n adjacent ones. pte_xchg, pte_cmpxchg: atomic, any values.
 */
#pragma once

#include <arch/tlb_oracle.h>

/* The oracle need not know of a change from not present to not present. */
static inline void pte_written(const pte_t *p, pte_t old, pte_t now)
{
	if ((old.val | now.val) & PTE_PRESENT)
		tlb_oracle(wrote(p, old, now));
}

static inline void pte_store(pte_t *p, pte_t pte)
{
	pte_t old = CONFIG_TLB_ORACLE ? pte_peek(p) : pte;

	raw_pte_store(p, pte);
	pte_written(p, old, pte);
}

static inline void pte_fill(pte_t *p, pte_t pte)
{
	raw_pte_fill(p, pte);
	pte_written(p, __pte(0), pte);
}

static inline void pte_clear_run(pte_t *p, unsigned long n)
{
	if (!CONFIG_TLB_ORACLE)
		raw_pte_clear_run(p, n);
	else
		for (; n; n--, p++)
			pte_store(p, __pte(0));
}

static inline pte_t pte_xchg(pte_t *p, pte_t pte)
{
	pte_t old = raw_pte_xchg(p, pte);

	pte_written(p, old, pte);
	return old;
}

static inline bool pte_cmpxchg(pte_t *p, pte_t old, pte_t now)
{
	bool done = raw_pte_cmpxchg(p, old, now);

	if (done)
		pte_written(p, old, now);
	return done;
}
