/* SPDX-License-Identifier: MIT */
/* Fault injection: counting down to the allocation that fails. */
#include <kernel/inject.h>
#include <arch/barrier.h>
#include <arch/irq.h>
#include <kernel/cmdline.h>
#include <kernel/preempt.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/parse.h>
#include <lib/string.h>

CMDLINE_OPTION(inject, "inject=SITE:nth=N", "in each test the N-th allocation of a kind (page, table, slab) fails");
CMDLINE_OPTION(fail_page_alloc, "fail_page_alloc=N", "the same as inject=page:nth=N");

unsigned int inject_armed; /* sites that count */

static struct injection {
	const char *name;
	struct task *task; /* whose allocations count; NULL: everybody's */
	unsigned int left; /* until the one that fails; 0 = not armed */
	bool told;	   /* a line says when it happens */
} sites[NR_INJECT_SITES] = {
	[INJECT_PAGE] = { .name = "page" },
	[INJECT_TABLE] = { .name = "table" },
	[INJECT_SLAB] = { .name = "slab" },
};

static void arm(enum inject_site site, unsigned int nth, struct task *task)
{
	inject_clear(site);
	if (!nth)
		return;
	sites[site].task = task;
	sites[site].told = false;
	__atomic_fetch_add(&inject_armed, 1, __ATOMIC_SEQ_CST);
	smp_store_release(&sites[site].left, nth);
}

void inject_set(enum inject_site site, unsigned int nth)
{
	arm(site, nth, current);
}

void inject_set_for_all(enum inject_site site, unsigned int nth)
{
	arm(site, nth, NULL);
}

unsigned int inject_clear(enum inject_site site)
{
	unsigned int left = xchg(&sites[site].left, 0);

	if (left)
		__atomic_fetch_sub(&inject_armed, 1, __ATOMIC_SEQ_CST);
	return left;
}

/* One less; what it was before. */
static unsigned int count_down(struct injection *s)
{
	unsigned int left = READ_ONCE(s->left), was;

	for (; left; left = was) {
		was = cmpxchg(&s->left, left, left - 1);
		if (was == left)
			break;
	}
	return left;
}

/* A handler's allocations are not those that the test has in mind. */
bool inject_fails_slow(enum inject_site site)
{
	struct injection *s = &sites[site];

	if (!READ_ONCE(s->left) || in_interrupt() || (s->task && s->task != current) || count_down(s) != 1)
		return false;
	__atomic_fetch_sub(&inject_armed, 1, __ATOMIC_SEQ_CST);
	if (s->told)
		printk("inject: this allocation of a %s is made to fail", s->name);
	return true;
}

/* --- the command line ------------------------------------------------------------------------------------------------ */

static void arm_by_order(enum inject_site site, u64 nth)
{
	inject_set_for_all(site, (unsigned int)min(nth, (u64)~0u));
	sites[site].told = true;
}

/* SITE:nth=N */
static bool obey(const char *order)
{
	for (unsigned int site = 0; site < NR_INJECT_SITES; site++) {
		size_t len = strlen(sites[site].name);
		u64 nth;

		if (strncmp(order, sites[site].name, len) != 0 || strncmp(order + len, ":nth=", 5) != 0)
			continue;
		if (kstrtou64(order + len + 5, 0, &nth))
			return false;
		arm_by_order((enum inject_site)site, nth);
		return true;
	}
	return false;
}

void inject_from_cmdline(void)
{
	const char *order = cmdline_value("inject");

	if (!CONFIG_FAULT_INJECT)
		return;
	if (order && !obey(order))
		printk("command line: inject=%s: it is SITE:nth=N, SITE one of page, table, slab\n", order);
	if (cmdline_has("fail_page_alloc"))
		arm_by_order(INJECT_PAGE, cmdline_number("fail_page_alloc", 0));
}
