/* SPDX-License-Identifier: MIT */
/*
 * The two reports that this kernel was started for.
 *
 * crossing: mapping a huge physical range again and again, until vmalloc addresses step into a new top-level entry,
 * must be visible to processes that are older than the entry (Linux oopsed there: f4eafd8bcd52). The report was about
 * 64-bit kernels; doing it with PAE and 2 levels, where a top entry spans 2 or 4 MiB, is our extension.
 *
 * tracer: a trace buffer in vmalloc space, written by the page-fault handler itself, must not fault in a process that
 * is older than the buffer: otherwise the fault handler faults, and so on without end (Linux 11f5efc3ab66).
 */
#include "handlers.h"
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/fault.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include <lib/atomic.h>
#include <lib/string.h>
#include <mm/ioremap.h>
#include <mm/memblock.h>
#include <mm/slab.h>

/* --- (a) the crossing ------------------------------------------------------------------------------------------- */

#define CHUNKS 16

/* 16 GiB in pieces of 1 GiB; with 32 bits 16 MiB in pieces of 1 MiB. Each piece holds its own number. */
static unsigned long chunk_size(void)
{
	return BITS_PER_LONG == 64 ? 1ul << 30 : 1ul << 20;
}

static u64 chunk_number(unsigned int i)
{
	return 0x6b76617369720000ull + i;
}

struct view {
	const char *map;
	atomic_t wrong;
};

static void read_all_chunks(void *arg)
{
	struct view *view = arg;

	for (unsigned int i = 0; i < CHUNKS; i++)
		if (*(const volatile u64 *)(view->map + i * chunk_size()) != chunk_number(i))
			atomic_inc(&view->wrong);
}

static void write_all_chunks(char *map)
{
	for (unsigned int i = 0; i < CHUNKS; i++)
		*(volatile u64 *)(map + i * chunk_size()) = chunk_number(i);
}

/* How far to go: into the next top entry; in 32-bit modes one map may already do that, so there are at least two. */
static bool crossed(const char *first, const char *last)
{
	return (vaddr_t)last / slot_size() > (vaddr_t)first / slot_size();
}

struct crossing {
	struct crew crew;
	u64 phys;
	char **map;
	unsigned int nr, most;
};

static bool map_once_more(struct crossing *c)
{
	struct view view = { 0 };
	char *map = ioremap_cache((phys_addr_t)c->phys, CHUNKS * chunk_size());

	if (!map)
		return false;
	if (!c->nr)
		write_all_chunks(map);
	c->map[c->nr++] = map;
	view.map = map;
	if (c->nr < 2 || crossed(c->map[c->nr - 2], map))
		expect_parity(); /* before anybody looks: a fault that repairs would hide what was missing */
	crew_call(&c->crew, read_all_chunks, &view);
	return EXPECT_EQ(atomic_read(&view.wrong), 0);
}

static void count_ioremaps(void *ctx, const char *line)
{
	unsigned int *nr = ctx;

	*nr += strstr(line, " ioremap") != NULL;
}

static void check_crossing(struct crossing *c, const struct sync_counters *before, const struct slot_snapshot *slots)
{
	struct sync_counters after = sync_counters();
	unsigned int changed = slots_changed(slots);
	unsigned int lines = 0;

	EXPECT(c->nr >= 2);
	EXPECT(crossed(c->map[0], c->map[c->nr - 1]));
	EXPECT_EQ(after.carried - before->carried, changed);
	EXPECT_EQ(after.spurious, before->spurious);
	EXPECT_EQ(after.mismatches, 0);
	if (BITS_PER_LONG == 64 && pt_top() == 4)
		/* vmalloc space has 64; image, direct map and page array have theirs */
		EXPECT(after.carried <= 64 + 8);
	vmallocinfo(count_ioremaps, &lines);
	EXPECT(lines >= c->nr);
	ktest_note("%u maps of %lu MiB, %u top entries carried once each to %u processes", c->nr,
		   CHUNKS * (chunk_size() >> 20), changed, c->crew.nr);
}

static void run_crossing(struct crossing *c)
{
	struct sync_counters before = sync_counters();
	struct slot_snapshot slots;

	ASSERT(slots_snapshot(&slots));
	while (c->nr < c->most && !(c->nr && crossed(c->map[0], c->map[c->nr - 1])))
		if (!map_once_more(c))
			break;
	check_crossing(c, &before, &slots);
	while (c->nr)
		iounmap(c->map[--c->nr]);
}

