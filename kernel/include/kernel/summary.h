/* SPDX-License-Identifier: MIT */
/*
 * What a person should know who sees the machine for the first time, or sends a photo of its screen: one block of text.
 * kernel/summary.c gathers the facts; this makes lines of them.
 */
#pragma once

#include <kernel/ktest.h>

#define KERNEL_VERSION "0.1.0"

#define SUMMARY_LINES 15
#define SUMMARY_COLS  78 /* with "# " in front of it a line fits into 80 */

struct summary_loss {
	const char *why; /* "beyond what this mode can address" */
	u64 bytes;
};

/* Texts may be of any length; none but first_problem may be NULL. */
struct summary {
	const char *mode, *build, *cpu, *firmware, *console;
	unsigned int levels;
	unsigned int cpus, cpus_found;	  /* that run, and that the machine has */
	u64 ram, ram_found;		  /* bytes: ours, and of the machine */
	const struct summary_loss *loss; /* why the rest is not ours; those of 0 bytes are passed over */
	unsigned int nr_losses;
	unsigned long warnings, problems; /* broken invariants, and other lines that say that something is wrong */
	const char *first_problem;	  /* the first of those; NULL or "": none */
	bool keyboard;
	const struct ktest_outcome *tests; /* NULL: none have run */
};

struct summary_text {
	unsigned int nr; /* lines, at most SUMMARY_LINES */
	char line[SUMMARY_LINES][SUMMARY_COLS + 1];
};

/* What matters most stands first. Pure. */
void summary_format(struct summary_text *text, const struct summary *facts);

/* kernel/summary.c: the block of this boot, on all consoles; as comments in the results of a run, or plainly. */
void summary_after_tests(const struct ktest_outcome *totals);
void summary_show(void);
