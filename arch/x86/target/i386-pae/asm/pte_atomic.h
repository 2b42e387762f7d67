/* SPDX-License-Identifier: MIT */
/*
 * Access to one entry: with PAE it is two words of a 32-bit machine, and neither the MMU nor another CPU may ever see
 * one half of the old and one of the new (FreeBSD rS342769). Whole values go through CMPXCHG8B; an entry that turns
 * present gets its high word first, one that turns absent loses its low word (with the present bit) first.
 */
#pragma once

static inline bool raw_pte_cmpxchg(pte_t *p, pte_t old, pte_t new)
{
	bool done;

	__asm__ volatile("lock cmpxchg8b %1"
			 : "=@ccz"(done), "+m"(p->val), "+A"(old.val)
			 : "b"((u32)new.val), "c"((u32)(new.val >> 32))
			 : "memory");
	return done;
}

/* The guess is what EBX and ECX happen to hold. If it is right it is stored again; else the whole value is returned. */
static inline pte_t pte_read(const pte_t *p)
{
	pteval_t val;

	__asm__ volatile("mov %%ebx, %%eax\n\tmov %%ecx, %%edx\n\tlock cmpxchg8b %1"
			 : "=&A"(val), "+m"(*(pteval_t *)&p->val)
			 :
			 : "memory", "cc");
	return __pte(val);
}

/*
 * Tables lie in the direct map, so the high word of a link is 0: neither half of another value can be mistaken for it.
 */
static inline vaddr_t pte_read_low(const pte_t *p) { return __atomic_load_n((const u32 *)&p->val, __ATOMIC_ACQUIRE); }
static inline pte_t pte_complete(const pte_t *p, vaddr_t low __maybe_unused) { return pte_read(p); }

static inline pte_t pte_peek(const pte_t *p) { return __pte(p->val); }
static inline pte_t pte_glance(const pte_t *p)
{
	const volatile u32 *half = (const volatile u32 *)&p->val;
	pteval_t low = half[0];

	return __pte(low | (pteval_t)half[1] << 32);
}

/* The low word is enough: no entry has bits only in its high word. */
static inline bool pte_empty(const pte_t *p) { return !(*(const u32 *)&p->val & ~(u32)PTE_PENDING); }

static inline void raw_pte_fill(pte_t *p, pte_t pte)
{
	volatile u32 *half = (volatile u32 *)&p->val;

	half[1] = (u32)(pte.val >> 32);
	half[0] = (u32)pte.val;
}

static inline void raw_pte_store(pte_t *p, pte_t pte)
{
	volatile u32 *half = (volatile u32 *)&p->val;

	if (pte.val & PTE_PRESENT) {
		raw_pte_fill(p, pte);
	} else {
		half[0] = (u32)pte.val;
		half[1] = (u32)(pte.val >> 32);
	}
}

/* The first guess may be torn; then the exchange, which compares both halves, fails. */
static inline pte_t raw_pte_xchg(pte_t *p, pte_t pte)
{
	pte_t old = pte_glance(p);

	while (!raw_pte_cmpxchg(p, old, pte))
		old = pte_read(p);
	return old;
}

/* No string instruction: its stores may be seen in any order. */
static inline void raw_pte_clear_run(pte_t *p, unsigned long n)
{
	p += n;
	for (long i = -(long)n; i; i++)
		raw_pte_store(p + i, __pte(0));
}
