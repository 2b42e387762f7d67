/* SPDX-License-Identifier: MIT */
/*
 * How fast do the counters run? Measured once against a clock whose speed is a standard. Pure: the clock and the
 * counters are handed in, so that the host's tests can be slow wherever they like. arch/x86/cpu/apic/calibrate.c
 */
#pragma once

#include <lib/compiler.h>

#define MEASURE_HZ 100 /* a measurement takes 1/100 s */

struct reference_clock {
	const char *name;
	bool (*prepare)(void); /* false: it is not there */
	void (*start)(void);   /* one access to the hardware */
	bool (*expired)(void); /* 1/100 s after start, or later */
};

/* What is to be measured. Either part may be NULL: there is none. */
struct counters {
	u64 (*cycles)(void);	  /* time stamp counter */
	void (*start_apic)(void); /* the local APIC's timer: counts from now on */
	u32 (*apic_counts)(void); /* since then */
};

/* In 1/100 s. */
struct measured {
	u64 cycles;
	u32 apic_counts;
	u32 polls; /* reads of an I/O port, for delays on a CPU without time stamp counter */
};

/* False: the clock is not there, or does not run, or this CPU never got enough time to look at it. */
bool calibrate_by(const struct reference_clock *clock, const struct counters *counters, struct measured *result);
