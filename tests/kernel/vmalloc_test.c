/* SPDX-License-Identifier: MIT */
/*
 * The loops of Linux's lib/test_vmalloc.c, under the names and parameters that engineers know:
 *
 *	test=vmalloc_test vmalloc_test.run_test_mask=1024 vmalloc_test.nr_threads=2 vmalloc_test.test_loop_count=10000
 *
 * Each thread, on a CPU of its own, runs each loop, and at the end there is a summary line. The originals ask whether
 * there was memory; here the contents of the first and the last page are checked as well, that the page behind them is
 * not mapped, that every CPU sees what was written, in a process of its own, and, by the guards around every test, that
 * trees agree and nothing is left behind. Loops are short unless they are asked to be long, and what the original holds
 * at once (15,000 areas) is cut down to what a small machine has; the 35,000 per-CPU objects only where memory does not
 * hold them.
 */
#include "places.h"
#include "worker.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <kernel/cmdline.h>
#include <kernel/rcupdate.h>
#include <lib/format.h>
#include <lib/random.h>
#include <mm/page_alloc.h>
#include <mm/percpu_alloc.h>
#include <mm/slab.h>

#define PARAMETER(name, help) \
	static const struct cmdline_option option_##name __table_entry(".cmdline") = { \
		"vmalloc_test." #name, "vmalloc_test." #name "=N", help }
PARAMETER(run_test_mask,
	  "which loops: 1 fix_size, 2 full_fit, 4 long_busy_list, 8 random_size, ... 2048 no_block (all)");
PARAMETER(nr_threads, "threads, each on a CPU (all CPUs)");
PARAMETER(nr_pages, "pages of fix_size and vm_map_ram (1)");
PARAMETER(use_huge, "fix_size: by vmalloc_huge");
PARAMETER(test_loop_count, "rounds of a loop (100)");
PARAMETER(test_repeat_count, "how often each loop is run (1)");
PARAMETER(sequential_test_order, "all threads take the loops in the same order");

static unsigned long parameter(const char *name, unsigned long otherwise)
{
	char word[64];

	snprintf(word, sizeof(word), "vmalloc_test.%s", name);
	return (unsigned long)cmdline_count(word, otherwise, ~0ul);
}

struct runner;
struct loop {
	const char *name;
	int (*run)(struct runner *r);
	bool may_fail; /* it asks for what need not be given */
};

struct runner {
	struct worker *worker;
	struct rnd_state random;
	unsigned long loops, pages;
	bool huge, sequential;
	unsigned int only; /* which loop */
	unsigned int passed, failed;
	u64 us, cycles;
};

/* --- one allocation ----------------------------------------------------------------------------------------------- */

static unsigned int below(struct runner *r, unsigned int n) { return random_below(&r->random, n); }

/*
 * Write to the first and the last byte, and see that they hold, each page by a page of its own, and that there is an
 * end.
 */
static bool use(char *p, unsigned long size)
{
	char *last = p + size - 1;
	u32 stamp = (u32)(unsigned long)p;

	*(volatile u32 *)p = stamp;
	*(volatile char *)last = (char)~stamp;
	return *(volatile u32 *)p == (size > 4 ? stamp : *(u32 *)p) && *(volatile char *)last == (char)~stamp &&
	       vmalloc_to_page(p) && vmalloc_to_page(last) &&
	       (size <= PAGE_SIZE || vmalloc_to_page(p) != vmalloc_to_page(last)) &&
	       !vmalloc_to_page(p + PAGE_ALIGN(size));
}

static int use_and_free(char *p, unsigned long size)
{
	bool right = p && EXPECT(use(p, size));

	vfree(p);
	return right ? 0 : -1;
}

static char *node_alloc(unsigned long size, unsigned long align, gfp_t gfp)
{
	return __vmalloc_node(size, align, gfp | __GFP_NOWARN, -1, __builtin_return_address(0));
}

/* --- the twelve loops --------------------------------------------------------------------------------------------- */

static int fix_size_alloc_test(struct runner *r)
{
	unsigned long size = max(r->pages, 1ul) * PAGE_SIZE;
	int err = 0;

	for (unsigned long i = 0; i < r->loops && !err; i++)
		err = use_and_free(r->huge ? vmalloc_huge(size, GFP_KERNEL) : vmalloc(size), size);
	return err;
}

