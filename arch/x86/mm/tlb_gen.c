/* SPDX-License-Identifier: MIT */
/*
 * Generations of whole-TLB flushes.
 *
 *	begun		the number of the last one that has begun
 *	completed	the highest number of one that every CPU has answered
 *
 * A stamp is the value of `begun` after entries were cleared. A flush with a greater number began after the stamp was
 * taken, so each CPU executed it after the entries were cleared: any one such flush covers the stamp. The flush with
 * the stamp's own number began before, and some CPU may have executed it before the entries were cleared, so it does
 * not count. Flushes may overlap and end in another order than they began; hence `completed` is a maximum.
 */
#include <arch/barrier.h>
#include <asm/tlb.h>
#include <lib/atomic.h>

struct tlb_gens tlb_gens;

unsigned long tlb_gen_begin(void)
{
	return (unsigned long)atomic_long_inc_return(&tlb_gens.begun);
}

void tlb_stamp_raise(atomic_long_t *to, tlb_stamp_t stamp)
{
	unsigned long seen = (unsigned long)atomic_long_read(to);

	while (tlb_gen_later(stamp.gen, seen)) {
		unsigned long was = (unsigned long)atomic_long_cmpxchg(to, (long)seen, (long)stamp.gen);

		if (was == seen)
			return;
		seen = was;
	}
}

void tlb_gen_complete(unsigned long gen)
{
	tlb_stamp_raise(&tlb_gens.completed, (tlb_stamp_t){ gen });
}
