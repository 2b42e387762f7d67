/* SPDX-License-Identifier: MIT */
/* Fault injection: counting down to the allocation that fails. */
#include <kernel/inject.h>
#include <arch/irq.h>
#include <kernel/preempt.h>
#include <lib/atomic.h>

unsigned int inject_armed; /* sites that count */

static struct {
	struct task *task; /* whose allocations count */
	unsigned int left; /* until the one that fails; 0 = not armed */
} sites[NR_INJECT_SITES];

void inject_set(enum inject_site site, unsigned int nth)
{
	inject_clear(site);
	if (!nth)
		return;
	sites[site].task = current;
	WRITE_ONCE(sites[site].left, nth);
	__atomic_fetch_add(&inject_armed, 1, __ATOMIC_SEQ_CST);
}

unsigned int inject_clear(enum inject_site site)
{
	unsigned int left = xchg(&sites[site].left, 0);

	if (left)
		__atomic_fetch_sub(&inject_armed, 1, __ATOMIC_SEQ_CST);
	return left;
}

/* A handler's allocations are not those that the test has in mind. */
bool inject_fails_slow(enum inject_site site)
{
	unsigned int left = READ_ONCE(sites[site].left);

	if (!left || sites[site].task != current || in_interrupt())
		return false;
	if (left == 1)
		return inject_clear(site) != 0;
	WRITE_ONCE(sites[site].left, left - 1);
	return false;
}
