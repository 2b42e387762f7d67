/* SPDX-License-Identifier: MIT */
/*
 * Calibration (asm/calibrate.h).
 *
 * A hypervisor or the firmware may take the CPU away between any two instructions here. So the order is:
 *
 *	read the counters, start the clock ... the clock expires, read the counters again
 *
 * Lost time can only make a counter's result too high. Then ticks are late and delays are long, which does no harm. Of
 * several results the lowest is the best, for each counter. For polls it is the opposite: lost time makes their number
 * too low, and a delay of so many polls too short. Here the highest number is the best, and it is doubled to be safe.
 */
#include <asm/calibrate.h>
#include <lib/errno.h>

#define MEASURE_TRIES 5
#define POLLS_LEAST   100	/* fewer: this CPU was taken away, or "expired" is all that the clock ever says */
#define POLLS_MOST    (8U << 20) /* more: the clock does not run */
#define CYCLES_MOST   100000000ULL /* 1/100 s at 10 GHz; more: the clock does not run, or this CPU was away for long */
#define POLLS_MARGIN  2

static u64 cycles(const struct counters *c)
{
	return c->cycles ? c->cycles() : 0;
}

/* 0; -ENODEV: the clock is not there or seems not to run; -EAGAIN: too few polls. */
static int measure_once(const struct reference_clock *clock, const struct counters *counters, struct measured *m)
{
	u64 from;

	if (!clock->prepare())
		return -ENODEV;
	if (counters->start_apic)
		counters->start_apic();
	from = cycles(counters);
	clock->start();
	for (m->polls = 0; !clock->expired(); m->polls++) {
		if (m->polls > POLLS_MOST || cycles(counters) - from > CYCLES_MOST)
			return -ENODEV;
	}
	m->cycles = cycles(counters) - from;
	m->apic_counts = counters->start_apic ? counters->apic_counts() : 0;
	return m->polls < POLLS_LEAST ? -EAGAIN : 0;
}

bool calibrate_by(const struct reference_clock *clock, const struct counters *counters, struct measured *result)
{
	struct measured m, best = { 0 };
	bool any = false;

	for (unsigned int i = 0; i < MEASURE_TRIES; i++) {
		int error = measure_once(clock, counters, &m);

		if (error == -ENODEV)
			break;
		if (error)
			continue;
		best.cycles = any ? min(best.cycles, m.cycles) : m.cycles;
		best.apic_counts = any ? min(best.apic_counts, m.apic_counts) : m.apic_counts;
		best.polls = max(best.polls, m.polls);
		any = true;
	}
	best.polls *= POLLS_MARGIN;
	if (any)
		*result = best;
	return any;
}