/* An array of areas of one page; *nr becomes less if memory ends. */
static char **many_areas(unsigned long *nr)
{
	char **areas = kvcalloc(*nr, sizeof(*areas), GFP_KERNEL | __GFP_NOWARN);
	unsigned long i;

	for (i = 0; areas && i < *nr; i++)
		if (!(areas[i] = node_alloc(PAGE_SIZE, 1, GFP_KERNEL)))
			break;
	*nr = i;
	return areas;
}

static void free_areas(char **areas, unsigned long nr, unsigned long step)
{
	for (unsigned long i = 0; i < nr; i += step) {
		vfree(areas[i]);
		areas[i] = NULL;
	}
}

/*
 * In all threads together no more than an eighth of what is free, and of the address space, of which a page needs two.
 */
static unsigned long affordable(unsigned long pages)
{
	unsigned long most = min(nr_free_pages(), (VMALLOC_END - VMALLOC_START) / (2 * PAGE_SIZE));

	return min(pages, most / 8 / num_online_cpus());
}

static int full_fit_alloc_test(struct runner *r)
{
	unsigned long nr = affordable((32ul << 20) / PAGE_SIZE);
	char **areas = many_areas(&nr);
	int err = areas ? 0 : -1;

	free_areas(areas, nr, 2); /* every second place is free, and just fits */
	for (unsigned long i = 0; i < r->loops && !err; i++)
		err = use_and_free(vmalloc(PAGE_SIZE), PAGE_SIZE);
	free_areas(areas, nr, 1);
	kvfree(areas);
	return err;
}

static int long_busy_list_alloc_test(struct runner *r)
{
	unsigned long nr = affordable(15000);
	char **areas = many_areas(&nr), *large, *small;
	int err = areas ? 0 : -1;

	for (unsigned long i = 0; i < r->loops && !err; i++) {
		large = vmalloc(100 * PAGE_SIZE);
		small = vmalloc(PAGE_SIZE);
		err = use_and_free(large, 100 * PAGE_SIZE);
		err |= use_and_free(small, PAGE_SIZE);
	}
	free_areas(areas, nr, 1);
	kvfree(areas);
	return err;
}

static int random_size_alloc_test(struct runner *r)
{
	int err = 0;

	for (unsigned long i = 0; i < r->loops && !err; i++) {
		unsigned long size = (1ul + below(r, 100)) * PAGE_SIZE;

		err = use_and_free(vmalloc(size), size);
	}
	return err;
}

static int aligned(unsigned long size, unsigned long align, gfp_t gfp)
{
	char *p = node_alloc(size, align, gfp);

	EXPECT(IS_ALIGNED((vaddr_t)p, max(align, PAGE_SIZE)));
	return use_and_free(p, size);
}

