/* SPDX-License-Identifier: MIT */
/*
 * Ranges of nothing but large leaves, which are mapped again without a walk; and everything after which they are not.
 */
#include "tests/host/huge_look.h"

#include <asm/mtrr.h>
#include <mm/ioremap.h>

#define RAM    (256ull << 20)
#define DEVICE (1ull << 30) /* physical; nobody's RAM */

static unsigned long leaf, order;
static struct pgtable process;

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	leaf = pt_level_size(2);
	order = ilog2(leaf) - PAGE_SHIFT;
	return pgtable_init_process(&process);
}

static int fresh(void **state)
{
	(void)state;
	vmalloc_shrink();
	return 0;
}

static struct vm_range *range_of(const void *addr)
{
	return container_of(find_vm_area(addr), struct vm_range, own);
}

/*
 * Where processes have copies of the entries a change must be carried to them, so nobody writes behind the walker's
 * back.
 */
static bool can_know(void)
{
	return pt_top() > 3;
}

/* Every page of n leaves is where it should be, and nothing is behind them. */
static void assert_leaves(const char *p, unsigned long n)
{
	const struct vm_struct *area = find_vm_area(p);

	assert_int_equal(!!range_of(p)->leaves, can_know());
	for (unsigned long at = 0; at < n * leaf; at += PAGE_SIZE) {
		assert_int_equal(level_at(p + at), 2);
		if (area->flags & VM_IOREMAP)
			assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)p + at).phys == area->phys_addr + at);
		else
			assert_ptr_equal(vmalloc_to_page(p + at), area->pages[at >> PAGE_SHIFT]);
	}
	assert_int_equal(level_at(p + n * leaf), 0);
	assert_synced();
}

/* The one that was used last comes back, with what is known about it. */
static void used_again(void **state)
{
	struct vm_balance before = vm_balance();
	const char *first = NULL;

	(void)state;
	for (unsigned int round = 0; round < 4; round++) {
		bool device = round & 1;
		char *p = device ? ioremap((phys_addr_t)(DEVICE + round * 2 * leaf), 2 * leaf)
				 : vmalloc_huge(2 * leaf, GFP_KERNEL);

		assert_leaves(p, 2);
		assert_true(!first || p == first);
		first = p;
		if (device)
			iounmap(p);
		else
			vfree(p);
		assert_int_equal(level_at(p) + level_at(p + leaf), 0);
		assert_synced();
		vm_unmap_aliases();
	}
	assert_balance(before);
}

/* Small pages came into the range: the table that holds them is not forgotten. */
static void small_pages_follow(void **state)
{
	struct vm_balance before = vm_balance();
	char *p = vmalloc_huge(2 * leaf, GFP_KERNEL);

	(void)state;
	assert_leaves(p, 2);
	assert_ptr_equal(vrealloc(p, leaf, GFP_KERNEL), p);
	assert_ptr_equal(vrealloc(p, leaf + 3 * PAGE_SIZE, GFP_KERNEL), p);
	assert_int_equal(level_at(p), 2);
	assert_int_equal(level_at(p + leaf + 2 * PAGE_SIZE), 1);
	assert_null(range_of(p)->leaves);
	vfree(p);
	assert_int_equal(level_at(p) + level_at(p + leaf), 0);
	vm_unmap_aliases();
	p = vmalloc_huge(2 * leaf, GFP_KERNEL);
	assert_leaves(p, 2);
	vfree(p);
	assert_balance(before);
}

/* The next user's pages are no blocks. */
static void vmap_of_single_pages_follows(void **state)
{
	struct vm_balance before = vm_balance();
	unsigned int n = 2u << order;
	struct page **pages = test_calloc(n, sizeof(*pages)), *swap;
	char *p = vmalloc_huge(2 * leaf, GFP_KERNEL);

	(void)state;
	vfree(p);
	for (unsigned int half = 0; half < n; half += n / 2) {
		pages[half] = alloc_pages_split(GFP_KERNEL, (unsigned int)order);
		assert_non_null(pages[half]);
		for (unsigned int i = 1; i < n / 2; i++)
			pages[half + i] = pages[half] + i;
	}
	swap = pages[n - 1];
	pages[n - 1] = pages[n - 2];
	pages[n - 2] = swap;
	vm_unmap_aliases();
	assert_ptr_equal(vmap(pages, n, VM_MAP, PAGE_KERNEL), p);
	assert_null(range_of(p)->leaves);
	assert_int_equal(level_at(p), 2);
	assert_int_equal(level_at(p + leaf), 1);
	for (unsigned int i = 0; i < n; i++)
		assert_ptr_equal(vmalloc_to_page(p + i * PAGE_SIZE), pages[i]);
	vunmap(p);
	assert_int_equal(level_at(p) + level_at(p + leaf), 0);
	free_page_array(pages, n);
	test_free(pages);
	assert_balance(before);
}

