/* SPDX-License-Identifier: MIT */
/* vm_map_ram, vm_unmap_ram and vm_unmap_aliases: blocks, their reuse and their flushes, on CPUs 0, 2 and 5. */
#include "tests/host/vm_machine.h"

#include "mm/kva/block/vmap_block.h"

#define RAM	(256ull << 20)
#define MANY	VMAP_MAX_ALLOC
#define MOST	(VMAP_BLOCK_MOST - 1) /* pages that a block can give, at most */

static struct page *pages[MANY];
static unsigned int usable; /* pages that a block can give */

static unsigned long flushes(void)
{
	return tlb_counters().ranged + tlb_counters().full;
}

static struct vmap_block_stats block_stats(void)
{
	struct vmap_block_stats stats;

	vmap_block_stats(&stats);
	return stats;
}

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 0x25);
	assert_int_equal(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	usable = block_stats().usable;
	return 0;
}

static void map_ram_maps_and_reuses_after_the_flush(void **state)
{
	char *a = vm_map_ram(pages, 3, -1), *b = vm_map_ram(pages + 3, 2, -1), *c, *more[MOST / 3];
	unsigned long created = block_stats().created;
	unsigned int nr = 0;

	(void)state;
	assert_ptr_equal(b, a + 3 * PAGE_SIZE); /* 3 pages take 3 */
	for (unsigned int n = 0; n < 5; n++)
		assert_ptr_equal(host_translate((vaddr_t)a + n * PAGE_SIZE), page_address(pages[n]));
	vm_unmap_ram(a, 3);
	assert_null(host_translate((vaddr_t)a));
	assert_non_null(host_translate((vaddr_t)b));
	c = vm_map_ram(pages, 3, -1);
	assert_true(c > b); /* the old place is still remembered */
	vm_unmap_aliases(); /* now it is not, and serves again once the fresh pages are used up */
	while (nr < ARRAY_SIZE(more) && (more[nr] = vm_map_ram(pages, 3, -1)) != a)
		nr++;
	assert_in_range(nr, usable / 3 - 3, usable / 3);
	for (unsigned int n = 0; n < nr; n++)
		vm_unmap_ram(more[n], 3);
	vm_unmap_ram(a, 3);
	vm_unmap_ram(b, 2);
	vm_unmap_ram(c, 3);
	assert_int_equal(block_stats().created, created);
	vm_unmap_aliases();
	a = vm_map_ram(pages, 1, -1);
	assert_int_equal(block_stats().created, created); /* an empty block that is in use stays */
	vm_unmap_ram(a, 1);
	assert_int_equal(vmalloc_check(), 0);
}

/*
 * Museum 1: a block without a free page is on no list; what is unmapped in it must be flushed all the same. The first,
 * a middle and the last map of the block, while the others live on.
 */
static void full_block_is_flushed(void **state)
{
	enum { COUNT = 7 };
	const unsigned int nr = usable / COUNT, rest = usable % COUNT, victims[] = { 0, nr / 2, nr - 1 };
	char *maps[MOST / COUNT], *first;
	unsigned long created;

	(void)state;
	vmap_block_keeper.reclaim();
	created = block_stats().created;
	first = rest ? vm_map_ram(pages, rest, -1) : NULL;
	for (unsigned int i = 0; i < nr; i++)
		maps[i] = vm_map_ram(pages, COUNT, -1);
	assert_int_equal(block_stats().created, created + 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(victims); i++) {
		vaddr_t addr = (vaddr_t)maps[victims[i]];
		unsigned long since = tlb_log_seq();

		vm_unmap_ram(maps[victims[i]], COUNT);
		assert_false(tlb_log_covers(since, addr, addr + PAGE_SIZE));
		vm_unmap_aliases();
		assert_true(tlb_log_covers(since, addr, addr + COUNT * PAGE_SIZE));
		assert_int_equal(vmalloc_check(), 0);
	}
	for (unsigned int i = 0; i < nr; i++)
		if (i != victims[0] && i != victims[1] && i != victims[2])
			assert_ptr_equal(host_translate((vaddr_t)maps[i]), page_address(pages[0]));
	/* and the places serve again, in the same block */
	for (unsigned int i = 0; i < ARRAY_SIZE(victims); i++)
		assert_ptr_equal(vm_map_ram(pages, COUNT, -1), maps[victims[i]]);
	assert_int_equal(block_stats().created, created + 1);
	for (unsigned int i = 0; i < nr; i++)
		vm_unmap_ram(maps[i], COUNT);
	if (rest)
		vm_unmap_ram(first, rest);
	assert_int_equal(vmalloc_check(), 0);
}