static int fix_align_alloc_test(struct runner *r)
{
	int err = 0;

	for (unsigned long i = 0; i < r->loops && !err; i++)
		err = aligned(5 * PAGE_SIZE, 2 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	return err;
}

static int random_size_align_alloc_test(struct runner *r)
{
	int err = 0;

	for (unsigned long i = 0; i < r->loops && !err; i++)
		err = aligned((1ul + below(r, 10)) * PAGE_SIZE, 1ul << below(r, 23), GFP_KERNEL | __GFP_ZERO);
	return err;
}

/* Beyond the largest leaf nothing is aligned, and the loop ends with that: expected to fail, as in Linux. */
static int align_shift_alloc_test(struct runner *r)
{
	int err = 0;

	(void)r;
	for (unsigned int shift = 0; shift < BITS_PER_LONG && !err; shift++)
		err = aligned(PAGE_SIZE, 1ul << shift, GFP_KERNEL);
	return err;
}

#define PCPU_OBJECTS 35000ul
#define PCPU_BYTES   720ul /* what one of them takes of each CPU's unit, holes included */

/* All threads together take no more than half of what is free, and three quarters of the address space. */
static unsigned int percpu_affordable(void)
{
	unsigned long most =
		min(nr_free_pages() / 2, (VMALLOC_END - VMALLOC_START) / PAGE_SIZE / 4 * 3) / num_online_cpus();

	return (unsigned int)min(PCPU_OBJECTS, most / cpumask_weight(cpu_possible_mask) * PAGE_SIZE / PCPU_BYTES);
}

/* Linux's numbers: sizes of 1 to 1,024 bytes, alignments of 2 to 2,048. */
static int pcpu_alloc_test(struct runner *r)
{
	unsigned int nr = percpu_affordable();
	void **objects = kvcalloc(max(nr, 1u), sizeof(*objects), GFP_KERNEL);
	int err = objects ? 0 : -1;

	for (unsigned int i = 0; i < nr && !err; i++) {
		objects[i] = __alloc_percpu(1 + below(r, PAGE_SIZE / 4), 2ul << below(r, 11));
		err = objects[i] ? 0 : -1;
	}
	for (unsigned int i = 0; objects && i < nr; i++)
		free_percpu(objects[i]);
	kvfree(objects);
	return err;
}

struct with_head {
	struct rcu_head rcu;
	char array[8 * PAGE_SIZE / 4];
};

static int kvfree_rcu_1_arg_vmalloc_test(struct runner *r)
{
	unsigned long nr = r->loops > 100 ? r->loops : DIV_ROUND_UP(r->loops, 10); /* each waits for a grace period */

	for (unsigned long i = 0; i < nr; i++) {
		struct with_head *p = vmalloc(PAGE_SIZE);

		if (!p)
			return -1;
		p->array[0] = 'a';
		kvfree_rcu_mightsleep(p);
		EXPECT(!find_vm_area(p) || vmalloc_to_page(p)); /* ours is gone; another thread may have it by now */
	}
	return 0;
}

static int kvfree_rcu_2_arg_vmalloc_test(struct runner *r)
{
	int err = 0;

	for (unsigned long i = 0; i < r->loops && !err; i++) {
		struct with_head *p = vmalloc(sizeof(*p));

		err = p ? 0 : -1;
		if (!p)
			break;
		p->array[0] = 'a';
		kvfree_rcu(p, rcu);
		if (i % 64 == 63)
			rcu_barrier(); /* as many as memory holds are under way otherwise */
	}
	rcu_barrier();
	return err;
}

static int vm_map_ram_test(struct runner *r)
{
	unsigned long nr = max(r->pages, 1ul);
	struct page **pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);
	unsigned long got = pages ? alloc_page_array(GFP_KERNEL, nr, pages) : 0;
	int err = got == nr ? 0 : -1;

	for (unsigned long i = 0; i < r->loops && !err; i++) {
		char *p = vm_map_ram(pages, (unsigned int)nr, -1);

		err = p && EXPECT(use(p, nr * PAGE_SIZE)) && EXPECT(vmalloc_to_page(p) == pages[0]) ? 0 : -1;
		if (p)
			vm_unmap_ram(p, (unsigned int)nr);
	}
	free_page_array(pages, got);
	kvfree(pages);
	return err;
}

static int no_block_alloc_test(struct runner *r)
{
	int err = 0;

	for (unsigned long i = 0; i < r->loops && !err; i++) {
		unsigned long size = (1ul + below(r, 100)) * PAGE_SIZE;
		char *p;

		preempt_disable();
		p = __vmalloc(size, (below(r, 2) ? GFP_ATOMIC : GFP_NOWAIT) | __GFP_NOWARN);
		preempt_enable();
		err = use_and_free(p, size);
	}
	return err;
}

static const struct loop loops[] = {
	{ "fix_size_alloc_test", fix_size_alloc_test, false },
	{ "full_fit_alloc_test", full_fit_alloc_test, false },
	{ "long_busy_list_alloc_test", long_busy_list_alloc_test, false },
	{ "random_size_alloc_test", random_size_alloc_test, false },
	{ "fix_align_alloc_test", fix_align_alloc_test, false },
	{ "random_size_align_alloc_test", random_size_align_alloc_test, false },
	{ "align_shift_alloc_test", align_shift_alloc_test, true },
	{ "pcpu_alloc_test", pcpu_alloc_test, false },
	{ "kvfree_rcu_1_arg_vmalloc_test", kvfree_rcu_1_arg_vmalloc_test, false },
	{ "kvfree_rcu_2_arg_vmalloc_test", kvfree_rcu_2_arg_vmalloc_test, false },
	{ "vm_map_ram_test", vm_map_ram_test, false },
	{ "no_block_alloc_test", no_block_alloc_test, true },
};

/* --- running them ------------------------------------------------------------------------------------------------- */

static struct crew crew;
static struct runner runner[CREW_MOST];

static void run_one(void *arg)
{
	struct runner *r = arg;
	u64 start = arch_uptime_us();

	for (unsigned long i = parameter("test_repeat_count", 1); i; i--)
		loops[r->only].run(r) ? r->failed++ : r->passed++;
	r->us = arch_uptime_us() - start;
}

