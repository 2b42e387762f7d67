/* SPDX-License-Identifier: MIT */
/*
 * Areas with large leaves: what gets them, what is left when one cannot be had, and what follows them at their address.
 */
#include "tests/host/huge_look.h"

#include <kernel/inject.h>

#define RAM  (256ull << 20)
#define MOST 3 /* leaves in the largest area here */

static unsigned long leaf_pages, leaf;
static struct pgtable process;

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 3);
	leaf = pt_level_size(2);
	leaf_pages = leaf >> PAGE_SHIFT;
	return pgtable_init_process(&process);
}

/* --- vmalloc_huge ------------------------------------------------------------------------------------------------- */

static void leaves_for_whole_multiples(void **state)
{
	static const unsigned int wholes[] = { 0, 1, 1, 2, MOST }, rests[] = { 7, 0, 1, 5, 0 };
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(wholes); i++) {
		unsigned long count = wholes[i] * leaf_pages + rests[i], size = (count << PAGE_SHIFT) - 9;
		char *p = vmalloc_huge(size, GFP_KERNEL);

		assert_non_null(p);
		assert_mapped(p, count);
		assert_int_equal(is_vm_area_hugepages(p), wholes[i] != 0);
		assert_int_equal(find_vm_area(p)->requested_size, size);
		assert_int_equal(get_vm_area_size(find_vm_area(p)), count << PAGE_SHIFT);
		assert_int_equal(vmalloc_nr_pages(), before.vmalloc_pages + count);
		for (unsigned long n = 0; n < count; n++)
			assert_int_equal(level_at(p + (n << PAGE_SHIFT)), n < wholes[i] * leaf_pages ? 2 : 1);
		vfree(p);
		assert_int_equal(level_at(p), 0);
		assert_synced();
	}
	assert_balance(before);
}

static void expect_small(char *p, unsigned long count)
{
	assert_non_null(p);
	assert_mapped(p, count);
	assert_int_equal(level_at(p), 1);
	assert_false(is_vm_area_hugepages(p));
	vfree(p);
}

static void small_where_leaves_are_not_for(void **state)
{
	struct vm_balance before = vm_balance();

	(void)state;
	expect_small(vmalloc(leaf), leaf_pages);
	expect_small(vmalloc_huge(leaf, GFP_KERNEL | __GFP_NOWAIT), leaf_pages);
	expect_small(vmalloc_huge(leaf - PAGE_SIZE, GFP_KERNEL), leaf_pages - 1);
	host_set_feature(FEATURE_HUGE_2M, false);
	if (!pt_leaf_allowed(2))
		expect_small(vmalloc_huge(leaf, GFP_KERNEL), leaf_pages);
	host_set_feature(FEATURE_HUGE_2M, true);
	assert_balance(before);
}

static void zeroed_and_kvmalloc(void **state)
{
	struct vm_balance before = vm_balance();
	char *p = vmalloc_huge(leaf, GFP_KERNEL);

	(void)state;
	for (unsigned long n = 0; n < leaf_pages; n++)
		memset(host_translate((vaddr_t)p + n * PAGE_SIZE), 0x5a, PAGE_SIZE);
	vfree(p);
	p = kvmalloc(2 * leaf + 1, GFP_KERNEL | __GFP_ZERO);
	assert_int_equal(level_at(p), 2);
	for (unsigned long i = 0; i < 2 * leaf + 1; i += PAGE_SIZE / 4)
		assert_int_equal(*(long *)host_translate((vaddr_t)p + i), 0);
	kvfree(p);
	assert_balance(before);
}

