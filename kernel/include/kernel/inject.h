/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: make allocations of a kind fail; the n-th, once, or again and again.
 *
 *	inject_set(INJECT_TABLE, 3);	the third table page from now on is refused
 *	...
 *	left = inject_clear(INJECT_TABLE);	> 0: it was never reached
 *
 *	inject_repeat(INJECT_SLAB, &(struct inject_repeat){ .every = 7 });	each seventh object
 *	inject_repeat(INJECT_PAGE, &(struct inject_repeat){ .ms = 20, .by = "vmalloc*" });	a page for vmalloc every 20 ms
 *
 * Only allocations of the thread that armed it count, so a test is not disturbed by others; with inject_set_for_all() and
 * inject_repeat() those of every thread, because a process makes its own. Never those of handlers.
 *
 * On the command line, for every test that is run and every thread (SITE: page, table, slab, or any for all three; several
 * orders with commas between them):
 *
 *	inject=SITE:nth=N		the N-th, once
 *	inject=SITE:every=N		each N-th
 *	inject=SITE:ms=N		the first one, and from then on the next after every N milliseconds
 *	inject=SITE:...:by=FUNCTION	only those that are made by this function or what it calls (a glob, up to 31 characters)
 */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

enum inject_site { INJECT_PAGE, INJECT_TABLE, INJECT_SLAB, NR_INJECT_SITES };

void inject_set(enum inject_site site, unsigned int nth);
void inject_set_for_all(enum inject_site site, unsigned int nth);

/* One of the two is 0. by: a glob for a function on the stack, read until inject_clear(); NULL: whoever asks. */
struct inject_repeat {
	unsigned int every, ms;
	const char *by;
};
void inject_repeat(enum inject_site site, const struct inject_repeat *repeat);

/* Disarm a site; how many allocations were left to the one that fails (1 while failures repeat, 0: not armed). */
unsigned int inject_clear(enum inject_site site);
/* How many have been made to fail at this site since it was armed. */
unsigned int inject_failures(enum inject_site site);
bool inject_fails_slow(enum inject_site site);
extern unsigned int inject_armed;

/* Is a function whose name matches the glob on this thread's stack? inject_by.c */
bool inject_called_by(const char *glob);

/* inject= and fail_page_alloc= of the command line, for everybody: before each test. */
void inject_from_cmdline(void);

/* Asked by the allocators: shall this one fail? */
static inline bool inject_fails(enum inject_site site)
{
	return CONFIG_FAULT_INJECT && unlikely(READ_ONCE(inject_armed)) && inject_fails_slow(site);
}
