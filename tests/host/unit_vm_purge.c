/* SPDX-License-Identifier: MIT */
/* Who purges, and when: the background, when it is called; or else whoever has too much waiting. */
#include "tests/host/vm_machine.h"

#include <asm/tlb.h>

#include "mm/kva/block/vmap_block.h"

#define RAM  (256ull << 20)
#define P    PAGE_SIZE
#define CPUS 3
#define MOST VMAP_BLOCK_MOST

static struct page *pages[VMAP_MAX_ALLOC];

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1 | 1 << 1 | 1 << 4);
	assert_int_equal(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	return 0;
}

static unsigned long flushes(void)
{
	return tlb_counters().ranged + tlb_counters().full;
}

static struct vmalloc_stats stats(void)
{
	struct vmalloc_stats now;

	vmalloc_stats(&now);
	return now;
}

static void nothing_waits(void)
{
	vm_purge_drain();
	vm_cache_reclaim();
	vmap_block_keeper.reclaim();
}

static void free_areas(unsigned int nr, unsigned long size)
{
	while (nr--) {
		struct vm_struct *area = get_vm_area(size, VM_MAP);

		assert_non_null(area);
		free_vm_area(area);
	}
}

/* Before there is a background, who frees does all of it. */
static void without_a_background(void **state)
{
	unsigned long flushed;

	(void)state;
	nothing_waits();
	flushed = flushes();
	free_areas(255, P);
	assert_int_equal(flushes(), flushed);
	free_areas(1, P);
	assert_int_equal(flushes(), flushed + 1);
	vmalloc_init_purge();
}

static void background_is_called_in_time(void **state)
{
	unsigned long flushed;

	(void)state;
	nothing_waits();
	flushed = flushes();
	free_areas(200, P);
	assert_int_equal(flushes(), flushed); /* nobody who frees waits for a flush */
	assert_true(stats().lazy_bytes >= 200 * 2 * P);
	vm_purge_drain();
	assert_int_equal(flushes(), flushed + 1);
	free_areas(1, P);
	vm_purge_drain(); /* not called for that */
	assert_int_equal(flushes(), flushed + 1);
}

/* And it has not come: then there is an end to waiting, and it finds nothing to do when it comes. */
static void background_comes_late(void **state)
{
	unsigned long flushed;

	(void)state;
	nothing_waits();
	flushed = flushes();
	free_areas(256 + 10, P);
	assert_int_equal(flushes(), flushed + 1);
	vm_purge_drain();
	assert_int_equal(flushes(), flushed + 1);
	free_areas(256 * 5, P);
	assert_int_equal(flushes(), flushed + 6);
}

/*
 * Enough is waiting, but somebody else has flushed for most of it. A piece of that becomes clean with the call that
 * comes to the bound, the rest when it is wanted.
 */
static void flushes_of_others_count(void **state)
{
	static struct vm_struct *area[256];
	unsigned long flushed;

	(void)state;
	nothing_waits();
	for (unsigned int i = 0; i < ARRAY_SIZE(area); i++)
		area[i] = get_vm_area(P, VM_MAP);
	for (unsigned int i = 0; i < 250; i++)
		free_vm_area(area[i]);
	flush_tlb_all();
	flushed = flushes();
	for (unsigned int i = 250; i < ARRAY_SIZE(area); i++)
		free_vm_area(area[i]);
	assert_int_equal(flushes(), flushed);
	assert_true(stats().lazy_bytes <= (256 - 32) * 2 * P);
	for (unsigned int i = 0; i < 250; i++)
		area[i] = get_vm_area(P, VM_MAP);
	assert_true(stats().lazy_bytes <= 6 * 2 * P);
	for (unsigned int i = 0; i < 240; i++)
		free_vm_area(area[i]);
	assert_int_equal(flushes(), flushed);
	for (unsigned int i = 240; i < 250; i++)
		free_vm_area(area[i]);
}