/* A page that somebody keeps outlives the area; its neighbours do not. */
static void base_pages_are_independent(void **state)
{
	struct vm_balance before = vm_balance();
	char *p = vmalloc_huge(leaf, GFP_KERNEL);
	struct page *kept[] = { vmalloc_to_page(p), vmalloc_to_page(p + 17 * PAGE_SIZE),
				vmalloc_to_page(p + leaf - 1) };

	(void)state;
	assert_int_equal(level_at(p), 2);
	for (unsigned int i = 0; i < ARRAY_SIZE(kept); i++)
		get_page(kept[i]);
	vfree(p);
	assert_int_equal(vm_balance().pages, before.pages - ARRAY_SIZE(kept));
	for (unsigned int i = 0; i < ARRAY_SIZE(kept); i++) {
		assert_int_equal(kept[i]->state, PAGE_USED);
		put_page(kept[i]);
	}
	assert_balance(before);
	assert_int_equal(page_alloc_check(), 0);
}

/*
 * Nobody has looked at the area when a page of it is asked for, so that its block is none any more: the last, one in
 * the middle, all. What the array holds then is worked out, and each page goes once.
 */
static void blocks_taken_apart_before_anyone_looks(void **state)
{
	static const unsigned int kept[] = { MOST - 1, 1, 0 };
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(kept); i++) {
		char *p = vmalloc_huge(MOST * leaf + 3 * PAGE_SIZE, GFP_KERNEL);
		struct page *page[MOST];

		for (unsigned int k = i; k < ARRAY_SIZE(kept); k++)
			get_page(page[k] = vmalloc_to_page(p + kept[k] * leaf + 5 * PAGE_SIZE));
		vfree(p);
		for (unsigned int k = i; k < ARRAY_SIZE(kept); k++)
			put_page(page[k]);
		assert_balance(before);
		assert_int_equal(page_alloc_check(), 0);
	}
}

/* An area that is taken out of the layer has all its pages in the array, as has one that is only asked for. */
static void removed_area_lists_its_pages(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long count = MOST * leaf_pages + 3;
	char *p = vmalloc_huge(count << PAGE_SHIFT, GFP_KERNEL);
	struct page **seen = test_calloc(count, sizeof(*seen));
	struct vm_struct *area;

	(void)state;
	for (unsigned long n = 0; n < count; n++)
		seen[n] = vmalloc_to_page(p + (n << PAGE_SHIFT));
	area = remove_vm_area(p);
	assert_int_equal(area->nr_pages, count);
	assert_memory_equal(area->pages, seen, count * sizeof(*seen));
	free_page_array(area->pages, count);
	kvfree(area->pages);
	kfree(area);
	test_free(seen);
	assert_balance(before);
}

/* The second block is not to be had: no leaf at all, and not a frame that is not the area's. */
static void a_missing_block_means_small_pages(void **state)
{
	struct vm_balance before = vm_balance();
	char *p;

	(void)state;
	inject_set(INJECT_PAGE, 2);
	p = vmalloc_huge(MOST * leaf, GFP_KERNEL | __GFP_NOFAIL);
	assert_int_equal(inject_clear(INJECT_PAGE), 0);
	expect_small(p, MOST * leaf_pages);
	assert_balance(before);
}

/* Every allocation fails once, and nothing is lost. (An array of pages in vmalloc space could not be followed here.) */
static void each_allocation_fails_once(void **state)
{
	static const enum inject_site sites[] = { INJECT_TABLE, INJECT_SLAB };
	const unsigned long rest[] = { 3, 0 };
	unsigned int nr = leaf_pages * sizeof(struct page *) > PAGE_SIZE ? 1 : 2;

	(void)state;
	for (unsigned int s = 0; s < nr; s++)
		for (unsigned int nth = 1, unreached = 0; !unreached; nth++) {
			struct vm_balance before = vm_balance();
			char *p;

			inject_set(sites[s], nth);
			p = vmalloc_huge(leaf + rest[s] * PAGE_SIZE, GFP_KERNEL);
			unreached = inject_clear(sites[s]);
			if (p)
				assert_mapped(p, leaf_pages + rest[s]);
			vfree(p);
			assert_balance(before);
			assert_synced();
		}
}

