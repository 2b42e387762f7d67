/* SPDX-License-Identifier: MIT */
/*
 * Freed ranges: when they may be used again, what one CPU keeps of them, and what everybody gets back when space is
 * short.
 */
#include "tests/host/vm_machine.h"

#include "mm/kva/block/block.h"
#include "mm/kva/area/area.h"

#include <kernel/schedule_point.h>
#include <mm/ioremap.h>

#define RAM    (256ull << 20)
#define DEVICE ((phys_addr_t)1 << 30) /* nobody's RAM */

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1 | 1 << 2);
	return 0;
}

static unsigned long flushes(void)
{
	return tlb_counters().ranged + tlb_counters().full;
}

/* Nobody gets the address of a freed area before a flush, and the next who wants its size gets it after one. */
static void reused_after_the_flush(void **state)
{
	char *first = vmalloc(3 * PAGE_SIZE), *second;
	unsigned long flushed = flushes();

	(void)state;
	vfree(first);
	second = vmalloc(3 * PAGE_SIZE);
	assert_ptr_not_equal(second, first);
	assert_int_equal(flushes(), flushed);
	vm_unmap_aliases();
	assert_int_equal(flushes(), flushed + 1);
	assert_ptr_equal(vmalloc(3 * PAGE_SIZE), first);
	assert_ptr_equal(vmalloc_to_page(first + 3 * PAGE_SIZE), NULL);
	vfree(first);
	vfree(second);
}

/* The range may change its use: its first page may be a guard now, its page array larger than what is used. */
static void reused_for_something_else(void **state)
{
	struct vm_area_spec spec = {
		.lead = PAGE_SIZE, .size = 5 * PAGE_SIZE, .flags = VM_ALLOC, .prot = PAGE_KERNEL };
	char *stack = vmalloc_area(&spec), *plain;

	(void)state;
	assert_non_null(stack);
	assert_null(vmalloc_to_page(stack - 1));
	vfree(stack - PAGE_SIZE);
	vm_unmap_aliases();
	plain = vmalloc(6 * PAGE_SIZE);
	assert_ptr_equal(plain, stack - PAGE_SIZE);
	for (unsigned int i = 0; i < 6; i++)
		assert_non_null(host_translate((vaddr_t)plain + i * PAGE_SIZE));
	assert_null(vmalloc_to_page(plain + 6 * PAGE_SIZE));
	vfree(plain);
	assert_int_equal(vmalloc_check(), 0);
}

/* Requests of several lengths share a size of range; the next user may need more of it than the first. */
static void next_user_is_longer(void **state)
{
	char *p = vmalloc(65 * PAGE_SIZE), *longer;

	(void)state;
	assert_null(vmalloc_to_page(p + 65 * PAGE_SIZE));
	vfree(p);
	vm_unmap_aliases();
	longer = vmalloc(71 * PAGE_SIZE);
	assert_ptr_equal(longer, p);
	assert_int_equal(find_vm_area(longer)->nr_pages, 71);
	assert_int_equal(get_vm_area_size(find_vm_area(longer)), 71 * PAGE_SIZE);
	assert_null(vmalloc_to_page(longer + 71 * PAGE_SIZE));
	vfree(longer);
	assert_int_equal(slab_check(), 0);
	assert_int_equal(vmalloc_check(), 0);
}

/* One CPU frees without end: a flush now and then, and no more space or memory than that. */
static void steady_stream_is_bounded(void **state)
{
	unsigned long flushed = flushes(), largest, holes;

	(void)state;
	vm_cache_reclaim();
	holes = vm_holes(&largest);
	for (unsigned int i = 0; i < 20000; i++) {
		void *p = vmalloc(PAGE_SIZE * (1 + i % 3));

		assert_non_null(p);
		vfree(p);
	}
	assert_in_range(flushes() - flushed, 10, 80);
	assert_true(holes - vm_holes(&largest) <= (VMALLOC_END - VMALLOC_START) / 32);
	assert_int_equal(vmalloc_check(), 0);
}

