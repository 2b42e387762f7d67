/* SPDX-License-Identifier: MIT */
/*
 * Measures how fast counters run, against a clock of known speed. Pure: the caller hands in the clock and the counters,
 * so tests on the host can lose time at any point. arch/x86/cpu/apic/calibrate.c
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

/* What is to be measured. cycles or start_apic is NULL if there is no such counter. */
struct counters {
	u64 (*cycles)(void);	  /* time stamp counter */
	void (*start_apic)(void); /* the local APIC's timer: counts from now on */
	u32 (*apic_counts)(void); /* counts since start_apic() */
};

/* Counts in 1/100 s. */
struct measured {
	u64 cycles;
	u32 apic_counts;
	u32 polls; /* reads of an I/O port, for delays on a CPU without time stamp counter */
};

/* False: the clock is not there, or does not run, or this CPU never had enough time to look at it. */
bool calibrate_by(const struct reference_clock *clock, const struct counters *counters, struct measured *result);