/* --- what was there before ---------------------------------------------------------------------------------------- */

static void *at(vaddr_t start, unsigned long size, unsigned long flags)
{
	return __vmalloc_node_range(size, PAGE_SIZE, start, start + size + PAGE_SIZE, GFP_KERNEL, PAGE_KERNEL, flags,
				    -1, NULL);
}

/* Small pages, leaf, small pages ... at one address: old tables go, old leaves go, in every process. */
static void leaf_and_table_take_turns(void **state)
{
	vaddr_t start = ALIGN(VMALLOC_START, leaf) + 4 * leaf;
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int round = 0; round < 8; round++) {
		bool huge = round & 1;
		char *p = at(start, leaf, huge ? VM_ALLOW_HUGE_VMAP : 0);

		assert_ptr_equal(p, start);
		assert_mapped(p, leaf_pages);
		assert_int_equal(level_at(p), huge ? 2 : 1);
		assert_int_equal(level_at(p + leaf - 1), huge ? 2 : 1);
		vfree(p);
		assert_synced();
		vmalloc_shrink();
	}
	assert_balance(before);
}

/* After a flush the same address comes again, and one that is of no use does not. */
static void ranges_go_round(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned long size = min(2 * leaf, 4ul << 20);
	struct vmalloc_stats stats;
	char *p = vmalloc_huge(size, GFP_KERNEL), *q;

	(void)state;
	vfree(p);
	vm_cache_flush();
	q = vmalloc_huge(size + leaf, GFP_KERNEL);
	assert_true(q > p || q + size + leaf <= p);
	vmalloc_stats(&stats);
	if (stats.cached_bytes) { /* a small arena keeps nothing so long */
		char *again = vmalloc_huge(size, GFP_KERNEL);

		assert_ptr_equal(again, p);
		assert_mapped(again, size >> PAGE_SHIFT);
		assert_int_equal(level_at(again), 2);
		vfree(again);
	}
	vfree(q);
	assert_balance(before);
}

/* One that is clean does not hide another that is about to be. */
static void ranges_of_two_sizes_go_round(void **state)
{
	bool large = VMALLOC_END - VMALLOC_START > 1ul << 31; /* else nothing so long is kept */
	struct vm_balance before = vm_balance();
	char *p = vmalloc_huge(leaf, GFP_KERNEL), *q = vmalloc_huge(leaf + PAGE_SIZE, GFP_KERNEL), *other, *again;

	(void)state;
	vfree(p);
	vm_cache_flush();
	other = vmalloc_huge(leaf + 2 * PAGE_SIZE, GFP_KERNEL); /* looks, and so p's range is known to be clean */
	vfree(q);
	vm_cache_flush();
	again = vmalloc_huge(leaf + PAGE_SIZE, GFP_KERNEL);
	assert_true(again == q || !large);
	vfree(again);
	vfree(other);
	assert_balance(before);
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

static void rights_of_a_part_are_refused(void **state)
{
	char *p = vmalloc_huge(2 * leaf, GFP_KERNEL);

	(void)state;
	assert_int_equal(set_memory_ro((unsigned long)p + PAGE_SIZE, 1), -EINVAL);
	assert_int_equal(set_memory_ro((unsigned long)p + leaf - PAGE_SIZE, 2), -EINVAL);
	assert_int_equal(set_memory_ro((unsigned long)p, (int)leaf_pages + 1), -EINVAL);
	for (unsigned long n = 0; n < 2 * leaf_pages; n++)
		assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)p + n * PAGE_SIZE).pte.val & PTE_RW);
	assert_int_equal(set_memory_ro((unsigned long)p + leaf, (int)leaf_pages), 0);
	assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)p).pte.val & PTE_RW);
	assert_false(pgtable_query(&kernel_pgtable, (vaddr_t)p + leaf).pte.val & PTE_RW);
	assert_synced();
	vfree(p);
}

