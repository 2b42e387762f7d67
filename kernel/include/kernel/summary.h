/* SPDX-License-Identifier: MIT */
/*
 * The summary: one block of text, for people who see the machine for the first time or send a photo of its screen.
 * kernel/summary.c gathers the facts; summary_format() makes lines of them.
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
	unsigned int cpus, cpus_found;	  /* CPUs that run, and all of the machine */
	u64 ram, ram_found;		  /* bytes that the kernel uses, and all of the machine */
	const struct summary_loss *loss; /* why the kernel does not use the rest; those of 0 bytes are skipped */
	unsigned int nr_losses;
	unsigned long warnings, problems; /* broken invariants; other lines of level KERN_WARNING and above */
	const char *first_problem;	  /* the first of `problems`; NULL or "": none */
	bool keyboard;
	const struct ktest_outcome *tests; /* NULL: none have run */
};

struct summary_text {
	unsigned int nr; /* lines, at most SUMMARY_LINES */
	char line[SUMMARY_LINES][SUMMARY_COLS + 1];
};

/* Make the lines, the most important ones first. Pure. */
void summary_format(struct summary_text *text, const struct summary *facts);

/* kernel/summary.c: print the summary of this boot on all consoles, as comments of a test run ("# "), or plainly. */
void summary_after_tests(const struct ktest_outcome *totals);
void summary_show(void);
