/* SPDX-License-Identifier: MIT */
/*
 * A curve: what one call costs while something that it should not depend on grows. `make bench-growth` runs all of
 * them; the goals are in growth.tsv.
 *
 *	static void vmap_one(unsigned long size, unsigned long i) { ... }
 *	static const struct growth curves[] = {
 *		{ "vmap_1p_live", { 100, 1000, 10000 }, vmap_one, .calls = 1000, .setup = fill, .teardown = empty },
 *	};
 *	GROWTH_CURVES(space, curves)
 *
 * Each call is measured by itself, so there is a worst one. What is between two calls is not measured.
 */
#pragma once

#include "tests/bench/bench.h"

#define GROWTH_SIZES 6

struct growth {
	const char *name;
	unsigned long size[GROWTH_SIZES];	/* in order; the first may be 0, else 0 ends them */
	void (*run)(unsigned long size, unsigned long i); /* one call; i counts from 0, calls to warm up included */
	unsigned long calls, warm;		/* measured ones (0: as many as the size), and before them others */
	bool (*setup)(unsigned long size);	/* false: it does not work; teardown is called all the same */
	void (*teardown)(unsigned long size);
	void (*before)(unsigned long size, unsigned long i), (*after)(unsigned long size, unsigned long i);
	unsigned long most32;			/* largest size of 32-bit kernels; 0: all */
};

#define GROWTH_CURVES(_name, curves) \
	KTEST(bench_growth, _name) \
	{ \
		growth_run(curves, sizeof(curves) / sizeof((curves)[0])); \
	}

/* Measure the curves that row=GLOB selects, up to sizes of growth_most=N, and print a line for each size. */
void growth_run(const struct growth *curves, unsigned int nr);

/* A number that is no time, in the same table. */
void growth_note(const char *name, unsigned long size, unsigned long value);
bool growth_wanted(const char *name, unsigned long size);

/* `nr` areas of one page, all maps of the same page: growth_live[0 ... nr - 1]. There is room for `more`. */
extern void **growth_live;
extern struct page *growth_page;
bool growth_fill(unsigned long nr, unsigned long more);
void growth_empty(void);
