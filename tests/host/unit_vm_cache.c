/* SPDX-License-Identifier: MIT */
/* Freed ranges: when they may be used again, what one CPU keeps of them, and what everybody gets back when space is short. */
#include "tests/host/vm_machine.h"

#include "mm/vm_internal.h"

#define RAM (256ull << 20)

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
	vmap_block_reclaim();
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
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