/* Many areas of every size live and die: what a cache keeps is bounded, and reclaim leaves nothing. */
static void everything_comes_back(void **state)
{
	static void *p[600];
	struct vmalloc_stats stats;
	unsigned long largest, before;

	(void)state;
	vm_cache_reclaim();
	vmap_block_keeper.reclaim();
	before = vm_holes(&largest);
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
			host_run_on(i % 2 ? 2 : 0);
			p[i] = vmalloc((1 + i % 140) * PAGE_SIZE);
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
			host_run_on(i % 3 ? 0 : 2);
			vfree(p[i]);
		}
		assert_int_equal(vmalloc_check(), 0);
		vmalloc_stats(&stats);
		assert_true(stats.cached_bytes <= 4 * (33ul << 20)); /* of 168 MiB that two CPUs have freed */
	}
	assert_true(vm_cache_reclaim());
	assert_false(vm_cache_reclaim());
	assert_int_equal(vm_holes(&largest), before);
	assert_int_equal(vmalloc_check(), 0);
	host_run_on(0);
}

/* A freed area is nobody's: neither lazy nor clean nor given back can it be freed again, or found. */
static void free_twice(void **state)
{
	char *p = vmalloc(2 * PAGE_SIZE);

	(void)state;
	vfree(p);
	for (unsigned int stage = 0; stage < 3; stage++) {
		unsigned long warnings = warn_count();

		warn_expected(true);
		vfree(p);
		vunmap(p);
		warn_expected(false);
		assert_int_equal(warn_count(), warnings + 2);
		assert_null(find_vm_area(p));
		assert_int_equal(vmalloc_check(), 0);
		if (stage == 0)
			vm_unmap_aliases();
		else
			vm_cache_reclaim();
	}
}

/* Shortage: the arena is as good as full of lazy and clean ranges, and a large request still finds its place. */
static void shortage_empties_the_caches(void **state)
{
	unsigned long largest;
	struct vm_struct *half, *rest;

	(void)state;
	vm_cache_reclaim();
	vm_holes(&largest);
	half = get_vm_area(largest / 2, VM_MAP);
	assert_non_null(half);
	vm_holes(&largest);
	rest = get_vm_area(largest - 2 * PAGE_SIZE, VM_MAP);
	assert_non_null(rest);
	free_vm_area(half);
	half = get_vm_area(largest / 2, VM_MAP); /* lies in what is lazy */
	assert_non_null(half);
	free_vm_area(half);
	free_vm_area(rest);
	vm_cache_reclaim();
	assert_int_equal(vmalloc_check(), 0);
}

static struct page *frames[600];

static void expect_pages(const char *p, unsigned long count, bool there)
{
	for (unsigned long i = 0; i < count; i++)
		assert_true(vmalloc_to_page(p + i * PAGE_SIZE) == (there ? frames[i] : NULL));
}

/* Ranges whose entries lie in two tables, known when they are used again: all of them, and no others, are written. */
static void entries_in_two_tables(void **state)
{
	const unsigned long count = 287, size = (count + 1) * PAGE_SIZE, table = pt_level_size(2);
	static char *p[12];
	unsigned int crossing = 0;

	(void)state;
	vm_cache_reclaim();
	assert_int_equal(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(frames), frames), ARRAY_SIZE(frames));
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = vmap(frames, count - round, VM_MAP, PAGE_KERNEL);
			assert_non_null(p[i]);
			crossing += ALIGN((vaddr_t)p[i] + 1, table) < (vaddr_t)p[i] + size;
		}
		for (unsigned int i = 0; i < ARRAY_SIZE(p); i += 2) {
			vunmap(p[i]);
			expect_pages(p[i], count, false);
		}
		for (unsigned int i = 1; i < ARRAY_SIZE(p); i += 2) {
			expect_pages(p[i], count - round, true);
			assert_null(vmalloc_to_page(p[i] + (count - round) * PAGE_SIZE));
			vunmap(p[i]);
		}
		vm_unmap_aliases();
	}
	assert_true(crossing >= 3);
	assert_int_equal(vmalloc_check(), 0);
}

