/* SPDX-License-Identifier: MIT */
/* Questions that come before vmalloc is set up (museum 18): each is answered with "nothing", and touches nothing. */
#include "tests/host/vm_machine.h"

#include "mm/kva/area/area.h"

static struct vm_struct early = { .size = 5 * PAGE_SIZE, .flags = VM_MAP };

static void nothing_is_there(const void *addr)
{
	struct vm_range_info info;
	char buffer[64];

	assert_null(find_vm_area(addr));
	assert_null(vmalloc_to_page(addr));
	assert_int_equal(vmalloc_to_pfn(addr), 0);
	assert_int_equal(vm_range_at((vaddr_t)addr, false, &info), 0);
	assert_int_equal(vm_range_at((vaddr_t)addr, true, &info), 0);
	assert_false(vm_range_next((vaddr_t)addr, &info));
	assert_null(vm_range_claim((vaddr_t)addr, VM_RANGE_AREA, VM_ANY));
	assert_int_equal(vread(buffer, addr, sizeof(buffer)), 0);
	assert_false(vmalloc_dump_obj((void *)addr));
}

static void lookup_before_init(void **state)
{
	struct vmalloc_stats stats;

	(void)state;
	vm_machine_before_vmalloc(256 * MIB, 1);
	nothing_is_there((void *)VMALLOC_START);
	nothing_is_there((void *)(VMALLOC_START + 123 * PAGE_SIZE));
	nothing_is_there((void *)(VMALLOC_END - PAGE_SIZE));
	assert_true(is_vmalloc_addr((void *)VMALLOC_START));
	vm_unmap_aliases();
	vmalloc_shrink();
	vmalloc_stats(&stats);
	assert_int_equal(stats.areas + stats.blocks + stats.rams, 0);
	vfree(NULL);
	vm_area_register_early(&early, PAGE_SIZE);
	nothing_is_there(early.addr); /* it has its place, and is in no book yet */
	vmalloc_init();
	assert_ptr_equal(find_vm_area(early.addr), &early);
	assert_int_equal(vmalloc_check(), 0);
	vfree(vmalloc(PAGE_SIZE));
	assert_int_equal(vmalloc_check(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookup_before_init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
