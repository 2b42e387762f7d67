/* SPDX-License-Identifier: MIT */
/*
 * The same work on one CPU and on two at the same time: what two threads that have nothing to do with each other share.
 * Time says little on a shared host; what plugin/count.c sees of their memory accesses is exact.
 */
#include "tests/bench/bench.h"
#include "tests/kernel/worker.h"

#include <arch/barrier.h>
#include <arch/cpu.h>
#include <kernel/cmdline.h>
#include <lib/atomic.h>
#include <lib/glob.h>
#include <mm/ioremap.h>
#include <mm/percpu_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

CMDLINE_OPTION(bench_rounds, "bench_rounds=N", "how often the benchmark of two CPUs is repeated");

#define THREADS 2u
#define WARM_UP 2000ul /* operations: caches are filled, and a few flushes have come round */
#define OBJECTS 35000u
#define NOTHING_THERE ((phys_addr_t)(BITS_PER_LONG == 64 ? 64ull << 30 : 2ull << 30))

static struct page *pages[THREADS];
static void **objects; /* of one thread after the other's */
static atomic_t arrived;
static unsigned int threads; /* of this round */

struct smp_thread {
	struct worker worker;
	const struct bench *bench;
	unsigned long n;
	u64 ticks;
};

BENCH_OP(smp_vmalloc)
{
	char *p = vmalloc(arg << PAGE_SHIFT);

	if (unlikely(!p))
		return bench_fail();
	bench_touch(p);
	vfree(p);
}

BENCH_OP(smp_map_ram)
{
	void *p = vm_map_ram(&pages[smp_processor_id() % THREADS], (unsigned int)arg, -1);

	if (unlikely(!p))
		return bench_fail();
	bench_touch(p);
	vm_unmap_ram(p, (unsigned int)arg);
}

static void *neighbour[THREADS]; /* two objects of one slab, the first that each CPU frees */

/* Each CPU goes on with the object that it freed last, so both use one slab. */
BENCH_OP(smp_kmalloc)
{
	void **first = &neighbour[smp_processor_id() % THREADS];

	if (unlikely(*first)) {
		kfree(*first);
		*first = NULL;
	}
	kfree(kmalloc(64, GFP_KERNEL));
}

static bool get_neighbours(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	void *others[64];
	bool found = false;

	for (unsigned int i = 0; i < 64; i++)
		others[i] = kmalloc(64, GFP_KERNEL);
	for (unsigned int i = 1; i < 64; i++)
		if (!found && (vaddr_t)others[i] >> PAGE_SHIFT == (vaddr_t)others[i - 1] >> PAGE_SHIFT) {
			neighbour[0] = others[i - 1];
			neighbour[1] = others[i];
			others[i - 1] = others[i] = NULL;
			found = true;
		}
	for (unsigned int i = 0; i < 64; i++)
		kfree(others[i]);
	return found;
}

static void free_neighbours(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	for (unsigned int i = 0; i < THREADS; i++) {
		kfree(neighbour[i]);
		neighbour[i] = NULL;
	}
}

BENCH_OP(smp_ioremap)
{
	phys_addr_t at = NOTHING_THERE + ((phys_addr_t)(smp_processor_id() % THREADS) << 21);
	void *p = ioremap(at, PAGE_SIZE);

	if (unlikely(!p))
		return bench_fail();
	iounmap(p);
}

BENCH_OP(smp_aliases)
{
	smp_map_ram_once(1, i);
	vm_unmap_aliases();
}

/* Linux's pcpu_alloc_test: 1 to 1,024 bytes, aligned to 2 to 2,048. */
BENCH_OP(smp_percpu_fill)
{
	u32 random = (u32)(i + 1) * 2654435761u;
	void *p = __alloc_percpu(1 + (random >> 22), 2ul << (random >> 8) % 11);

	if (unlikely(!p || i >= OBJECTS))
		return bench_fail();
	objects[smp_processor_id() % THREADS * OBJECTS + i] = p;
}

