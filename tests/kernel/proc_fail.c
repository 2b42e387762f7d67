/* SPDX-License-Identifier: MIT */
/*
 * Processes without memory: each allocation on the way from spawn over fork, exec, page faults and mmap to the exit
 * fails once. Either the program is told, or it is killed for it; nothing else happens to anybody, and nothing is lost.
 */
#include <kernel/inject.h>
#include <kernel/ktest.h>
#include <kernel/process.h>
#include <kernel/task.h>
#include <mm/vmalloc.h>

#define REFUSED	      2 /* what the program says */
#define NTH_MOST      500
#define PATIENCE_MS   2000

static bool is_allowed(int status)
{
	return status == 0 || status == REFUSED || status == EXIT_KILLED + KILL_NO_MEMORY;
}

/* Run the program with the n-th allocation failing. False: it has not so many. */
static bool fail_once(enum inject_site site, unsigned int nth, unsigned int *noticed)
{
	struct process *process;
	int status = REFUSED;

	inject_set_for_all(site, nth);
	process = process_spawn("frugal");
	if (process)
		status = process_wait(process);
	for (unsigned int ms = 0; ms < PATIENCE_MS && process_count(); ms++)
		msleep(1); /* orphans */
	EXPECT(is_allowed(status));
	EXPECT_EQ(process_count(), 0);
	EXPECT_EQ(vmalloc_check(), 0);
	*noticed += status != 0;
	return inject_clear(site) == 0;
}

static void sweep(enum inject_site site, const char *what)
{
	unsigned int nth = 1, noticed = 0;

	while (nth < NTH_MOST && fail_once(site, nth, &noticed))
		nth++;
	EXPECT(nth < NTH_MOST);
	EXPECT(noticed);
	ktest_note("%s: %u failures survived, %u of them noticed", what, nth - 1, noticed);
}

KTEST(proc, every_allocation_fails_once)
{
	if (!CONFIG_FAULT_INJECT)
		KTEST_SKIP("built without fault injection");
	sweep(INJECT_PAGE, "pages");
	sweep(INJECT_TABLE, "page tables");
	sweep(INJECT_SLAB, "objects");
}