/* The last page of a block is its guard: a run may end next to it but never takes it. */
static void guard_behind_a_block(void **state)
{
	char *maps[MOST];

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < usable; i++)
		maps[i] = vm_map_ram(pages, 1, -1);
	assert_int_equal(block_stats().live, 1);
	assert_null(host_translate((vaddr_t)maps[usable - 1] + PAGE_SIZE));
	vm_unmap_ram(vm_map_ram(pages, 1, -1), 1);
	assert_int_equal(block_stats().live, 2);
	for (unsigned int i = 0; i < usable; i++)
		vm_unmap_ram(maps[i], 1);
	vm_unmap_aliases();
	assert_int_equal(block_stats().live, 1);
	assert_int_equal(vmalloc_check(), 0);
}

/* Museum 2 and 3: one visit for each dirty block, one flush, and then none. */
static void one_visit_one_flush(void **state)
{
	char *keep[12], *gone[12];
	unsigned int nr = 0, cpu;
	unsigned long visits, flushed;

	(void)state;
	vm_unmap_aliases();
	for_each_online_cpu(cpu) {
		host_run_on(cpu);
		keep[nr] = vm_map_ram(pages, 1, -1);
		gone[nr++] = vm_map_ram(pages, 1, -1);
	}
	host_run_on(0);
	assert_int_equal(nr, 3);
	for (unsigned int i = 0; i < nr; i++)
		vm_unmap_ram(gone[i], 1);
	visits = block_stats().visits;
	flushed = flushes();
	for (unsigned int i = 0; i < 3; i++)
		vm_unmap_aliases();
	assert_int_equal(block_stats().visits, visits + nr);
	assert_int_equal(flushes(), flushed + 1);
	vm_unmap_ram(keep[1], 1);
	vm_unmap_aliases();
	vm_unmap_aliases();
	assert_int_equal(block_stats().visits, visits + nr + 1);
	assert_int_equal(flushes(), flushed + 2);
	assert_true(tlb_log_covers(tlb_log_seq() - 1, (vaddr_t)keep[1], (vaddr_t)keep[1] + PAGE_SIZE));
	vm_unmap_ram(keep[0], 1);
	vm_unmap_ram(keep[2], 1);
	assert_int_equal(vmalloc_check(), 0);
}

/* Every run of a block is dirty and waits; what is given out above them meanwhile stays when they come back. */
static void whole_but_for_what_came_later(void **state)
{
	enum { COUNT = 4, LATER = 7 };
	const unsigned int count = usable / COUNT, left = usable % COUNT;
	char *maps[MOST / COUNT], *ones[MOST + 1], *above;
	unsigned int nr = 0;

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < count; i++)
		maps[i] = vm_map_ram(pages, COUNT, -1);
	for (unsigned int i = 0; i < count; i++)
		vm_unmap_ram(maps[i], COUNT);
	above = maps[count - 1] + COUNT * PAGE_SIZE;
	/* for this there is no room: the first ones wait, a second block */
	vm_unmap_ram(vm_map_ram(pages, LATER, -1), LATER);
	assert_int_equal(block_stats().live, 2);
	while (nr < usable - LATER + left)
		assert_non_null(ones[nr++] = vm_map_ram(pages, 1, -1)); /* all that is left of both */
	assert_int_equal(block_stats().live, 2);
	assert_int_equal(vmalloc_check(), 0);
	flush_tlb_all();
	assert_non_null(ones[nr] = vm_map_ram(pages, MANY, -1));
	assert_ptr_equal(ones[nr], maps[0]);
	assert_ptr_equal(host_translate((vaddr_t)above), page_address(pages[0]));
	assert_int_equal(block_stats().live, 2);
	assert_int_equal(vmalloc_check(), 0);
	vm_unmap_ram(ones[nr], MANY);
	while (nr--)
		vm_unmap_ram(ones[nr], 1);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
}

