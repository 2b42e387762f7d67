/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: make the n-th allocation of a kind fail, once.
 *
 *	inject_set(INJECT_TABLE, 3);	the third table page from now on is refused
 *	...
 *	left = inject_clear(INJECT_TABLE);	> 0: it was never reached
 *
 * Only allocations of the thread that armed it count, so a test is not disturbed by others; with inject_set_for_all() those
 * of every thread, because a process makes its own. Never those of handlers.
 */
#pragma once

#include <kernel/config.h>
#include <lib/compiler.h>

enum inject_site { INJECT_PAGE, INJECT_TABLE, INJECT_SLAB, NR_INJECT_SITES };

void inject_set(enum inject_site site, unsigned int nth);
void inject_set_for_all(enum inject_site site, unsigned int nth);
unsigned int inject_clear(enum inject_site site);
bool inject_fails_slow(enum inject_site site);
extern unsigned int inject_armed;

/* inject= and fail_page_alloc= of the command line, for everybody: before each test. */
void inject_from_cmdline(void);

/* Asked by the allocators: shall this one fail? */
static inline bool inject_fails(enum inject_site site)
{
	return CONFIG_FAULT_INJECT && unlikely(READ_ONCE(inject_armed)) && inject_fails_slow(site);
}
