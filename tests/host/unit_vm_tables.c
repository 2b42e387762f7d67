/* SPDX-License-Identifier: MIT */
/* Page tables of vmalloc space are given back when they serve nobody, and only then. */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

#define RAM (256ull << 20)

static struct page *page;
static unsigned long tables_before;

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1 | 1 << 2);
	page = alloc_page(GFP_KERNEL);
	assert_non_null(page);
	vmalloc_shrink();
	rcu_barrier();
	tables_before = pgtable_kernel_pages();
	return 0;
}

static unsigned long tables(void)
{
	rcu_barrier();
	return pgtable_kernel_pages();
}

/* One page at the start of each of `nr` tables, `step` tables apart. */
static void map_far_and_wide(struct vm_struct **areas, unsigned int nr, unsigned long step)
{
	for (unsigned int i = 0; i < nr; i++) {
		vaddr_t at = ALIGN(VMALLOC_START, pt_level_size(2)) + i * step * pt_level_size(2);

		areas[i] = __get_vm_area_caller(PAGE_SIZE, VM_MAP, at, VMALLOC_END, NULL);
		assert_non_null(areas[i]);
		assert_int_equal(vm_map_pages((vaddr_t)areas[i]->addr, &page, 1, PAGE_KERNEL, 0), 0);
	}
}

static void unmap_all(struct vm_struct **areas, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		vm_unmap((vaddr_t)areas[i]->addr, (vaddr_t)areas[i]->addr + PAGE_SIZE);
		free_vm_area(areas[i]);
	}
}

static void all_come_back(void **state)
{
	unsigned int nr = BITS_PER_LONG == 64 && host_levels >= 4 ? 200 : 20;
	static struct vm_struct *areas[200];
	unsigned long many;

	(void)state;
	for (unsigned long step = 1; step <= 2; step++) {
		map_far_and_wide(areas, nr, step);
		many = tables();
		assert_true(many >= tables_before + nr);
		vmalloc_shrink();
		assert_int_equal(tables(), many); /* in use */
		assert_ptr_equal(vmalloc_to_page(areas[nr - 1]->addr), page);
		unmap_all(areas, nr);
		assert_int_equal(tables(), many);
		vmalloc_shrink();
		assert_true(tables() <= tables_before + host_levels - 2); /* an upper one may remain */
		assert_int_equal(vmalloc_check(), 0);
	}
	assert_int_equal(vm_tables_reclaim(), 0);
}

/* A cached range keeps its entries: its table stays, until the cache gives the range up. */
static void pointers_stay_true(void **state)
{
	char *p = vmalloc(3 * PAGE_SIZE), *again;

	(void)state;
	vfree(p);
	vm_unmap_aliases();
	assert_true(vm_tables_reclaim() == 0);
	again = vmalloc(3 * PAGE_SIZE);
	assert_ptr_equal(again, p);
	assert_non_null(vmalloc_to_page(again + 2 * PAGE_SIZE));
	assert_int_equal(vm_tables_reclaim(), 0); /* a part of a table is in use */
	assert_non_null(vmalloc_to_page(again));
	vfree(again);
	vmalloc_shrink();
	assert_true(tables() <= tables_before + host_levels - 2);
}

/* A table that two holes and a range share stays; its neighbours go. */
static void shared_tables_stay(void **state)
{
	struct vm_struct *areas[5];
	unsigned long many;

	(void)state;
	map_far_and_wide(areas, 5, 1);
	many = tables();
	vm_unmap((vaddr_t)areas[1]->addr, (vaddr_t)areas[1]->addr + PAGE_SIZE);
	free_vm_area(areas[1]);
	vm_unmap((vaddr_t)areas[3]->addr, (vaddr_t)areas[3]->addr + PAGE_SIZE);
	free_vm_area(areas[3]);
	vm_cache_reclaim();
	assert_int_equal(vm_tables_reclaim(), 2);
	assert_int_equal(tables(), many - 2);
	for (unsigned int i = 0; i < 5; i += 2) {
		assert_ptr_equal(vmalloc_to_page(areas[i]->addr), page);
		vm_unmap((vaddr_t)areas[i]->addr, (vaddr_t)areas[i]->addr + PAGE_SIZE);
		free_vm_area(areas[i]);
	}
	vmalloc_shrink();
	assert_int_equal(vmalloc_check(), 0);
}

/* Without memory for descriptors nothing happens, and nothing is lost. */
static void no_memory_for_it(void **state)
{
	static struct vm_struct *areas[4];
	unsigned long many;

	(void)state;
	map_far_and_wide(areas, 4, 1);
	unmap_all(areas, 4);
	vm_cache_reclaim();
	many = tables();
	for (unsigned int nth = 1; nth <= 2; nth++) {
		inject_set(INJECT_SLAB, nth);
		vm_tables_reclaim();
		inject_clear(INJECT_SLAB);
		assert_int_equal(vmalloc_check(), 0);
	}
	vm_tables_reclaim();
	assert_true(tables() < many);
	assert_int_equal(vmalloc_check(), 0);
}

/* Everything at random, and reclaim among it: whatever is mapped stays mapped. */
static void at_random(void **state)
{
	static struct held { char *p; unsigned long pages; } held[32];

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		struct held *h = &held[host_random_below(ARRAY_SIZE(held))];

		host_run_on(host_random() % 2 ? 2 : 0);
		if (h->p) {
			assert_non_null(vmalloc_to_page(h->p + (h->pages - 1) * PAGE_SIZE));
			vfree(h->p);
			h->p = NULL;
		} else {
			h->pages = 1 + (host_random() % 8 ? host_random_below(40) : host_random_below(1500));
			h->p = vmalloc(h->pages * PAGE_SIZE);
			assert_non_null(h->p);
		}
		if (host_random() % 64 == 0)
			vmalloc_shrink();
		if (host_random() % 64 == 0)
			vm_tables_reclaim();
		if (host_random() % 512 == 0)
			assert_int_equal(vmalloc_check(), 0);
		if (host_random() % 32 == 0)
			rcu_barrier();
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(held); i++)
		vfree(held[i].p);
	vmalloc_shrink();
	assert_true(tables() <= tables_before + host_levels - 2);
	assert_int_equal(vmalloc_check(), 0);
	host_run_on(0);
}

/* More tables than are cleared under one flush. */
static void more_than_one_batch(void **state)
{
	vaddr_t table = pt_level_size(2), start = ALIGN(VMALLOC_START, table) + 64 * table;
	unsigned long before = tables();

	(void)state;
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(vm_map_pages(start + i * table, &page, 1, PAGE_KERNEL, GFP_KERNEL), 0);
	vm_unmap(start, start + 40 * table);
	assert_int_equal(pgtable_free_tables(&kernel_pgtable, start, start + 40 * table), 40);
	assert_true(tables() <= before + 1); /* one of a level above may stay */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_come_back),
		cmocka_unit_test(pointers_stay_true),
		cmocka_unit_test(shared_tables_stay),
		cmocka_unit_test(no_memory_for_it),
		cmocka_unit_test(at_random),
		cmocka_unit_test(more_than_one_batch),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
