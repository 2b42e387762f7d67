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

static atomic_long_t begun, completed;

unsigned long tlb_gen_begin(void)
{
	return (unsigned long)atomic_long_inc_return(&begun);
}

/* Numbers are compared by their distance, so that it does not matter when they wrap. */
static bool later(unsigned long a, unsigned long b)
{
	return (long)(a - b) > 0;
}

void tlb_stamp_raise(atomic_long_t *to, tlb_stamp_t stamp)
{
	unsigned long seen = (unsigned long)atomic_long_read(to);

	while (later(stamp.gen, seen)) {
		unsigned long was = (unsigned long)atomic_long_cmpxchg(to, (long)seen, (long)stamp.gen);

		if (was == seen)
			return;
		seen = was;
	}
}

void tlb_gen_complete(unsigned long gen)
{
	tlb_stamp_raise(&completed, (tlb_stamp_t){ gen });
}

unsigned long tlb_gen_begun(void)
{
	return (unsigned long)atomic_long_read(&begun);
}

unsigned long tlb_gen_completed(void)
{
	return (unsigned long)atomic_long_read(&completed);
}

tlb_stamp_t tlb_stamp_ordered(void)
{
	return (tlb_stamp_t){ tlb_gen_begun() };
}

tlb_stamp_t tlb_stamp(void)
{
	smp_mb();
	return tlb_stamp_ordered();
}

bool tlb_stamp_covered(tlb_stamp_t stamp)
{
	bool covered = later(tlb_gen_completed(), stamp.gen);

	smp_rmb();
	return covered;
}

tlb_stamp_t tlb_stamp_later(tlb_stamp_t a, tlb_stamp_t b)
{
	return later(a.gen, b.gen) ? a : b;
}
