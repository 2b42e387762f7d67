/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs in vmalloc at once, one of them held at the bad moment; and paths that are seldom taken. (vmap_races.c:
 * blocks.)
 */
#include "worker.h"

#include "mm/kva/block/vmap_block.h"

#include <arch/context.h>
#include <arch/tlb.h>
#include <kernel/bug.h>
#include <kernel/inject.h>
#include <kernel/schedule_point.h>
#include <lib/string.h>
#include <mm/kstack.h>
#include <mm/vmalloc.h>

static void vfree_it(void *p)
{
	vfree(p);
}

/* --- museum 35: of two CPUs that free one area, one is told that it comes too late ------------------------------- */

static void free_twice(struct worker *w, void *p)
{
	sched_hold("vfree:flushed");
	worker_post(w, vfree_it, p);
	if (EXPECT(sched_wait_held("vfree:flushed", 1000))) {
		EXPECT(!find_vm_area(p));
		warn_expected(true);
		vfree(p);
		warn_expected(false);
	}
	sched_release("vfree:flushed");
	worker_wait(w);
}

KTEST(vm_races, double_vfree_on_two_cpus)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct worker w;
	void *p;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(worker_start(&w, another_cpu(), true));
	p = vmalloc(3 * PAGE_SIZE);
	if (EXPECT(p))
		free_twice(&w, p);
	worker_stop(&w);
}

/* --- a wrong free never gets in the way of the right one ---------------------------------------------------------- */

static void do_wrong_vunmap(void *p)
{
	warn_expected(true);
	vunmap(p);
	warn_expected(false);
}

/* The wrong call holds the area for a look; the right one waits, and frees it. */
static void free_beside_wrong_call(struct worker *wrong, struct worker *right, void *p)
{
	sched_hold("vm:claim");
	worker_post(wrong, do_wrong_vunmap, p);
	EXPECT(sched_wait_held("vm:claim", 1000));
	worker_post(right, vfree_it, p);
	msleep(20);
	EXPECT(worker_busy(right));
	sched_release("vm:claim");
	worker_wait(wrong);
	worker_wait(right);
	EXPECT(!find_vm_area(p));
}

KTEST(vm_races, wrong_call_beside_vfree)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct crew crew;
	void *p;

	if (num_online_cpus() < 3)
		KTEST_SKIP("needs three CPUs");
	ASSERT(crew_start(&crew, 3));
	p = vmalloc(3 * PAGE_SIZE);
	if (EXPECT(p))
		free_beside_wrong_call(&crew.worker[1], &crew.worker[2], p);
	crew_stop(&crew);
}

/* --- many at once ------------------------------------------------------------------------------------------------ */

#define LIVES 160 /* of all CPUs together: a flush waits for every CPU, and QEMU may have fewer than the guest */

struct churn {
	u32 seed;
	unsigned int lives;
	struct page *page;
	unsigned long failures;
};

static u32 next_random(struct churn *c)
{
	return c->seed = c->seed * 1664525 + 1013904223;
}

/* One life of an area or of a short mapping, with a mark in it that nobody else may have touched. */
static void one_life(struct churn *c)
{
	unsigned int pages = 1 + (next_random(c) >> 16) % 20;
	bool short_lived = next_random(c) >> 31;
	struct page *list[20];
	volatile u32 *p;

	for (unsigned int i = 0; i < pages; i++)
		list[i] = c->page;
	p = short_lived ? vm_map_ram(list, pages, -1) : vmalloc(pages * PAGE_SIZE);
	if (!p) {
		c->failures++;
		return;
	}
	p[(pages - 1) * (PAGE_SIZE / sizeof(*p))] = c->seed;
	c->failures += p[(pages - 1) * (PAGE_SIZE / sizeof(*p))] != c->seed;
	if (short_lived)
		vm_unmap_ram((void *)p, pages);
	else
		vfree((void *)p);
}

static void churn(void *arg)
{
	struct churn *c = arg;

	for (unsigned int i = 0; i < c->lives; i++)
		one_life(c);
}

static struct crew crew;
static struct churn churns[MAX_CPUS];

static void churn_everywhere(void)
{
	for (unsigned int i = 0; i < crew.nr; i++) {
		churns[i] = (struct churn){ .seed = (u32)ktest_random(), .lives = LIVES / crew.nr };
		churns[i].page = alloc_page(GFP_KERNEL);
		if (EXPECT(churns[i].page))
			worker_post(&crew.worker[i], churn, &churns[i]);
	}
	for (unsigned int i = 0; i < crew.nr; i++) {
		if (!churns[i].page)
			continue;
		worker_wait(&crew.worker[i]);
		EXPECT_EQ(churns[i].failures, 0);
		__free_page(churns[i].page);
	}
}

