/* SPDX-License-Identifier: MIT */
/*
 * Generations of whole-TLB flushes.
 *
 *	begun		the number of the last one that has begun
 *	completed	the highest number of one that every CPU has answered
 *
 * Flushes may overlap and end in another order than they began. Whose number is greater than a stamp began after the stamp
 * was taken, so each CPU did its part after the entries were cleared: one such flush is enough, whichever it is. One with
 * the stamp's own number may have passed some CPU before that, and does not count. Hence `completed` is a maximum, and a
 * stamp is covered by a *greater* number.
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