static u32 *word(const char *p, unsigned long page)
{
	u32 *at = host_translate((vaddr_t)p + (page << PAGE_SHIFT));

	assert_non_null(at);
	return at;
}

/* A leaf stays as long as one of its pages is wanted; then it goes, and small pages may come back. */
static void smaller_and_larger_again(void **state)
{
	struct vm_balance before = vm_balance();
	char *p = vmalloc_huge(MOST * leaf, GFP_KERNEL);

	(void)state;
	for (unsigned long n = 0; n < MOST * leaf_pages; n++)
		*word(p, n) = (u32)n + 1;
	assert_ptr_equal(vrealloc(p, MOST * leaf - 5 * PAGE_SIZE, GFP_KERNEL), p);
	assert_mapped(p, MOST * leaf_pages);
	assert_ptr_equal(vrealloc(p, leaf + 1, GFP_KERNEL | __GFP_ZERO), p);
	assert_mapped(p, 2 * leaf_pages);
	assert_int_equal(vmalloc_nr_pages(), before.vmalloc_pages + 2 * leaf_pages);
	assert_int_equal(*word(p, 2 * leaf_pages - 1), 0);
	assert_int_equal(*word(p, leaf_pages), (leaf_pages + 1) & 0xff); /* one byte of it is his */
	assert_ptr_equal(vrealloc(p, MOST * leaf, GFP_KERNEL | __GFP_ZERO), p);
	assert_mapped(p, MOST * leaf_pages);
	assert_int_equal(level_at(p + leaf), 2);
	assert_int_equal(level_at(p + 2 * leaf), 1);
	assert_int_equal(*word(p, 2 * leaf_pages), 0);
	for (unsigned long n = 0; n < leaf_pages; n++)
		assert_int_equal(*word(p, n), n + 1);
	p = vrealloc(p, (MOST + 1) * leaf, GFP_KERNEL); /* elsewhere, and the same again */
	assert_mapped(p, (MOST + 1) * leaf_pages);
	assert_true(is_vm_area_hugepages(p));
	assert_int_equal(*word(p, leaf_pages - 1), leaf_pages);
	vfree(p);
	p = vmalloc_huge(MOST * leaf, GFP_KERNEL); /* the table in the middle is in nobody's way */
	assert_int_equal(level_at(p + 2 * leaf), 2);
	vfree(p);
	assert_balance(before);
}

static void looked_at_from_outside(void **state)
{
	char *p = vmalloc_huge(leaf + PAGE_SIZE, GFP_KERNEL);
	u32 got[3];

	(void)state;
	for (unsigned long n = 0; n < leaf_pages + 1; n++)
		*word(p, n) = (u32)n + 1;
	for (unsigned long n = 0; n < leaf_pages + 1; n += 13) {
		assert_int_equal(vread((char *)got, p + n * PAGE_SIZE, sizeof(got[0])), sizeof(got[0]));
		assert_int_equal(got[0], n + 1);
	}
	assert_true(vmalloc_dump_obj(p + leaf + PAGE_SIZE - 1));
	vfree(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_for_whole_multiples),
		cmocka_unit_test(small_where_leaves_are_not_for),
		cmocka_unit_test(zeroed_and_kvmalloc),
		cmocka_unit_test(base_pages_are_independent),
		cmocka_unit_test(blocks_taken_apart_before_anyone_looks),
		cmocka_unit_test(removed_area_lists_its_pages),
		cmocka_unit_test(a_missing_block_means_small_pages),
		cmocka_unit_test(each_allocation_fails_once),
		cmocka_unit_test(leaf_and_table_take_turns),
		cmocka_unit_test(ranges_go_round),
		cmocka_unit_test(ranges_of_two_sizes_go_round),
		cmocka_unit_test(rights_of_a_part_are_refused),
		cmocka_unit_test(smaller_and_larger_again),
		cmocka_unit_test(looked_at_from_outside),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