static void percpu_empty(unsigned long arg __maybe_unused, unsigned long n __maybe_unused)
{
	for (unsigned int i = 0; i < THREADS * OBJECTS; i++) {
		free_percpu(objects[i]);
		objects[i] = NULL;
	}
}

static const struct bench rows[] = {
	{ "vmalloc_1p", smp_vmalloc, .arg = 1 },
	{ "vmalloc_16p", smp_vmalloc, .arg = 16 },
	{ "vmalloc_100p", smp_vmalloc, .arg = 100, .n = 2000 },
	{ "vmalloc_400p", smp_vmalloc, .arg = 400, .n = 1000 },
	{ "vm_map_ram_1p", smp_map_ram, .arg = 1 },
	{ "kmalloc_64_one_slab", smp_kmalloc, .setup = get_neighbours, .teardown = free_neighbours },
	{ "ioremap_4K", smp_ioremap, .n = 5000 },
	{ "unmap_aliases_1dirty", smp_aliases, .n = 1000 },
	{ "percpu_fill_35000", smp_percpu_fill, .n = OBJECTS, .teardown = percpu_empty, .cold = true },
};

static void smp_thread(void *arg)
{
	struct smp_thread *t = arg;

	if (!t->bench->cold)
		t->bench->run(t->bench->arg, max(t->n / 10, WARM_UP));
	atomic_inc(&arrived);
	while (atomic_read(&arrived) < (int)threads)
		cpu_relax();
	bench_begin();
	t->ticks = arch_cycles();
	t->bench->run(t->bench->arg, t->n);
	t->ticks = arch_cycles() - t->ticks;
	bench_end();
}

/* The first `nr` threads at once; ticks of the slowest. */
static u64 run_threads(struct smp_thread *t, unsigned int nr)
{
	u64 ticks = 0;

	atomic_set(&arrived, 0);
	threads = nr;
	for (unsigned int i = 0; i < nr; i++)
		worker_post(&t[i].worker, smp_thread, &t[i]);
	for (unsigned int i = 0; i < nr; i++) {
		worker_wait(&t[i].worker);
		ticks = max(ticks, t[i].ticks);
	}
	bench_report();
	return ticks;
}

static void run_rounds(struct smp_thread *t, const struct bench *b)
{
	unsigned long n = b->n ? b->n : (unsigned long)cmdline_count("bench_n", 20000, ~0ul);

	for (unsigned int i = 0; i < THREADS; i++) {
		t[i].bench = b;
		t[i].n = n;
	}
	for (u64 round = cmdline_number("bench_rounds", 5); round; round--)
		for (unsigned int nr = 1; nr <= THREADS; nr++) {
			if (b->setup && !EXPECT(b->setup(b->arg, n)))
				return;
			ktest_note("row %s threads=%u ops=%lu ticks=%llu", b->name, nr, n, run_threads(t, nr));
			EXPECT_EQ(bench_failed(), 0);
			if (b->teardown)
				b->teardown(b->arg, n);
		}
}

KTEST(bench_smp, rows)
{
	static struct smp_thread t[THREADS];
	const char *globs = cmdline_value("row");
	unsigned int nr;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	objects = vzalloc(THREADS * OBJECTS * sizeof(*objects));
	ASSERT(objects);
	for (nr = 0; nr < THREADS; nr++)
		if (!EXPECT(worker_start(&t[nr].worker, nr, true)) || !EXPECT(pages[nr] = alloc_page(GFP_KERNEL)))
			break;
	for (unsigned int i = 0; nr == THREADS && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!globs || !*globs || glob_list_match(globs, rows[i].name))
			run_rounds(t, &rows[i]);
	for (unsigned int i = 0; i < nr; i++) {
		worker_stop(&t[i].worker);
		__free_page(pages[i]);
	}
	vfree(objects);
}