static void summarize(const struct loop *loop, const struct runner *r)
{
	unsigned long repeat = parameter("test_repeat_count", 1);
	unsigned int xfailed = loop->may_fail ? r->failed : 0, failed = r->failed - xfailed;

	ktest_note("Summary: %s passed: %u failed: %u xfailed: %u repeat: %lu loops: %lu avg: %lu usec", loop->name,
		   r->passed, failed, xfailed, repeat, r->loops, (unsigned long)r->us / max(repeat, 1ul));
	EXPECT_EQ(failed, 0);
}

/* What one thread has allocated every CPU sees, in its own process. */
static void seen_by_all(void)
{
	u32 *p = vmalloc(3 * PAGE_SIZE);

	if (!EXPECT(p))
		return;
	p[2 * PAGE_SIZE / sizeof(*p)] = 0x600df00d;
	crew_sees(&crew, p + 2 * PAGE_SIZE / sizeof(*p), 0x600df00d);
	vfree(p);
}

/* Every thread runs fn, with the parameters of the command line, and all of them come to an end. Returns how many. */
static unsigned int run_threads(void (*fn)(void *arg), unsigned int which)
{
	unsigned int nr = min((unsigned int)parameter("nr_threads", crew.nr), crew.nr);

	for (unsigned int i = 0; i < nr; i++) {
		runner[i] = (struct runner){
			.worker = &crew.worker[i], .only = which, .loops = parameter("test_loop_count", 100),
			.pages = parameter("nr_pages", 0), .huge = parameter("use_huge", 0),
			.sequential = parameter("sequential_test_order", 0) };
		random_seed(&runner[i].random, ktest_random());
		worker_post(&crew.worker[i], fn, &runner[i]);
	}
	for (unsigned int i = 0; i < nr; i++)
		worker_wait(&crew.worker[i]);
	return nr;
}

static void run_on_all(unsigned int which)
{
	unsigned int nr = run_threads(run_one, which);

	for (unsigned int i = 0; i < nr; i++)
		summarize(&loops[which], &runner[i]);
	seen_by_all();
	expect_parity();
}

static void run(unsigned int which)
{
	if (!(parameter("run_test_mask", ~0ul) & 1ul << which))
		KTEST_SKIP("not in vmalloc_test.run_test_mask");
	WITH_CREW(crew, 1, run_on_all(which));
}

KTEST(vmalloc_test, fix_size_alloc_test) { run(0); }
KTEST(vmalloc_test, full_fit_alloc_test) { run(1); }
KTEST(vmalloc_test, long_busy_list_alloc_test) { run(2); }
KTEST(vmalloc_test, random_size_alloc_test) { run(3); }
KTEST(vmalloc_test, fix_align_alloc_test) { run(4); }
KTEST(vmalloc_test, random_size_align_alloc_test) { run(5); }
KTEST(vmalloc_test, align_shift_alloc_test) { run(6); }
KTEST(vmalloc_test, pcpu_alloc_test) { run(7); }
KTEST(vmalloc_test, kvfree_rcu_1_arg_vmalloc_test) { run(8); }
KTEST(vmalloc_test, kvfree_rcu_2_arg_vmalloc_test) { run(9); }
KTEST(vmalloc_test, vm_map_ram_test) { run(10); }
KTEST(vmalloc_test, no_block_alloc_test) { run(11); }

/*
 * All of them by each thread, one after the other, in an order of its own: so different loops meet. As in Linux a line
 * for each thread says how long it took.
 */
static void run_mixed(void *arg)
{
	struct runner *r = arg;
	/* 5 and 12: coprime */
	unsigned int first = r->sequential ? 0 : below(r, ARRAY_SIZE(loops)), step = r->sequential ? 1 : 5;
	unsigned long mask = parameter("run_test_mask", ~0ul);
	u64 start = arch_cycles();

	for (unsigned int i = 0; i < ARRAY_SIZE(loops); i++) {
		r->only = (first + i * step) % ARRAY_SIZE(loops);
		if ((mask & 1ul << r->only) && loops[r->only].run(r) && !loops[r->only].may_fail)
			r->failed++;
	}
	r->cycles = arch_cycles() - start;
}

static void mix(void)
{
	unsigned int nr = run_threads(run_mixed, 0);

	for (unsigned int i = 0; i < nr; i++) {
		EXPECT_EQ(runner[i].failed, 0);
		ktest_note("All test took worker%u=%llu cycles", i, runner[i].cycles);
	}
}

KTEST(vmalloc_test, in_an_order_of_their_own)
{
	WITH_CREW(crew, 1, mix());
}