/*
 * A border between memory types within a leaf: that one is small, whatever was there before. Pages of devices and of
 * RAM.
 */
static void memory_types_are_asked_each_time(void **state)
{
	struct vm_balance before = vm_balance();
	char *io = ioremap((phys_addr_t)DEVICE, 2 * leaf), *p = vmalloc_huge(leaf, GFP_KERNEL);
	phys_addr_t ram = page_to_phys(vmalloc_to_page(p));

	(void)state;
	iounmap(io);
	vfree(p);
	vm_unmap_aliases();
	mtrr_begin(&mtrr_state, 1, 1 << 11 | MTRR_WB);
	mtrr_add(&mtrr_state, (DEVICE + leaf) | MTRR_UC, (~((u64)leaf / 2 - 1) & 0xffffff000ull) | 1 << 11);
	mtrr_add(&mtrr_state, ram | MTRR_UC, (~((u64)leaf / 2 - 1) & 0xffffff000ull) | 1 << 11);
	assert_ptr_equal(ioremap((phys_addr_t)DEVICE, 2 * leaf), io);
	assert_int_equal(level_at(io), 2);
	assert_int_equal(level_at(io + leaf), 1);
	assert_null(range_of(io)->leaves);
	assert_ptr_equal(vmalloc_huge(leaf, GFP_KERNEL), p);
	assert_true(page_to_phys(vmalloc_to_page(p)) == ram);
	assert_int_equal(level_at(p), 1);
	iounmap(io);
	vfree(p);
	mtrr_begin(&mtrr_state, 0, 0);
	assert_balance(before);
}

/* Not whole leaves: with the page behind them there is a table in the range. */
static void only_whole_leaves_are_known(void **state)
{
	struct vm_balance before = vm_balance();

	(void)state;
	for (unsigned int round = 0; round < 3; round++) {
		phys_addr_t phys = (phys_addr_t)(DEVICE + (round ? 0 : PAGE_SIZE));
		char *io = ioremap(phys, 2 * leaf + PAGE_SIZE);

		assert_null(range_of(io)->leaves);
		for (unsigned long at = 0; at < 2 * leaf + PAGE_SIZE; at += PAGE_SIZE)
			assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io + at).phys == phys + at);
		iounmap(io);
		vm_unmap_aliases();
	}
	assert_balance(before);
}

/* Somebody has written there. It is reported, and nothing of the new mapping is left. */
static void what_is_mapped_is_not_overwritten(void **state)
{
	char *io = ioremap((phys_addr_t)DEVICE, 2 * leaf);

	(void)state;
	iounmap(io);
	vm_unmap_aliases();
	assert_int_equal(vm_map_phys((vaddr_t)io + leaf, (vaddr_t)io + 2 * leaf, (phys_addr_t)(DEVICE + 8 * leaf),
				     PAGE_KERNEL, (unsigned int)order + PAGE_SHIFT),
			 0);
	warn_expected(true);
	assert_null(ioremap((phys_addr_t)DEVICE, 2 * leaf));
	warn_expected(false);
	assert_int_equal(level_at(io), 0);
	if (can_know()) /* a failed walk leaves nothing in the whole range */
		assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io + leaf).phys ==
			    (phys_addr_t)(DEVICE + 8 * leaf));
	vm_unmap((vaddr_t)io + leaf, (vaddr_t)io + 2 * leaf);
	assert_synced();
	assert_int_equal(vmalloc_check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(used_again, fresh),
		cmocka_unit_test_setup(small_pages_follow, fresh),
		cmocka_unit_test_setup(vmap_of_single_pages_follows, fresh),
		cmocka_unit_test_setup(memory_types_are_asked_each_time, fresh),
		cmocka_unit_test_setup(only_whole_leaves_are_known, fresh),
		cmocka_unit_test_setup(what_is_mapped_is_not_overwritten, fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