/* A page that the kernel does not know stands behind the border: what was mapped in front of it goes. */
static void failure_behind_the_border(void **state)
{
	struct page nonsense;
	char *p;

	(void)state;
	for (unsigned long bad = 1; bad < 287; bad++) {
		struct page *good = frames[bad];

		frames[bad] = &nonsense;
		p = vmap(frames, 287, VM_MAP, PAGE_KERNEL);
		frames[bad] = good;
		assert_null(p);
	}
	assert_int_equal(vmalloc_check(), 0);
}

static void *map_device(unsigned long offset, unsigned long size)
{
	void *p = ioremap(DEVICE + offset, size);

	assert_non_null(p);
	assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)p).phys == DEVICE + offset);
	assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)p + size - 1).phys == DEVICE + offset + size - 1);
	return p;
}

/* What had to lie in a certain way comes back to whoever wants just that, and to nobody else. */
static void places_come_back(void **state)
{
	const unsigned long leaf = pt_level_size(2);
	void *first = map_device(0, 2 * leaf), *other;

	(void)state;
	iounmap(first);
	vm_unmap_aliases();
	other = map_device(PAGE_SIZE, 2 * leaf); /* lies otherwise within a leaf */
	assert_ptr_not_equal((void *)PAGE_ALIGN_DOWN((vaddr_t)other), first);
	iounmap(other);
	other = map_device(0, leaf);
	assert_ptr_not_equal(other, first);
	iounmap(other);
	other = get_vm_area(2 * leaf, VM_MAP); /* small pages: it shall not get tables where there were leaves */
	assert_ptr_not_equal(((struct vm_struct *)other)->addr, first);
	free_vm_area(other);
	assert_ptr_equal(map_device(4 * leaf, 2 * leaf), first);
	iounmap(first);
	assert_int_equal(vmalloc_check(), 0);
}

static void long_ranges_come_back(void **state)
{
	char *first, *again;

	(void)state;
	vm_cache_reclaim();
	first = vm_map_ram(frames, 500, -1);
	assert_non_null(first);
	vm_unmap_ram(first, 500);
	vm_unmap_aliases();
	again = vmap(frames, 500, VM_MAP, PAGE_KERNEL); /* another kind of user */
	assert_ptr_equal(again, first);
	expect_pages(again, 500, true);
	assert_non_null(find_vm_area(again));
	vunmap(again);
	vm_unmap_aliases();
	again = vm_map_ram(frames, 500, -1);
	assert_ptr_equal(again, first);
	assert_null(find_vm_area(again));
	warn_expected(true);
	vm_unmap_ram(again, 499); /* not what was mapped */
	warn_expected(false);
	expect_pages(again, 500, true);
	vm_unmap_ram(again, 500);
	assert_int_equal(vmalloc_check(), 0);
}

/* The room for a page array that a range has from its first user goes with it, whoever has it last. */
static void page_array_goes_with_the_range(void **state)
{
	struct vmap_block_stats blocks;
	struct vm_balance before;
	unsigned long block;
	void *p;

	(void)state;
	vmap_block_stats(&blocks);
	block = (blocks.usable + 1) * PAGE_SIZE;
	vmap_block_keeper.reclaim();
	before = vm_balance();
	p = __vmalloc_node_range(block - PAGE_SIZE, block, VMALLOC_START, VMALLOC_END, GFP_KERNEL, PAGE_KERNEL, 0, -1,
				 NULL);
	assert_non_null(p);
	vfree(p);
	vm_unmap_aliases();
	assert_ptr_equal(vm_map_ram(frames, 1, -1), p); /* a block now */
	vm_unmap_ram(p, 1);
	assert_true(vmap_block_keeper.reclaim());
	assert_balance(before);
}

