/* SPDX-License-Identifier: MIT */
/*
 * Many processes: forks, execs and exits while other threads map and unmap across top entries that are newer than the
 * processes, with a buffer that programs read through their own page tables. Parity of all trees, faults and lost pages
 * are looked at around every test.
 */
#include "places.h"
#include "worker.h"

#include <arch/barrier.h>
#include <arch/fault.h>
#include <kernel/process.h>
#include <lib/string.h>
#include <mm/slab.h>

static bool count_falls_to(unsigned int count, unsigned int ms)
{
	while (process_count() > count && ms--)
		msleep(1);
	return process_count() <= count;
}

/* --- a buffer that is newer than its reader ----------------------------------------------------------------------- */

/* What the program `chain` reads and writes. */
struct chain_orders {
	long length, alive, leave;
};

static struct process *chain_start(struct chain_orders *orders, long length, unsigned int ms)
{
	struct process *process;

	*orders = (struct chain_orders){ .length = length };
	process = process_spawn("chain");
	while (process && !READ_ONCE(orders->alive) && ms--)
		msleep(1);
	EXPECT_EQ(process ? READ_ONCE(orders->alive) : 0, length);
	return process;
}

/* The read path on which Linux oopsed in 2016: a system call, on the tables of a process that lacks the new entry. */
KTEST(proc, buffer_newer_than_its_reader)
{
	struct chain_orders *orders = vzalloc(sizeof(*orders)), *newer;
	struct process *process;
	void *original;

	ASSERT(orders);
	original = kbuf_replace(orders, sizeof(*orders));
	process = chain_start(orders, 1, 2000);
	newer = vmalloc_in_fresh_slot(sizeof(*newer));
	if (newer)
		*newer = (struct chain_orders){ .leave = 1 };
	kbuf_replace(newer, newer ? sizeof(*newer) : 0); /* without one, the program fails */
	if (process)
		EXPECT_EQ(process_wait(process), newer ? 0 : 1);
	kbuf_replace(original, 4 * PAGE_SIZE);
	vfree(newer);
	vfree(orders);
	if (!newer)
		KTEST_SKIP(NO_FRESH_SLOT);
}

/* --- the storm ---------------------------------------------------------------------------------------------------- */

#define STORM_MOST  200
#define FRESH_SLOTS 6 /* of each mapper: some are left for other tests */
#define MAPPERS	    2

static struct mapper {
	struct task *task;
	unsigned int fresh, rounds;
} mapper[MAPPERS];
static bool mappers_stop;
static void *original_kbuf;

/* New buffer in, old buffer out: it goes while programs may just have read it. */
static void map_once(struct mapper *m)
{
	void *buf = m->fresh < FRESH_SLOTS ? vmalloc_in_fresh_slot(PAGE_SIZE) : NULL, *old;

	m->fresh += buf != NULL;
	if (!buf)
		buf = vmalloc(PAGE_SIZE);
	if (!buf)
		return;
	memset(buf, 0x55, PAGE_SIZE);
	old = kbuf_replace(buf, PAGE_SIZE);
	if (old != original_kbuf)
		vfree(old);
	m->rounds++;
}

static void map_and_unmap(void *arg)
{
	while (!READ_ONCE(mappers_stop)) {
		map_once(arg);
		msleep(2);
	}
}

static void start_mappers(void)
{
	original_kbuf = kbuf_replace(NULL, 0);
	mappers_stop = false;
	memset(mapper, 0, sizeof(mapper));
	map_once(&mapper[0]); /* programs find a buffer from the start */
	for (unsigned int i = 0; i < MAPPERS; i++)
		mapper[i].task = thread_run(map_and_unmap, &mapper[i], "mapper");
}

static void stop_mappers(void)
{
	WRITE_ONCE(mappers_stop, true);
	for (unsigned int i = 0; i < MAPPERS; i++)
		if (EXPECT(mapper[i].task))
			thread_join(mapper[i].task);
	vfree(kbuf_replace(original_kbuf, 4 * PAGE_SIZE));
}

static void run_storm(struct process **process, unsigned int nr)
{
	unsigned int most = 0, ok = 0;

	for (unsigned int i = 0; i < nr; i++) {
		process[i] = process_spawn("storm");
		EXPECT(process[i]);
		most = max(most, process_count());
	}
	for (unsigned int i = 0; i < nr; i++)
		ok += process[i] && process_wait(process[i]) == 0;
	EXPECT_EQ(ok, nr);
	ktest_note("%u processes, up to %u alive when the last began, %u buffers, %u fresh top entries", nr, most,
		   mapper[0].rounds + mapper[1].rounds, mapper[0].fresh + mapper[1].fresh);
}

/* Pages that a process may take at most, in any mode. */
#define PAGES_EACH 48
/* A process of the storm has a child, and that has one. */
#define GENERATIONS 3

KTEST(proc, storm)
{
	unsigned long room = min(nr_free_pages() / 2 / PAGES_EACH, (unsigned long)process_limit() / GENERATIONS);
	unsigned int nr = (unsigned int)min((unsigned long)STORM_MOST, room);
	struct process **process = kcalloc(nr, sizeof(*process), GFP_KERNEL);

	ASSERT(process);
	start_mappers();
	run_storm(process, nr);
	stop_mappers();
	kfree(process);
	EXPECT(count_falls_to(0, 2000));
	EXPECT_EQ(fault_counters().spurious, 0);
	EXPECT_EQ(vmalloc_check(), 0);
}

/* --- a thousand --------------------------------------------------------------------------------------------------- */

#define THOUSAND    1000
#define MACHINE_MIB 240 /* 256, less what firmware and kernel image take */
#define STORM_ENDS_MS 30000

/* However many it comes to: all of them go, and every page comes back (guards.c). */
static void measure_chain(struct chain_orders *orders, unsigned int nr)
{
	unsigned long before = nr_free_pages();
	u64 start = arch_uptime_ms(), born;
	struct process *process = chain_start(orders, nr, STORM_ENDS_MS);

	born = arch_uptime_ms();
	EXPECT_EQ(process_count(), nr);
	ktest_note("%ld processes alive after %llu ms, in %lu KiB each", READ_ONCE(orders->alive), born - start,
		   (before - nr_free_pages()) * (PAGE_SIZE / 1024) / nr);
	WRITE_ONCE(orders->leave, 1);
	if (process)
		EXPECT_EQ(process_wait(process), 0);
	EXPECT(count_falls_to(0, 1000));
	ktest_note("and gone after %llu ms", arch_uptime_ms() - born);
}

/* The machine decides whether this runs, not the memory that happens to be free: too little of that is a failure. */
KTEST(proc, thousand_alive)
{
	struct chain_orders *orders;
	void *original;

	if (totalram_pages() < MACHINE_MIB << (20 - PAGE_SHIFT))
		KTEST_SKIP("needs 256 MiB of RAM");
	orders = vzalloc(sizeof(*orders));
	ASSERT(orders);
	original = kbuf_replace(orders, sizeof(*orders));
	measure_chain(orders, THOUSAND);
	kbuf_replace(original, 4 * PAGE_SIZE);
	vfree(orders);
}