/* Two runs of a block wait, one collected after the other, whichever of them is lower: both come back. */
static void collected_one_after_the_other(bool lower_first)
{
	struct vmap_block_info info;
	char *maps[MOST], *other;
	unsigned int a = lower_first ? 3 : usable - 9, b = lower_first ? usable - 9 : 3;

	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < usable; i++)
		maps[i] = vm_map_ram(pages, 1, -1);
	vm_unmap_ram(maps[a], 1);
	other = vm_map_ram(pages, 2, -1); /* no room: the first one waits */
	assert_true(vmap_block_next((vaddr_t)maps[0], &info));
	assert_int_equal(info.flushing, 1);
	vm_unmap_ram(maps[b], 1);
	vm_unmap_aliases();
	assert_true(vmap_block_next((vaddr_t)maps[0], &info));
	assert_int_equal(info.clean, 2);
	assert_int_equal(vmalloc_check(), 0);
	for (unsigned int i = 0; i < usable; i++)
		if (i != a && i != b)
			vm_unmap_ram(maps[i], 1);
	vm_unmap_ram(other, 2);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
}

static void two_that_wait(void **state)
{
	(void)state;
	collected_one_after_the_other(true);
	collected_one_after_the_other(false);
}

/* A block was used in single pages. Of these nothing is left where a longer run is. */
static void nothing_is_left_of_old_runs(void **state)
{
	char *maps[MOST], *run;
	unsigned long warnings = warn_count();

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < usable; i++)
		maps[i] = vm_map_ram(pages, 1, -1);
	for (unsigned int i = 0; i < 3; i++)
		vm_unmap_ram(maps[i], 1);
	vm_unmap_aliases();
	run = vm_map_ram(pages, 3, -1);
	assert_ptr_equal(run, maps[0]);
	warn_expected(true);
	for (unsigned int i = 0; i < 3; i++)
		vm_unmap_ram(maps[i], 1);
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 3);
	assert_ptr_equal(host_translate((vaddr_t)run + 2 * PAGE_SIZE), page_address(pages[2]));
	vm_unmap_ram(run, 3);
	for (unsigned int i = 3; i < usable; i++)
		vm_unmap_ram(maps[i], 1);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
}

/* A block in which only page `alone` is mapped, all those around it being clean: it is found there, and flushed. */
static void found_alone(unsigned int alone)
{
	enum { MAPS = 200 };
	struct vmap_block_info info;
	char *maps[MAPS];

	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < MAPS; i++)
		maps[i] = vm_map_ram(pages, 1, -1);
	for (unsigned int i = 0; i < MAPS; i++)
		if (i != alone)
			vm_unmap_ram(maps[i], 1);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
	assert_true(vmap_block_next((vaddr_t)maps[0], &info));
	assert_int_equal(info.live, 1);
	vm_unmap_ram(maps[alone], 1);
	vmap_block_next((vaddr_t)maps[0], &info);
	assert_int_equal(info.dirty, 1);
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
}

/*
 * A block is full. Three runs at its top come back, in whatever order they are unmapped and flushed, and serve as one.
 */
static void neighbours_join(void **state)
{
	static const unsigned char order[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	char *keep[MOST], *top[3], *all;

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < usable - 6; i++)
		keep[i] = vm_map_ram(pages, 1, -1);
	for (unsigned int flush = 0; flush < 4 * ARRAY_SIZE(order); flush++) {
		const unsigned char *o = order[flush / 4];

		for (unsigned int i = 0; i < 3; i++)
			top[i] = vm_map_ram(pages, 1 + i, -1);
		assert_ptr_equal(top[0], keep[usable - 7] + PAGE_SIZE);
		for (unsigned int i = 0; i < 3; i++) {
			vm_unmap_ram(top[o[i]], 1 + o[i]);
			if (i == 2 || flush & BIT(i)) /* flushed alone, or together with the next */
				vm_unmap_aliases();
			assert_int_equal(vmalloc_check(), 0);
		}
		all = vm_map_ram(pages, 6, -1);
		assert_ptr_equal(all, top[0]);
		vm_unmap_ram(all, 6);
		vm_unmap_aliases();
	}
	for (unsigned int i = 0; i < usable - 6; i++)
		vm_unmap_ram(keep[i], 1);
	assert_int_equal(block_stats().live, 1);
}

/*
 * All pages of a block but one run are clean again, so a run of as many finds room behind it, though it was used in
 * pieces.
 */