/* Sizes that come once each: what is kept of them stays little, and does not get in the way of what is wanted again. */
static void odd_sizes_are_bounded(void **state)
{
	static struct vm_struct *small[150];
	struct vmalloc_stats stats;

	(void)state;
	for (unsigned long i = 0; i < 500; i++)
		free_vm_area(get_vm_area((400 + i) * PAGE_SIZE, VM_MAP));
	vmalloc_stats(&stats);
	assert_true(stats.cached_bytes + stats.lazy_bytes <= 4 * (33ul << 20));
	vm_cache_reclaim();
	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++) /* 17 pages are rounded; exactly 17 is an odd size */
		small[i] = __get_vm_area_caller(16 * PAGE_SIZE, VM_MAP, VMALLOC_START + PAGE_SIZE, VMALLOC_END, NULL);
	for (unsigned int i = 0; i < ARRAY_SIZE(small); i++)
		free_vm_area(small[i]);
	vm_unmap_aliases();
	free_vm_area(get_vm_area(PAGE_SIZE, VM_MAP));
	vmalloc_stats(&stats);
	assert_in_range(stats.cached_bytes, 17 * PAGE_SIZE, 64 * 17 * PAGE_SIZE);
	assert_int_equal(vmalloc_check(), 0);
}

static unsigned int nr_clean(unsigned long pages)
{
	struct vm_range_info range;
	unsigned int nr = 0;

	for (vaddr_t from = 0; vm_range_next(from, &range); from = range.end)
		nr += range.state == VM_CLEAN && range.end - range.start == (pages + 1) * PAGE_SIZE;
	return nr;
}

/* What fills the cache and is of no use any more gives way to what goes round now, which stays complete. */
static void out_of_use_makes_room(void **state)
{
	static struct vm_struct *areas[40];
	unsigned long holes = 0, largest;
	unsigned int before, nr;

	(void)state;
	vm_cache_reclaim();
	for (nr = 0; nr < ARRAY_SIZE(areas) && (areas[nr] = get_vm_area(400 * PAGE_SIZE, VM_MAP)); nr++)
		;
	while (nr)
		free_vm_area(areas[--nr]);
	vm_unmap_aliases();
	free_vm_area(get_vm_area(500 * PAGE_SIZE, VM_MAP));
	before = nr_clean(400);
	assert_true(before);
	for (nr = 0; nr < 300; nr++) {
		free_vm_area(get_vm_area(500 * PAGE_SIZE, VM_MAP));
		if (nr == 200)
			holes = vm_holes(&largest);
		assert_true(nr < 200 || vm_holes(&largest) == holes);
	}
	assert_in_range(nr_clean(400), 0, before * 2 / 3);
	assert_int_equal(vmalloc_check(), 0);
}

/* --- others are quicker ------------------------------------------------------------------------------------------- */

static vaddr_t only_place;
static unsigned int thefts;

static struct vm_struct *area_there(void)
{
	return __get_vm_area_caller(16 * PAGE_SIZE, VM_MAP, only_place, only_place + 17 * PAGE_SIZE, NULL);
}

/* At any point of somebody's way to that place, it is taken and freed, so it is lazy again. */
static void thief(void)
{
	static bool at_it;
	struct vm_struct *area;

	if (at_it || !thefts)
		return;
	at_it = true;
	area = area_there();
	if (area) {
		free_vm_area(area);
		thefts--;
	}
	at_it = false;
}

static void room_may_be_taken_by_others(void **state)
{
	struct vm_struct *area;

	(void)state;
	vm_cache_reclaim();
	only_place = VMALLOC_END - 64 * PAGE_SIZE;
	free_vm_area(area_there());
	thefts = 5;
	schedule_point_set_visitor(thief);
	area = area_there();
	schedule_point_set_visitor(NULL);
	assert_int_equal(thefts, 0);
	assert_non_null(area);
	free_vm_area(area);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reused_after_the_flush),
		cmocka_unit_test(reused_for_something_else),
		cmocka_unit_test(next_user_is_longer),
		cmocka_unit_test(steady_stream_is_bounded),
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(free_twice),
		cmocka_unit_test(shortage_empties_the_caches),
		cmocka_unit_test(entries_in_two_tables),
		cmocka_unit_test(failure_behind_the_border),
		cmocka_unit_test(places_come_back),
		cmocka_unit_test(long_ranges_come_back),
		cmocka_unit_test(page_array_goes_with_the_range),
		cmocka_unit_test(odd_sizes_are_bounded),
		cmocka_unit_test(out_of_use_makes_room),
		cmocka_unit_test(room_may_be_taken_by_others),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
