/* SPDX-License-Identifier: MIT */
/* Calling something in a context where it may or may not be called. */
#pragma once

#include <lib/compiler.h>

enum context {
	THREAD,
	NO_PREEMPT, /* preempt_disable() */
	UNDER_LOCK, /* a spinlock of threads is held */
	IRQS_OFF,   /* in a thread */
	HANDLER,    /* of the timer */
	IN_NMI,
	NR_CONTEXTS
};
extern const char *const context_name[NR_CONTEXTS];

/* Of the last call. */
struct attempt {
	bool came_back; /* no assertion at its head has stopped it */
	bool over;
	unsigned long warnings;
};
extern struct attempt attempt;

/* Call it there, once, with warnings expected. The test's thread, interrupts on. */
void attempt_in(enum context where, void (*call)(void));
