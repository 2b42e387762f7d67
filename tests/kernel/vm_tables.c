/* SPDX-License-Identifier: MIT */
/*
 * Page tables of vmalloc space that serve nobody: given back when memory is short, and made again when they are wanted.
 */
#include "places.h"
#include "worker.h"

#include "mm/kva/area/area.h"

#include <kernel/rcupdate.h>
#include <kernel/schedule_point.h>
#include <lib/list.h>

#define TABLES	    12u
#define PATIENCE_MS 5000

static struct vm_struct *areas[TABLES];
static struct page *page;
static struct crew crew;

static unsigned long tables(void)
{
	rcu_barrier();
	return pgtable_kernel_pages();
}

static bool map_one(unsigned int i)
{
	vaddr_t at = ALIGN(VMALLOC_START, pt_level_size(2)) + (i + 4) * pt_level_size(2);

	areas[i] = __get_vm_area_caller(PAGE_SIZE, VM_MAP, at, VMALLOC_END, NULL);
	return EXPECT(areas[i]) && EXPECT_EQ(vm_map_pages((vaddr_t)areas[i]->addr, &page, 1, PAGE_KERNEL, 0), 0);
}

/* A page in a table of its own each, which every CPU has looked at in its process. */
static bool make_tables(void)
{
	for (unsigned int i = 0; i < TABLES; i++) {
		if (!map_one(i))
			return false;
		*(u32 *)page_address(page) = 100 + i;
		crew_sees(&crew, areas[i]->addr, 100 + i);
	}
	return true;
}

static void leave_tables(void)
{
	for (unsigned int i = 0; i < TABLES; i++) {
		vm_unmap((vaddr_t)areas[i]->addr, (vaddr_t)areas[i]->addr + PAGE_SIZE);
		free_vm_area(areas[i]);
	}
}

static bool begin(void)
{
	vmalloc_shrink();
	page = alloc_page(GFP_KERNEL);
	return EXPECT(page);
}

static void end(void)
{
	__free_page(page);
	vmalloc_shrink();
	rcu_barrier();
	EXPECT_EQ(vmalloc_check(), 0);
}

/* --- at once, and made again -------------------------------------------------------------------------------------- */

static void again_and_again(void)
{
	unsigned long before = 0;

	for (unsigned int round = 0; round < 5; round++) {
		if (!make_tables())
			return;
		EXPECT_EQ(vm_tables_reclaim(), 0); /* what is in use stays */
		crew_sees(&crew, areas[0]->addr, 100 + TABLES - 1);
		leave_tables();
		vmalloc_shrink();
		expect_parity();
		if (round)
			EXPECT_EQ(tables(), before);
		before = tables();
	}
	ktest_note("%lu table pages at rest, %u more in use", before, TABLES);
}

KTEST(vm_tables, come_and_go)
{
	if (!begin())
		return;
	WITH_CREW(crew, 1, again_and_again());
	end();
}

/* --- in the background, when the page allocator has nothing left -------------------------------------------------- */

/* All pages there are; returns how many. */
static unsigned long take_all_memory(struct list_head *taken)
{
	struct page *p;
	unsigned long n = 0;

	while ((p = alloc_page(GFP_KERNEL | __GFP_HIGHMEM | __GFP_NOWARN))) {
		list_add(&p->lru, taken);
		n++;
	}
	return n;
}

static void give_all_memory(struct list_head *taken)
{
	while (!list_empty(taken)) {
		struct page *p = list_first_entry(taken, struct page, lru);

		list_del(&p->lru);
		__free_page(p);
	}
}

