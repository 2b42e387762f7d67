/* SPDX-License-Identifier: MIT */
/*
 * Calibration (asm/calibrate.h).
 *
 * A hypervisor, or the firmware, may take the CPU away between any two instructions here. So
 *
 *	the counters are read first, then the clock is started ... it expires, then the counters are read again
 *
 * and whatever is lost, and wherever, makes the measured time longer than the clock's, never shorter: a tick that is
 * late and a delay that is long do no harm. Of several measurements the shortest is the best, for each counter. Polls
 * are the other way round: time that is lost makes them fewer, and so a delay too short. There the most are best, and
 * doubled.
 */
#include <asm/calibrate.h>
#include <lib/errno.h>

#define MEASURE_TRIES 5
#define POLLS_LEAST   100	/* fewer: the clock does not run, or we did not */
#define POLLS_MOST    (8U << 20) /* more: it does not run */
#define CYCLES_MOST   100000000ULL /* of a counter at 10 GHz */
#define POLLS_MARGIN  2

static u64 cycles(const struct counters *c)
{
	return c->cycles ? c->cycles() : 0;
}

/* 0; -ENODEV: the clock is not there or does not run; -EAGAIN: the CPU was taken away meanwhile. */
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
