/* SPDX-License-Identifier: MIT */
/* Work on freed ranges comes in pieces; new ranges are mapped by the entries of tables that exist. */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#include <arch/mmu_sync.h>

static int setup(void **state)
{
	(void)state;
	vm_machine(256ull << 20, 1);
	return 0;
}

static unsigned long flushes(void)
{
	return tlb_counters().ranged + tlb_counters().full;
}

static unsigned int nr_lazy(void)
{
	struct vm_range_info range = { .end = VMALLOC_START };
	unsigned int nr = 0;

	while (vm_range_next(range.end, &range))
		nr += range.state == VM_LAZY;
	return nr;
}

/* No call does all the work that a flush has made possible: each does a piece, and no flush comes before it is done. */
static void work_comes_in_pieces(void **state)
{
	static void *p[400];
	unsigned long flushed;
	unsigned int before;

	(void)state;
	vm_cache_reclaim();
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = vmalloc(PAGE_SIZE);
	for (unsigned int i = 0; i < 191; i++) /* one more would reach the lower bound */
		vfree(p[i]);
	flush_tlb_all();
	assert_int_equal(nr_lazy(), 191);
	flushed = flushes();
	for (unsigned int i = 191; i < ARRAY_SIZE(p); i++) {
		before = nr_lazy();
		vfree(p[i]);
		assert_in_range(nr_lazy() + 32, before + 1, 250);
		if (i == 191)
			assert_int_equal(nr_lazy(), 192 - 32);
	}
	assert_int_equal(flushes(), flushed); /* of 400, 191 were covered, and the rest is less than the upper bound */
	vm_cache_reclaim();
	assert_int_equal(nr_lazy(), 0);
	assert_int_equal(vmalloc_check(), 0);
}

static void *live[400];

/*
 * A new range in a table that exists is mapped by its entries, over a border too; where one of two tables is missing,
 * by a walk.
 */
static void entries_of_new_ranges(void **state)
{
	struct page *pages[3];

	(void)state;
	vm_cache_reclaim();
	assert_int_equal(alloc_page_array(GFP_KERNEL, 3, pages), 3);
	for (unsigned int i = 0; i < 400; i++) {
		char *p = vmap(pages, 3, VM_MAP, PAGE_KERNEL);
		struct vm_range *range = container_of(find_vm_area(p), struct vm_range, own);
		bool two = ((vaddr_t)p & (pt_level_size(2) - 1)) + 4 * PAGE_SIZE > pt_level_size(2);

		assert_non_null(range->ptes);
		assert_int_equal(!!range->more_ptes, two);
		for (unsigned int j = 0; j < 3; j++)
			assert_ptr_equal(vmalloc_to_page(p + j * PAGE_SIZE), pages[j]);
		assert_null(vmalloc_to_page(p + 3 * PAGE_SIZE));
		live[i] = p;
	}
	for (unsigned int i = 0; i < 400; i++)
		vunmap(live[i]);
	free_page_array(pages, 3);
	vm_cache_reclaim();
	assert_int_equal(vmalloc_check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_comes_in_pieces),
		cmocka_unit_test(entries_of_new_ranges),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