static void under_shortage(void)
{
	unsigned long rest, many, free, had;
	LIST_HEAD(taken);

	take_all_memory(&taken); /* what is not online yet comes online now, which takes tables of its own */
	give_all_memory(&taken);
	vm_purge_drain();
	rest = tables();
	if (!make_tables())
		return;
	leave_tables();
	many = tables();
	EXPECT(many >= rest + TABLES);
	free = nr_free_pages();
	had = take_all_memory(&taken); /* its last try has called the background */
	vm_purge_drain();
	EXPECT(tables() <= many - TABLES);
	had += take_all_memory(&taken); /* here they are, if they did not come before the last try */
	EXPECT(had + nr_free_pages() >= free + TABLES / 2);
	give_all_memory(&taken);
	expect_parity();
}

KTEST(vm_tables, given_back_under_shortage)
{
	if (!begin())
		return;
	WITH_CREW(crew, 1, under_shortage());
	end();
}

/* --- beside others ------------------------------------------------------------------------------------------------ */

static bool stop_walking;

/* Walks without a lock through tables that come and go. Where CPUs take turns, it gives its turn away. */
static void walk_on(void *arg)
{
	(void)arg;
	for (; !READ_ONCE(stop_walking); cpu_relax())
		for (unsigned int i = 0; i < TABLES; i++) {
			vaddr_t at = ALIGN(VMALLOC_START, pt_level_size(2)) + (i + 4) * pt_level_size(2);
			struct page *found = vmalloc_to_page((void *)at);

			EXPECT(!found || page_find_window(found).nr); /* whose page it is may change at any time */
		}
}

static void alloc_and_free(void *arg)
{
	(void)arg;
	for (; !READ_ONCE(stop_walking); cpu_relax()) {
		char *p = vmalloc(5 * PAGE_SIZE);

		if (!EXPECT(p))
			return;
		p[4 * PAGE_SIZE] = 1;
		vfree(p);
	}
}

static void beside_others(void)
{
	stop_walking = false;
	for (unsigned int i = 1; i < crew.nr; i++)
		worker_post(&crew.worker[i], i & 1 ? walk_on : alloc_and_free, NULL);
	for (unsigned int round = 0; round < 4; round++) {
		for (unsigned int i = 0; i < TABLES; i++)
			if (!map_one(i))
				break;
		worker_sees(&crew.worker[0], areas[TABLES - 1]->addr, *(u32 *)page_address(page));
		leave_tables();
		vmalloc_shrink();
	}
	WRITE_ONCE(stop_walking, true);
	for (unsigned int i = 1; i < crew.nr; i++)
		worker_wait(&crew.worker[i]);
	expect_parity();
}

KTEST(vm_tables, beside_walks_and_allocations)
{
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	if (!begin())
		return;
	WITH_CREW(crew, 2, beside_others());
	end();
}

/* --- space that is out for it is missed by nobody who may wait ---------------------------------------------------- */

static void reclaim(void *arg)
{
	(void)arg;
	vm_tables_reclaim();
}

static void *wanted;
static unsigned long wanted_size;

static void take_all_space(void *arg)
{
	(void)arg;
	wanted = get_vm_area(wanted_size, VM_MAP);
}

static void space_is_out(void)
{
	struct vmalloc_stats stats;

	if (!make_tables())
		return;
	leave_tables();
	vm_make_space();
	vmalloc_stats(&stats);
	wanted_size = stats.largest_free - PAGE_SIZE;
	wanted = NULL;
	sched_hold("vm_tables:cut");
	worker_post(&crew.worker[0], reclaim, NULL);
	if (EXPECT(sched_wait_held("vm_tables:cut", PATIENCE_MS))) {
		worker_post(&crew.worker[1], take_all_space, NULL);
		msleep(20);
		EXPECT(worker_busy(&crew.worker[1]));
	}
	sched_release("vm_tables:cut");
	worker_wait(&crew.worker[0]);
	worker_wait(&crew.worker[1]);
	if (EXPECT(wanted))
		free_vm_area(wanted);
}

KTEST(vm_tables, space_comes_back_to_who_waits)
{
	KTEST_NEEDS(SCHED_POINTS);
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	if (!begin())
		return;
	WITH_CREW(crew, 2, space_is_out());
	end();
}
