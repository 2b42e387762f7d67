/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: make the n-th allocation of a kind fail, or make allocations fail again and again.
 *
 *	inject_set(INJECT_TABLE, 3);	the third table page from now on is refused
 *	...
 *	left = inject_clear(INJECT_TABLE);	> 0: it was never reached
 *
 *	inject_repeat(INJECT_SLAB, &(struct inject_repeat){ .every = 7 });	each seventh object
 *	inject_repeat(INJECT_PAGE, &(struct inject_repeat){ .ms = 20, .by = "vmalloc*" });	a page every 20 ms
 *
 * With inject_set() only allocations of the calling thread count, so other threads do not disturb a test. With
 * inject_set_for_all() and inject_repeat() those of every thread count, processes too. Allocations by interrupt
 * handlers never count.
 *
 * On the command line, armed before each test, for every thread (SITE: page, table, slab, or any for all three; several
 * orders with commas between them):
 *
 *	inject=SITE:nth=N		the N-th, once
 *	inject=SITE:every=N		each N-th
 *	inject=SITE:ms=N		the first one, then one every N milliseconds
 *	inject=SITE:...:by=FUNCTION	only those by this function or what it calls (a glob, up to 31 characters)
 */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

enum inject_site { INJECT_PAGE, INJECT_TABLE, INJECT_SLAB, NR_INJECT_SITES };

void inject_set(enum inject_site site, unsigned int nth);
void inject_set_for_all(enum inject_site site, unsigned int nth);

/* every or ms is 0, not both. by: a glob for a function on the stack, kept until inject_clear(); NULL: any caller. */
struct inject_repeat {
	unsigned int every, ms;
	const char *by;
};
void inject_repeat(enum inject_site site, const struct inject_repeat *repeat);

/*
 * Disarm a site. Returns how many allocations were left up to the failing one (1 while failures repeat; 0: not armed).
 */
unsigned int inject_clear(enum inject_site site);
/* How many allocations have failed at this site since it was armed. */
unsigned int inject_failures(enum inject_site site);
bool inject_fails_slow(enum inject_site site);
extern unsigned int inject_armed;

/* Is a function whose name matches the glob on this thread's stack? inject_by.c */
bool inject_called_by(const char *glob);

/* Arm what inject= and fail_page_alloc= say, for all threads. Called before each test. */
void inject_from_cmdline(void);

/* Called by the allocators: must this allocation fail? */
static inline bool inject_fails(enum inject_site site)
{
	return CONFIG_FAULT_INJECT && unlikely(READ_ONCE(inject_armed)) && inject_fails_slow(site);
}