/* Many blocks were needed for a while. What is clean of them and does not go round is freed. */
static void surplus_blocks_go(void **state)
{
	static void *map[6 * MOST];
	struct vmap_block_stats before, after;
	unsigned int nr = 6 * VMAP_BLOCK_USABLE;

	(void)state;
	nothing_waits();
	for (unsigned int i = 0; i < nr; i++)
		assert_non_null(map[i] = vm_map_ram(pages, 1, -1));
	for (unsigned int i = 0; i < nr; i++)
		vm_unmap_ram(map[i], 1);
	vmap_block_stats(&before);
	assert_in_range(before.live, 6, 7);
	assert_non_null(map[0] = vm_map_ram(pages, 1, -1));
	vm_purge_drain();
	vmap_block_stats(&after);
	assert_in_range(after.live, 1, 2);
	vm_unmap_ram(map[0], 1);
	assert_int_equal(vmalloc_check(), 0);
}

/* All CPUs together never have more than an eighth of the arena waiting, or 32 MiB each, and a range more. */
static void waiting_is_bounded(void **state)
{
	static const unsigned int cpus[CPUS] = { 0, 1, 4 };
	unsigned long arena = VMALLOC_END - VMALLOC_START, most = min(arena / 8, CPUS * (32ul << 20)), seen = 0;

	(void)state;
	for (unsigned long size = P; size <= most / 4; size *= 3) {
		nothing_waits();
		for (unsigned int i = 0; i < 2000; i++) {
			host_run_on(cpus[i % CPUS]);
			free_areas(1, ALIGN(size, P));
			assert_true(stats().lazy_bytes <= most + CPUS * (size + 2 * P));
			seen = max(seen, stats().lazy_bytes);
		}
		assert_int_equal(vmalloc_check(), 0);
	}
	assert_true(seen > most / 2);
	host_run_on(0);
}

/* One range that is more than all that may wait. */
static void large_range_does_not_wait(void **state)
{
	unsigned long arena = VMALLOC_END - VMALLOC_START, flushed;

	(void)state;
	nothing_waits();
	flushed = flushes();
	free_areas(1, arena / 8);
	assert_int_equal(flushes(), flushed + 1);
	assert_int_equal(stats().lazy_bytes, 0);
}

static void map_and_unmap(unsigned int maps, unsigned int count)
{
	while (maps--) {
		void *p = vm_map_ram(pages, count, -1);

		assert_non_null(p);
		vm_unmap_ram(p, count);
	}
}

/*
 * Two blocks take turns: the background comes while the second is in use, and the first is used again from its
 * beginning.
 */
static void block_is_clean_in_time(void **state)
{
	struct vmap_block_stats before, after;
	unsigned int usable = VMAP_BLOCK_USABLE;
	unsigned long flushed;
	char *first, *again;

	(void)state;
	nothing_waits();
	vmap_block_stats(&before);
	first = vm_map_ram(pages, 1, -1);
	vm_unmap_ram(first, 1);
	flushed = flushes();
	map_and_unmap(usable, 1);
	assert_int_equal(flushes(), flushed);
	vm_purge_drain();
	assert_int_equal(flushes(), flushed + 1);
	map_and_unmap(usable - 1, 1);
	again = vm_map_ram(pages, 1, -1);
	assert_ptr_equal(again, first);
	vm_unmap_ram(again, 1);
	map_and_unmap(usable / 2, 1);
	assert_int_equal(flushes(), flushed + 1);
	vmap_block_stats(&after);
	assert_int_equal(after.created, before.created + 2);
	vm_purge_drain();
	assert_int_equal(flushes(), flushed + 2);
	assert_int_equal(vmalloc_check(), 0);
}

/* It has not come: the one who finds no clean page flushes. */
static void block_is_purged_by_its_user(void **state)
{
	unsigned long flushed;

	(void)state;
	nothing_waits();
	flushed = flushes();
	map_and_unmap(10 * VMAP_BLOCK_USABLE + 1, 1);
	assert_int_equal(flushes(), flushed + 5);
	vm_purge_drain();
	assert_int_equal(vmalloc_check(), 0);
}

static void map_singles(void **map, unsigned int nr)
{
	while (nr--)
		assert_non_null(*map++ = vm_map_ram(pages, 1, -1));
}

static void unmap_singles(void **map, unsigned int nr)
{
	while (nr--)
		vm_unmap_ram(*map++, 1);
}

