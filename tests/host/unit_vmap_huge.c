/* SPDX-License-Identifier: MIT */
/* vmap() of pages that make up large leaves. */
#include "tests/host/huge_look.h"

#include <kernel/inject.h>

static unsigned long leaf_pages, leaf;
static struct pgtable process;

static int setup(void **state)
{
	(void)state;
	vm_machine(256ull << 20, 3);
	leaf = pt_level_size(2);
	leaf_pages = leaf >> PAGE_SHIFT;
	return pgtable_init_process(&process);
}

static struct page *pages[1 << (MAX_PAGE_ORDER + 1)];

static struct page *blocks[2];

/* Two blocks of the largest order, one behind the other in the array. */
static void get_blocks(void)
{
	for (unsigned int b = 0; b < 2; b++) {
		blocks[b] = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
		assert_non_null(blocks[b]);
		for (unsigned long n = 0; n < 1ul << MAX_PAGE_ORDER; n++)
			pages[(b << MAX_PAGE_ORDER) + n] = blocks[b] + n;
	}
}

static void put_blocks(void)
{
	for (unsigned int b = 0; b < 2; b++)
		__free_pages(blocks[b], MAX_PAGE_ORDER);
}

/* Map pages [first, first + count) of the array; which of them are in large leaves? Bit s: slot s of the blocks. */
static unsigned int slots_in_leaves(unsigned long first, unsigned long count)
{
	unsigned int slots = 0;
	char *p = vmap(pages + first, (unsigned int)count, VM_MAP, PAGE_KERNEL);

	assert_non_null(p);
	for (unsigned long n = 0; n < count; n++) {
		assert_ptr_equal(vmalloc_to_page(p + n * PAGE_SIZE), pages[first + n]);
		if (level_at(p + n * PAGE_SIZE) == 2)
			slots |= 1u << (first + n) / leaf_pages;
	}
	assert_int_equal(level_at(p + count * PAGE_SIZE), 0);
	assert_int_equal(is_vm_area_hugepages(p), slots != 0);
	assert_synced();
	vunmap(p);
	assert_int_equal(level_at(p), 0);
	assert_synced();
	return slots;
}

static void vmap_with_leaves_where_pages_allow(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned int all = (1u << (ARRAY_SIZE(pages) / leaf_pages)) - 1;
	struct page *page;

	(void)state;
	get_blocks();
	assert_int_equal(slots_in_leaves(0, ARRAY_SIZE(pages)), all);
	assert_int_equal(slots_in_leaves(0, leaf_pages), 1);
	assert_int_equal(slots_in_leaves(0, leaf_pages - 1), 0);
	assert_int_equal(slots_in_leaves(1, ARRAY_SIZE(pages) - 1), all & ~1u);
	assert_int_equal(slots_in_leaves(leaf_pages - 1, leaf_pages + 1), 2);
	assert_int_equal(slots_in_leaves(3, 2 * leaf_pages - 4), 0);
	page = pages[5]; /* two pages change places */
	pages[5] = pages[6];
	pages[6] = page;
	assert_int_equal(slots_in_leaves(0, ARRAY_SIZE(pages)), all & ~1u);
	pages[leaf_pages + 1] = NULL;
	assert_null(vmap(pages, ARRAY_SIZE(pages), VM_MAP, PAGE_KERNEL));
	pages[leaf_pages + 1] = pages[leaf_pages] + 1;
	put_blocks();
	assert_balance(before);
}

/* Where vmalloc had blocks of its own, vmap has none, and no array to enter them in. */
static void vmap_has_no_blocks_of_its_own(void **state)
{
	struct vm_balance before;
	char *p, *q;

	(void)state;
	get_blocks();
	before = vm_balance();
	p = vmalloc_huge(leaf, GFP_KERNEL);
	vfree(p);
	vm_cache_flush();
	q = vmap(pages, (unsigned int)leaf_pages, VM_MAP, PAGE_KERNEL);
	assert_null(find_vm_area(q)->pages);
	assert_true(is_vm_area_hugepages(q));
	vunmap(q);
	assert_balance(before);
	put_blocks();
}

/* Where vmap had leaves, the next area's leaves need not fit. */
static void vmap_ranges_are_not_for_vmalloc(void **state)
{
	unsigned long count = leaf_pages + 1;
	struct vm_balance before = vm_balance();
	char *p;

	(void)state;
	get_blocks();
	vunmap(vmap(pages + leaf_pages - 1, (unsigned int)count, VM_MAP, PAGE_KERNEL));
	vm_cache_flush();
	p = vmalloc_huge(count << PAGE_SHIFT, GFP_KERNEL);
	assert_mapped(p, count);
	assert_int_equal(level_at(p), 2);
	vfree(p);
	put_blocks();
	assert_balance(before);
}

static void vmap_fails_without_a_trace(void **state)
{
	static const enum inject_site sites[] = { INJECT_TABLE, INJECT_SLAB };

	(void)state;
	get_blocks();
	for (unsigned int s = 0; s < ARRAY_SIZE(sites); s++)
		for (unsigned int nth = 1, unreached = 0; !unreached; nth++) {
			struct vm_balance before = vm_balance();
			char *p;

			inject_set(sites[s], nth);
			p = vmap(pages + 1, ARRAY_SIZE(pages) - 2, VM_MAP, PAGE_KERNEL);
			unreached = inject_clear(sites[s]);
			vunmap(p);
			assert_balance(before);
			assert_synced();
		}
	put_blocks();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vmap_with_leaves_where_pages_allow),
		cmocka_unit_test(vmap_has_no_blocks_of_its_own),
		cmocka_unit_test(vmap_ranges_are_not_for_vmalloc),
		cmocka_unit_test(vmap_fails_without_a_trace),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
