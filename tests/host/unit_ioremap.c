/* SPDX-License-Identifier: MIT */
/* ioremap: what it refuses, where it puts things, which leaves it makes. */
#include "tests/host/vm_machine.h"

#include "mm/vm_internal.h"

#include <arch/mmu_sync.h>
#include <mm/ioremap.h>

#define RAM	(256ull << 20)
#define DEVICE	(1ull << 30) /* physical; nobody's RAM */

static int setup(void **state)
{
	(void)state;
	vm_machine(RAM, 1);
	return 0;
}

static void ioremap_keeps_the_offset(void **state)
{
	phys_addr_t phys = DEVICE + 0xfff;
	struct vm_balance before = vm_balance();
	char *io = ioremap(phys, 2);

	(void)state;
	assert_int_equal(offset_in_page(io), 0xfff);
	assert_int_equal(get_vm_area_size(find_vm_area(io)), 2 * PAGE_SIZE);
	assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io).phys == phys);
	assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io + 1).phys == phys + 1);
	assert_false(pgtable_query(&kernel_pgtable, (vaddr_t)io + 1 + PAGE_SIZE).present);
	iounmap(io);
	assert_balance(before);
}

static void ioremap_refuses(void **state)
{
	u64 limit = arch_phys_limit();

	(void)state;
	assert_null(ioremap((phys_addr_t)DEVICE, 0));
	assert_null(ioremap((phys_addr_t)DEVICE, -1ul));
	assert_null(ioremap((phys_addr_t)-PAGE_SIZE, 2 * PAGE_SIZE));
	assert_null(ioremap((phys_addr_t)(limit - PAGE_SIZE), PAGE_SIZE + 1));
	assert_null(ioremap((phys_addr_t)(RAM - 1), 1));
	assert_null(ioremap_cache((phys_addr_t)(RAM - PAGE_SIZE), 2 * PAGE_SIZE));
	assert_null(ioremap((phys_addr_t)(HOLE_END - 1), 2));
	assert_null(ioremap((phys_addr_t)(HOLE_START - 1), 2));
	assert_non_null(strstr(host_log(), "RAM in use"));
	iounmap(ioremap((phys_addr_t)HOLE_START, HOLE_END - HOLE_START));
	if (limit - 1 > (phys_addr_t)-1)
		return;
	iounmap(ioremap((phys_addr_t)(limit - PAGE_SIZE), PAGE_SIZE));
}

static unsigned int leaf_level(const void *addr)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, (vaddr_t)addr);

	assert_true(leaf.present);
	return leaf.level;
}

/* The frame's place within a large page is given; the address follows it, so that the inner part gets large leaves. */
static void ioremap_uses_large_leaves(void **state)
{
	unsigned long big = pt_level_size(2);
	struct vm_balance before = vm_balance();
	char *io = ioremap((phys_addr_t)DEVICE + 3 * PAGE_SIZE, 2 * big);

	(void)state;
	assert_int_equal(leaf_level(io), 1);
	assert_int_equal(leaf_level(io + big - 4 * PAGE_SIZE), 1);
	assert_int_equal(leaf_level(io + big - 3 * PAGE_SIZE), 2);
	assert_int_equal(leaf_level(io + 2 * big - 4 * PAGE_SIZE), 2);
	assert_int_equal(leaf_level(io + 2 * big - 3 * PAGE_SIZE), 1);
	for (unsigned long at = 0; at < 2 * big; at += 5 * PAGE_SIZE)
		assert_true(pgtable_query(&kernel_pgtable, (vaddr_t)io + at).phys == DEVICE + 3 * PAGE_SIZE + at);
	iounmap(io);
	host_set_feature(FEATURE_HUGE_2M, false);
	io = ioremap((phys_addr_t)DEVICE, big);
	host_set_feature(FEATURE_HUGE_2M, true);
	assert_int_equal(leaf_level(io), 1);
	iounmap(io);
	if (pt_top() > 3) {
		io = ioremap((phys_addr_t)DEVICE + big, 3ul << 30);
		assert_int_equal(leaf_level(io), 2);
		assert_int_equal(leaf_level(io + (1ul << 30)), 3);
		assert_int_equal(leaf_level(io + (3ul << 30) - PAGE_SIZE), 2);
		iounmap(io);
	}
	assert_balance(before);
}

/* Small pages, then a large leaf on the same address: the empty table goes, and not before everybody has forgotten it. */
static void small_then_large(void **state)
{
	unsigned long big = pt_level_size(2), since;
	struct pgtable process;
	char *io[2];

	(void)state;
	assert_int_equal(pgtable_init_process(&process), 0);
	host_set_feature(FEATURE_HUGE_2M, false);
	for (unsigned int i = 0; i < 2; i++)
		io[i] = ioremap((phys_addr_t)DEVICE, 2 * big);
	for (unsigned int i = 0; i < 2; i++)
		iounmap(io[i]);
	vm_cache_reclaim();
	host_set_feature(FEATURE_HUGE_2M, true);
	since = tlb_log_seq();
	io[0] = ioremap((phys_addr_t)DEVICE + big, 2 * big);
	assert_int_equal(leaf_level(io[0]), 2);
	assert_true(tlb_log_covers(since, (vaddr_t)io[0], (vaddr_t)io[0] + big));
	assert_int_equal(pgd_parity_check().differs + pgd_parity_check().missing, 0);
	iounmap(io[0]);
	io[0] = vmalloc(big);
	assert_non_null(io[0]);
	assert_int_equal(leaf_level(io[0]), 1);
	assert_int_equal(pgd_parity_check().differs + pgd_parity_check().missing, 0);
	vfree(io[0]);
	pgtable_exit_process(&process);
	assert_int_equal(vmalloc_check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ioremap_keeps_the_offset),
		cmocka_unit_test(ioremap_refuses),
		cmocka_unit_test(ioremap_uses_large_leaves),
		cmocka_unit_test(small_then_large),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