/* A few pages of a block wait, too few for a flush. What becomes dirty beside them later is not left behind. */
static void few_that_wait_hold_nobody_up(void **state)
{
	static void *first[MOST], *second[MOST], *third[MOST];
	unsigned int usable = VMAP_BLOCK_USABLE;
	struct vmap_block_stats blocks;

	(void)state;
	nothing_waits();
	map_singles(first, usable);
	unmap_singles(first, 5);
	map_singles(second, usable); /* for this there is no room in the first block: the five wait */
	unmap_singles(first + 5, usable - 5);
	map_singles(third, 1); /* nor for this: now all of them wait, and the background is called */
	vm_purge_drain();
	map_singles(third + 1, usable);
	vmap_block_stats(&blocks);
	assert_int_equal(blocks.live, 3);
	assert_ptr_equal(third[usable], first[0]);
	unmap_singles(second, usable);
	unmap_singles(third, usable + 1);
	assert_int_equal(vmalloc_check(), 0);
}

/* A flush has begun for what waits; what is unmapped beside it now is for another one, and does not put that off. */
static void what_waits_is_not_put_off(void **state)
{
	static void *first[MOST], *second[MOST], *third[MOST];
	unsigned int usable = VMAP_BLOCK_USABLE, half = usable / 2 + 1;
	struct vmap_block_stats blocks;
	unsigned long gen;

	(void)state;
	nothing_waits();
	map_singles(first, usable);
	unmap_singles(first, half);
	map_singles(second, usable); /* for this there is no room in the first block: that half waits */
	gen = tlb_gen_begin();
	unmap_singles(first + half, 5);
	map_singles(third, 1); /* nor for this: the five could wait too */
	tlb_gen_complete(gen);
	map_singles(third + 1, usable);
	vmap_block_stats(&blocks);
	assert_int_equal(blocks.live, 3);
	assert_ptr_equal(third[usable], first[0]);
	unmap_singles(first + half + 5, usable - half - 5);
	unmap_singles(second, usable);
	unmap_singles(third, usable + 1);
	assert_int_equal(vmalloc_check(), 0);
}

/*
 * Few wait, and while a flush is on more of the same block join them: that flush is not for these, so it is not for
 * any.
 */
static void who_joins_needs_a_later_flush(void **state)
{
	static void *first[MOST], *second[MOST], *third[MOST + 1];
	unsigned int usable = VMAP_BLOCK_USABLE;
	struct vmap_block_stats blocks;
	unsigned long gen;

	(void)state;
	nothing_waits();
	map_singles(first, usable);
	unmap_singles(first, 5);
	map_singles(second, usable); /* for this there is no room in the first block: the five wait */
	gen = tlb_gen_begin();
	unmap_singles(first + 5, usable - 5);
	map_singles(third, 1); /* nor for this: all wait */
	tlb_gen_complete(gen);
	map_singles(third + 1, usable);
	vmap_block_stats(&blocks);
	assert_int_equal(blocks.live, 4);
	unmap_singles(second, usable);
	unmap_singles(third, usable + 1);
	assert_int_equal(vmalloc_check(), 0);
}

/* The background flushes neither for a few pages, nor when another has flushed since it was called. */
static void no_flush_for_nothing(void **state)
{
	static void *first[MOST], *second[MOST + 1];
	unsigned int usable = VMAP_BLOCK_USABLE;
	unsigned long flushed;

	(void)state;
	nothing_waits();
	map_singles(first, usable);
	unmap_singles(first, 5);
	map_singles(second, 1); /* the five wait */
	flushed = flushes();
	vm_purge_drain();
	assert_int_equal(flushes(), flushed);
	unmap_singles(first + 5, usable - 5);
	map_singles(second + 1, usable); /* all of the first block wait, and the background is called */
	flush_tlb_all();
	flushed = flushes();
	vm_purge_drain();
	assert_int_equal(flushes(), flushed);
	unmap_singles(second, usable + 1);
	assert_int_equal(vmalloc_check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_background),
		cmocka_unit_test(background_is_called_in_time),
		cmocka_unit_test(background_comes_late),
		cmocka_unit_test(flushes_of_others_count),
		cmocka_unit_test(waiting_is_bounded),
		cmocka_unit_test(large_range_does_not_wait),
		cmocka_unit_test(block_is_clean_in_time),
		cmocka_unit_test(surplus_blocks_go),
		cmocka_unit_test(block_is_purged_by_its_user),
		cmocka_unit_test(few_that_wait_hold_nobody_up),
		cmocka_unit_test(what_waits_is_not_put_off),
		cmocka_unit_test(who_joins_needs_a_later_flush),
		cmocka_unit_test(no_flush_for_nothing),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