KTEST(founding, crossing)
{
	static struct crossing c;

	if (pt_top() == 5 && !cpu_has(FEATURE_HUGE_1G))
		KTEST_SKIP("2^48 in leaves of 2 MiB takes a gigabyte of page tables");
	c = (struct crossing){ .most = 1 << 15 };
	c.phys = left_out_ram(CHUNKS * (u64)chunk_size(), max(chunk_size(), 4ul << 20));
	if (!c.phys)
		KTEST_SKIP(NO_LEFT_OUT_RAM);
	c.map = vmalloc(c.most * sizeof(*c.map));
	ASSERT(c.map);
	if (EXPECT(crew_start(&c.crew, 3))) {
		run_crossing(&c);
		crew_stop(&c.crew);
	}
	vfree(c.map);
}

KTEST(founding, ioremap_of_ram_in_use)
{
	struct page *page = alloc_page(GFP_KERNEL);
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);

	ASSERT(page);
	warn_expected(true);
	EXPECT(!ioremap(page_to_phys(page), PAGE_SIZE));
	EXPECT(!ioremap_cache(page_to_phys(page), PAGE_SIZE));
	__free_page(page);
	for (unsigned int i = 0; i < n; i++) { /* also when only one end of the range is RAM */
		EXPECT(!ioremap((phys_addr_t)ram[i].end - 1, 2));
		EXPECT(!ram[i].start || !ioremap((phys_addr_t)ram[i].start - 1, 2));
	}
	warn_expected(false);
}

/* --- (b) the tracer --------------------------------------------------------------------------------------------- */

/* What a tracer keeps for each CPU, in vmalloc space. */
struct trace {
	unsigned long faults, nmis;
	vaddr_t last_fault;
};
static struct trace *traces;

static void trace_fault(vaddr_t addr)
{
	struct trace *t = &traces[smp_processor_id()];

	t->faults++;
	t->last_fault = addr;
}

static void trace_nmi(struct trap_frame *frame)
{
	(void)frame;
	traces[smp_processor_id()].nmis++;
}

#define USER_PAGE 0x400000ul

static void touch_user_page(void *arg)
{
	struct trace *mine = &traces[smp_processor_id()];
	unsigned long nmis;

	(void)arg;
	EXPECT(mm_map_anonymous(current->mm, USER_PAGE, PAGE_SIZE) == 0);
	/* the handler is the first in this process to touch the buffer */
	EXPECT_EQ(probe_write((void *)USER_PAGE), PROBE_OK);
	nmis = READ_ONCE(mine->nmis);
	arch_send_nmi(smp_processor_id());
	for (unsigned int us = 0; us < 100000 && READ_ONCE(mine->nmis) == nmis; us++)
		arch_udelay(1);
}

static void run_tracer(struct crew *crew)
{
	traces = vmalloc_in_fresh_slot(MAX_CPUS * sizeof(*traces));
	ASSERT(traces);
	memset(traces, 0, MAX_CPUS * sizeof(*traces));
	REPLACE_HANDLER(arch_set_fault_tracer(trace_fault));
	REPLACE_HANDLER(arch_set_nmi_handler(trace_nmi));
	fault_reset_max_depth();
	crew_call(crew, touch_user_page, NULL);
	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	REPLACE_HANDLER(arch_set_fault_tracer(NULL));
	EXPECT_EQ(fault_counters().max_depth, 1);
	for (unsigned int i = 0; i < crew->nr; i++) {
		EXPECT(traces[crew->worker[i].cpu].faults >= 1);
		EXPECT_EQ(traces[crew->worker[i].cpu].last_fault, USER_PAGE);
		EXPECT(traces[crew->worker[i].cpu].nmis >= 1);
	}
	vfree(traces);
}

KTEST(founding, tracer_in_the_fault_handler)
{
	static struct crew crew;
	unsigned long not_present = fault_counters().kernel_not_present;

	if (!fresh_slot())
		KTEST_SKIP(NO_FRESH_SLOT);
	ASSERT(crew_start(&crew, 3));
	run_tracer(&crew);
	crew_stop(&crew);
	EXPECT_EQ(fault_counters().kernel_not_present, not_present);
}