KTEST(vm_races, all_cpus_at_once)
{
	WITH_CREW(crew, 1, churn_everywhere());
	EXPECT_EQ(vmalloc_check(), 0);
}

/* --- seldom taken ------------------------------------------------------------------------------------------------ */

static void find_vpages(void *found, const char *line)
{
	*(bool *)found |= strstr(line, " vpages") != NULL;
}

/* When there is no block of pages for an area's own array of pages, the array is vmalloc'ed too. */
KTEST(vm_races, array_of_pages_in_vmalloc_space)
{
	KTEST_NEEDS(FAULT_INJECT);
	unsigned long size = 2 * PAGE_SIZE / sizeof(void *) * PAGE_SIZE;
	bool seen = false, listed = false;

	for (unsigned int nth = 1; nth < 6 && !seen; nth++) {
		char *p;

		vmalloc_shrink(); /* what is kept could not fail */
		inject_set(INJECT_SLAB, nth);
		p = vmalloc(size);
		inject_clear(INJECT_SLAB);
		if (!p)
			continue;
		seen = is_vmalloc_addr(find_vm_area(p)->pages);
		if (seen)
			vmallocinfo(find_vpages, &listed);
		EXPECT_EQ(probe_write(p), PROBE_OK);
		EXPECT_EQ(probe_write(p + size - 1), PROBE_OK);
		EXPECT_EQ(probe_read(p + size, NULL), PROBE_NOT_PRESENT);
		vfree(p);
	}
	EXPECT(seen);
	EXPECT(listed);
}

KTEST(vm_races, stack_between_two_guards)
{
	char *stack = kstack_alloc();

	ASSERT(stack);
	EXPECT_EQ(probe_write(stack), PROBE_OK);
	EXPECT_EQ(probe_write(stack + KSTACK_SIZE - 1), PROBE_OK);
	EXPECT_EQ(probe_read(stack - 1, NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_read(stack + KSTACK_SIZE, NULL), PROBE_NOT_PRESENT);
	kstack_free(stack);
	vm_unmap_aliases();
	EXPECT_EQ(probe_read(stack, NULL), PROBE_NOT_PRESENT);
}

/* --- a reclaim meets a block that is in the array and not yet on its queue ---------------------------------------- */

static struct page *ram_pages[VMAP_MAX_ALLOC];
static void *ram_maps[20];
static unsigned int nr_ram_maps;

static void map_ram_once(void *arg)
{
	(void)arg;
	ram_maps[nr_ram_maps] = vm_map_ram(ram_pages, VMAP_MAX_ALLOC, -1);
	nr_ram_maps += ram_maps[nr_ram_maps] != NULL;
}

static void use_and_reclaim(struct worker *other, unsigned int maps)
{
	for (unsigned int i = nr_ram_maps; i < maps; i++)
		worker_call(other, map_ram_once, NULL);
	EXPECT_EQ(nr_ram_maps, maps);
	EXPECT_EQ(vmalloc_check(), 0);
	while (nr_ram_maps)
		vm_unmap_ram(ram_maps[--nr_ram_maps], VMAP_MAX_ALLOC);
	vm_unmap_aliases();
	vmap_block_keeper.reclaim();
}

static void reclaim_meets_new_block(struct worker *other)
{
	nr_ram_maps = 0;
	vmap_block_keeper.reclaim();
	sched_hold("vb:inserted");
	worker_post(other, map_ram_once, NULL);
	if (EXPECT(sched_wait_held("vb:inserted", 2000)))
		vmap_block_keeper.reclaim();
	sched_release("vb:inserted");
	worker_wait(other);
	use_and_reclaim(other, ARRAY_SIZE(ram_maps)); /* fills more than one block, so that the first is retired */
	use_and_reclaim(other, 1);		       /* a block that is still queued would be met again here */
}

KTEST(vm_races, reclaim_beside_block_create)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct worker other;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT_EQ(alloc_page_array(GFP_KERNEL, VMAP_MAX_ALLOC, ram_pages), VMAP_MAX_ALLOC);
	ASSERT(worker_start(&other, another_cpu(), false));
	reclaim_meets_new_block(&other);
	worker_stop(&other);
	free_page_array(ram_pages, VMAP_MAX_ALLOC);
	EXPECT_EQ(vmalloc_check(), 0);
}