static void pieces_are_one_again(void **state)
{
	const unsigned int nr = usable / MANY;
	char *maps[MOST], *all[MOST / MANY];
	struct vmap_block_info info;

	(void)state;
	vmap_block_keeper.reclaim();
	for (unsigned int i = 0; i < usable; i++)
		maps[i] = vm_map_ram(pages, 1, -1);
	/* the last of them first: it comes back on top */
	for (unsigned int i = usable - 1; i >= usable - nr * MANY; i--) {
		vm_unmap_ram(maps[i], 1);
		if (i % 3 == 0)
			vm_unmap_aliases();
	}
	vm_unmap_aliases();
	assert_int_equal(vmalloc_check(), 0);
	for (unsigned int i = 0; i < nr; i++)
		all[i] = vm_map_ram(pages, MANY, -1);
	assert_true(vmap_block_next((vaddr_t)maps[0], &info));
	assert_int_equal(info.clean, 0);
	for (unsigned int i = 0; i < nr; i++)
		vm_unmap_ram(all[i], MANY);
	for (unsigned int i = 0; i < usable - nr * MANY; i++)
		vm_unmap_ram(maps[i], 1);
	assert_int_equal(vmalloc_check(), 0);
}

static void one_run_among_clean_pages(void **state)
{
	(void)state;
	for (unsigned int alone = 0; alone < 200; alone++)
		found_alone(alone);
}

/* Museum 10: CPU ids with holes; each CPU has blocks of its own, any CPU unmaps. */
static void blocks_of_sparse_cpus(void **state)
{
	static char *maps[600];
	unsigned int nr = 0;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(maps); i++) {
		static const unsigned int cpus[] = { 0, 2, 5 };

		host_run_on(cpus[i % 3]);
		maps[nr] = vm_map_ram(pages, 1 + i % 7, -1);
		assert_non_null(maps[nr++]);
	}
	for (unsigned int i = 0; i < nr; i++) {
		host_run_on(i % 2 ? 2 : 0);
		vm_unmap_ram(maps[i], 1 + i % 7);
	}
	host_run_on(0);
	vm_unmap_aliases();
	assert_true(block_stats().live <= 3);
	assert_int_equal(vmalloc_check(), 0);
}

/* A long run of map and unmap flushes now and then by itself, and lives in a bounded number of blocks. */
static void churn_is_bounded(void **state)
{
	unsigned long live = block_stats().live, flushed = flushes();

	(void)state;
	for (unsigned int i = 0; i < 20000; i++)
		vm_unmap_ram(vm_map_ram(pages, 1 + i % MANY, -1), 1 + i % MANY);
	assert_true(block_stats().live <= live + 1);
	assert_true(flushes() > flushed && flushes() < flushed + 20000);
	assert_int_equal(vmalloc_check(), 0);
}

/* Museum 12: what is left in blocks comes back when address space runs out. */
static void blocks_give_way(void **state)
{
	struct vmalloc_stats stats;
	struct vm_struct *rest;
	char *r = vm_map_ram(pages, 1, -1), *other;

	(void)state;
	host_run_on(2);
	other = vm_map_ram(pages, 1, -1);
	host_run_on(0);
	vm_unmap_ram(r, 1);
	vm_unmap_ram(other, 1);
	vmalloc_stats(&stats);
	assert_true(stats.blocks > 0);
	rest = get_vm_area(stats.total_bytes - PAGE_SIZE, VM_MAP);
	assert_non_null(rest);
	assert_int_equal(block_stats().live, 0);
	assert_null(vm_map_ram(pages, 1, -1));
	assert_null(vmalloc(1));
	free_vm_area(rest);
	assert_int_equal(vmalloc_check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_ram_maps_and_reuses_after_the_flush),
		cmocka_unit_test(full_block_is_flushed),
		cmocka_unit_test(guard_behind_a_block),
		cmocka_unit_test(one_visit_one_flush),
		cmocka_unit_test(neighbours_join),
		cmocka_unit_test(pieces_are_one_again),
		cmocka_unit_test(whole_but_for_what_came_later),
		cmocka_unit_test(two_that_wait),
		cmocka_unit_test(nothing_is_left_of_old_runs),
		cmocka_unit_test(one_run_among_clean_pages),
		cmocka_unit_test(blocks_of_sparse_cpus),
		cmocka_unit_test(churn_is_bounded),
		cmocka_unit_test(blocks_give_way),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
