/* SPDX-License-Identifier: MIT */
/* Blocks that change their size: contents, zeroing, pages, and failures that leave everything as it was. */
#include "tests/host/vm_machine.h"

#include <kernel/inject.h>
#include <lib/math.h>

#define RAM (64ull << 20)
#define P   PAGE_SIZE

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	vfree(vmalloc(300 * P)); /* tables stay from here on */
	return 0;
}

static u8 *byte_at(const u8 *p, size_t i)
{
	u8 *byte = host_translate((vaddr_t)p + i);

	assert_non_null(byte);
	return byte;
}

static u8 pattern(size_t i) { return (u8)(1 + i % 251); }

static void fill(const u8 *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		*byte_at(p, i) = pattern(i);
}

static void expect_pattern(const u8 *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		assert_int_equal(*byte_at(p, i), pattern(i));
}

static void expect_zero(const u8 *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		assert_int_equal(*byte_at(p, i), 0);
}

static void null_allocates_and_zero_frees(void **state)
{
	struct vm_balance before = vm_balance();
	u8 *p = vrealloc(NULL, 3 * P, GFP_KERNEL | __GFP_ZERO);

	(void)state;
	expect_zero(p, 0, 3 * P);
	assert_null(vrealloc(p, 0, GFP_KERNEL));
	assert_null(host_translate((vaddr_t)p));
	assert_null(vrealloc(NULL, 0, GFP_KERNEL));
	assert_balance(before);
}

/* The pages behind the new end are free, flushed and unmapped; the address space stays. */
static void smaller_gives_pages_back(void **state)
{
	struct vm_balance before = vm_balance(), small;
	u8 *p = vmalloc(10 * P);
	unsigned long since = tlb_log_seq();

	(void)state;
	fill(p, 0, 10 * P);
	assert_ptr_equal(vrealloc(p, 2 * P + 7, GFP_KERNEL), p);
	small = vm_balance();
	assert_int_equal(small.vmalloc_pages, before.vmalloc_pages + 3);
	assert_int_equal(vmalloc_nr_pages(), small.vmalloc_pages);
	assert_true(tlb_log_covers(since, (vaddr_t)p + 3 * P, (vaddr_t)p + 10 * P));
	assert_null(host_translate((vaddr_t)p + 3 * P));
	expect_pattern(p, 0, 2 * P + 7);
	vfree(p);
	assert_balance(before);
}

static void larger_in_place_after_smaller(void **state)
{
	struct vm_balance before = vm_balance();
	u8 *p = vmalloc(10 * P);

	(void)state;
	fill(p, 0, 10 * P);
	assert_ptr_equal(vrealloc(p, P, GFP_KERNEL), p);
	assert_ptr_equal(vrealloc(p, 9 * P, GFP_KERNEL | __GFP_ZERO), p);
	expect_pattern(p, 0, P);
	expect_zero(p, P, 9 * P);
	assert_null(host_translate((vaddr_t)p + 9 * P));
	assert_int_equal(find_vm_area(p)->nr_pages, 9);
	vfree(p);
	assert_balance(before);
}

static void larger_elsewhere_keeps_contents(void **state)
{
	struct vm_balance before = vm_balance();
	u8 *p = vmalloc(2 * P - 5), *q;

	(void)state;
	fill(p, 0, 2 * P - 5);
	q = vrealloc(p, 20 * P, GFP_KERNEL | __GFP_ZERO);
	assert_ptr_not_equal(p, q);
	expect_pattern(q, 0, 2 * P - 5);
	expect_zero(q, 2 * P - 5, 20 * P);
	assert_null(find_vm_area(p));
	vfree(q);
	assert_balance(before);
}

/* Bytes that were the caller's once and are his again read as zero, if he has said so each time. */
static void zero_means_all_that_was_not_his(void **state)
{
	u8 *p = vrealloc(NULL, 100, GFP_KERNEL | __GFP_ZERO);

	(void)state;
	fill(p, 0, 100);
	assert_ptr_equal(vrealloc(p, 10, GFP_KERNEL | __GFP_ZERO), p);
	expect_zero(p, 10, P);
	fill(p, 10, P); /* a stray write behind the end */
	assert_ptr_equal(vrealloc(p, 100, GFP_KERNEL | __GFP_ZERO), p);
	expect_pattern(p, 0, 10);
	expect_zero(p, 10, 100);
	vfree(p);
}

/* Each allocation fails once: the old block is as it was. */
static void failure_leaves_the_block(void **state)
{
	static const size_t wanted[] = { 8 * P, 40 * P };
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int i = 0; i < 2 * NR_INJECT_SITES; i++) {
		for (unsigned int nth = 1, unreached = 0; !unreached; nth++) {
			u8 *p = vmalloc(10 * P), *q;
			unsigned long was;

			fill(p, 0, 10 * P);
			assert_ptr_equal(vrealloc(p, 3 * P, GFP_KERNEL), p);
			was = vmalloc_nr_pages();
			inject_set(i / 2, nth);
			q = vrealloc(p, wanted[i % 2], GFP_KERNEL);
			unreached = inject_clear(i / 2);
			assert_true(q || !unreached);
			assert_int_equal(vmalloc_nr_pages(), q ? was - 3 + wanted[i % 2] / P : was);
			expect_pattern(q ? q : p, 0, 3 * P);
			if (!q)
				assert_null(host_translate((vaddr_t)p + 3 * P));
			vfree(q ? q : p);
			assert_balance(before);
		}
	}
}

static void wrong_blocks_are_refused(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long warnings = warn_count();
	struct page *page = alloc_page(GFP_KERNEL);
	u8 *p = vmalloc(2 * P), *map = vmap(&page, 1, VM_MAP, PAGE_KERNEL);

	(void)state;
	warn_expected(true);
	assert_null(vrealloc(p + P, P, GFP_KERNEL));
	assert_null(vrealloc(map, P, GFP_KERNEL));
	assert_null(vrealloc_node_align(p, P, 2 * ((vaddr_t)p & -(vaddr_t)p), GFP_KERNEL, -1));
	warn_expected(false);
	assert_int_equal(warn_count(), warnings + 3);
	vunmap(map);
	vfree(p);
	__free_page(page);
	assert_balance(before);
}

/* Any series of sizes against a plain array. */
static void random_sizes_against_a_model(void **state)
{
	static u8 model[60 * PAGE_SIZE];
	struct vm_balance before = vm_balance();
	size_t size = 0;
	u8 *p = NULL;

	(void)state;
	for (unsigned int round = 0; round < 400; round++) {
		size_t next = 1 + host_random_below(sizeof(model));

		p = vrealloc(p, next, GFP_KERNEL | __GFP_ZERO);
		assert_non_null(p);
		if (next > size)
			memset(model + size, 0, next - size);
		size = next;
		for (unsigned int k = 0; k < 200; k++) {
			size_t i = host_random_below(size);

			assert_int_equal(*byte_at(p, i), model[i]);
			*byte_at(p, i) = model[i] = (u8)round;
		}
		assert_int_equal(find_vm_area(p)->nr_pages, DIV_ROUND_UP(size, P));
	}
	vfree(p);
	assert_balance(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_allocates_and_zero_frees),
		cmocka_unit_test(smaller_gives_pages_back),
		cmocka_unit_test(larger_in_place_after_smaller),
		cmocka_unit_test(larger_elsewhere_keeps_contents),
		cmocka_unit_test(zero_means_all_that_was_not_his),
		cmocka_unit_test(failure_leaves_the_block),
		cmocka_unit_test(wrong_blocks_are_refused),
		cmocka_unit_test(random_sizes_against_a_model),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
