/* SPDX-License-Identifier: MIT */
/*
 * A row of the benchmark: an operation that is done many times between two readings of the cycle counter, which with
 * QEMU's -icount counts instructions.
 *
 *	BENCH_OP(vmalloc_free)			one operation; `arg` is the row's, `i` counts from 0
 *	{
 *		touch_and_vfree(vmalloc(arg << PAGE_SHIFT));
 *	}
 *	static const struct bench rows[] = {
 *		{ "vmalloc_1p", vmalloc_free, 1 },
 *	};
 *	BENCH_ROWS(areas, rows)
 */
#pragma once

#include <kernel/ktest.h>
#include <lib/types.h>

struct bench {
	const char *name;			       /* as in linux-best.tsv */
	void (*run)(unsigned long arg, unsigned long n); /* n operations; NULL: the kernel cannot do it yet */
	unsigned long arg;
	unsigned long n;			       /* operations; 0: BENCH_N */
	bool (*setup)(unsigned long arg, unsigned long n); /* not measured; false: does not work, teardown is called */
	void (*teardown)(unsigned long arg, unsigned long n);
	bool cold;				       /* no unmeasured operations first: they would spoil the set-up */
	bool wide;				       /* 64-bit kernels only */
};

#define BENCH_N (BITS_PER_LONG == 64 ? 2000ul : 1000ul)

/* The loop is part of what is measured, so nothing is called through a pointer in it. */
#define BENCH_OP(op) \
	static __always_inline void op##_once(unsigned long arg, unsigned long i); \
	static void op(unsigned long arg, unsigned long n) \
	{ \
		for (unsigned long i = 0; i < n; i++) \
			op##_once(arg, i); \
	} \
	static __always_inline void op##_once(unsigned long arg __maybe_unused, unsigned long i __maybe_unused)

#define BENCH_ROWS(_name, rows) \
	KTEST(bench, _name) \
	{ \
		bench_run(rows, sizeof(rows) / sizeof((rows)[0])); \
	}

/* Measure the rows that row=GLOB on the command line selects and print a line each; bench_n=N overrides their n. */
void bench_run(const struct bench *rows, unsigned int nr);

/* For operations: something that has to work did not. */
void bench_fail(void);
/* How often since this was asked last. */
unsigned long bench_failed(void);

/* 0 <= result < below, in a few instructions. */
extern u32 bench_random_state;
static inline u32 bench_random(u32 below)
{
	bench_random_state = bench_random_state * 1664525 + 1013904223;
	return (u32)((u64)bench_random_state * below >> 32);
}

/* Write to the first page, so that the mapping is used, and end it. */
#define bench_touch(p) (*(volatile char *)(p) = 1)

/*
 * Where plugin/count.c looks: it counts what a CPU does between bench_begin() and bench_end() on it, and writes down
 * and forgets what it has counted at bench_report().
 */
void bench_begin(void);
void bench_end(void);
void bench_report(void);
