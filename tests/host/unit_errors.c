/* SPDX-License-Identifier: MIT */
/*
 * What a header of mm/ says is an error is one, and no panic: each documented -errno is asked for, with arguments from
 * where nobody looks (a private slot, the end of the address space, sizes that wrap). A panic ends the program.
 */
#include "tests/host/vm_machine.h"

#include <arch/mmu_sync.h>
#include <mm/ioremap.h>
#include <mm/memtype.h>
#include <mm/mm.h>

#define BASE   0x1000000ul
#define DEVICE (1ull << 30)

static struct page *page;

static int setup(void **state)
{
	(void)state;
	vm_machine(256 * MIB, 3);
	page = alloc_page(GFP_KERNEL);
	assert_non_null(page);
	return 0;
}

static int count(pte_t *pte, unsigned long addr, void *data)
{
	(void)pte;
	(void)addr;
	++*(unsigned int *)data;
	return 0;
}

/* --- apply_to_page_range ------------------------------------------------------------------------------------------ */

static void assert_no_walk(struct mm_struct *mm, vaddr_t start, unsigned long size)
{
	unsigned int calls = 0;

	assert_int_equal(apply_to_page_range(mm, start, size, count, &calls), -EINVAL);
	assert_int_equal(apply_to_existing_page_range(mm, start, size, count, &calls), -EINVAL);
	assert_int_equal(calls, 0);
}

static void ranges_that_are_nobodys(void **state)
{
	vaddr_t private = layout.private_start, after = layout.private_end;
	struct mm_struct *mm = mm_create();

	(void)state;
	assert_no_walk(&init_mm, private, PAGE_SIZE);
	assert_no_walk(&init_mm, after - PAGE_SIZE, PAGE_SIZE);
	assert_no_walk(&init_mm, private, after - private);
	assert_no_walk(&init_mm, private - PAGE_SIZE, 2 * PAGE_SIZE);
	assert_no_walk(&init_mm, after - PAGE_SIZE, 2 * PAGE_SIZE);
	assert_no_walk(&init_mm, private - PAGE_SIZE, after - private + 2 * PAGE_SIZE);
	assert_no_walk(&init_mm, VMALLOC_END - PAGE_SIZE, -(VMALLOC_END - PAGE_SIZE) & PAGE_MASK);
	assert_no_walk(&init_mm, VMALLOC_START, 0);
	assert_no_walk(&init_mm, VMALLOC_START, -PAGE_SIZE);
	assert_no_walk(&init_mm, VMALLOC_START + 1, PAGE_SIZE);
	assert_no_walk(&init_mm, VMALLOC_START, 1);
	assert_no_walk(&init_mm, 0, PAGE_SIZE);
	assert_no_walk(&init_mm, layout.user_end, PAGE_SIZE);
	assert_no_walk(&init_mm, layout.direct_start - PAGE_SIZE, 2 * PAGE_SIZE);
	assert_no_walk(mm, layout.user_end - PAGE_SIZE, 2 * PAGE_SIZE);
	assert_no_walk(mm, layout.user_end, PAGE_SIZE);
	assert_no_walk(mm, private, PAGE_SIZE);
	assert_no_walk(mm, VMALLOC_START, PAGE_SIZE);
	assert_no_walk(mm, BASE, 0);
	assert_no_walk(mm, BASE, -BASE);
	mm_destroy(mm);
}

/* --- address spaces ----------------------------------------------------------------------------------------------- */

static void areas_that_cannot_be(void **state)
{
	static const vaddr_t at[] = { 0, BASE + 1 };
	struct mm_struct *mm = mm_create();
	vaddr_t end = layout.user_end;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		assert_int_equal(mm_map(mm, at[i], PAGE_SIZE, VM_READ), -EINVAL);
		assert_int_equal(mm_unmap(mm, at[i], PAGE_SIZE), -EINVAL);
	}
	assert_int_equal(mm_map(mm, end - PAGE_SIZE, 2 * PAGE_SIZE, VM_READ), -EINVAL);
	assert_int_equal(mm_map(mm, end, PAGE_SIZE, VM_READ), -EINVAL);
	assert_int_equal(mm_map(mm, BASE, -BASE, VM_READ), -EINVAL);
	assert_int_equal(mm_map(mm, BASE, -PAGE_SIZE, VM_READ), -EINVAL);
	assert_int_equal(mm_map(mm, BASE, 0, VM_READ), -EINVAL);
	assert_int_equal(mm_map(mm, BASE, PAGE_SIZE, VM_WRITE | VM_EXEC), -EINVAL);
	assert_int_equal(mm_map_anywhere(mm, PAGE_SIZE, VM_WRITE | VM_EXEC), -EINVAL);
	assert_int_equal(mm_map(mm, layout.private_start, PAGE_SIZE, VM_READ), -EINVAL);
	assert_int_equal(mm_unmap(mm, BASE, -PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_unmap(mm, layout.private_start, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_map_anywhere(mm, 0, VM_READ), -EINVAL);
	assert_int_equal(mm_map_anywhere(mm, 1, VM_READ), -EINVAL);
	assert_int_equal(mm_map_anywhere(mm, -PAGE_SIZE, VM_READ), -EINVAL);
	assert_int_equal(mm_map(mm, BASE, PAGE_SIZE, VM_READ), 0);
	assert_int_equal(mm_map(mm, BASE, PAGE_SIZE, VM_READ), -EEXIST);
	assert_int_equal(mm_write(mm, BASE + PAGE_SIZE, "a", 1), -EFAULT);
	assert_int_equal(mm_write(mm, layout.private_start, "a", 1), -EFAULT);
	assert_int_equal(mm_write(mm, layout.direct_start, "a", 1), -EFAULT);
	assert_int_equal(mm_brk(mm, layout.private_start), 0);
	mm_destroy(mm);
}

static void what_cannot_be_lent(void **state)
{
	struct mm_struct *mm = mm_create();
	char *user = vmalloc_user(2 * PAGE_SIZE), *plain = vmalloc(PAGE_SIZE);

	(void)state;
	assert_int_equal(mm_map(mm, BASE, 4 * PAGE_SIZE, VM_READ | VM_SHARED), 0);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, plain, 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, NULL, 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, (char *)layout.private_start, 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, user, ~0ul, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, user, 0, -PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, user, 2, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_lend_vmalloc(mm, layout.private_start, user, 0, PAGE_SIZE), -EFAULT);
	assert_int_equal(mm_lend_vmalloc(mm, layout.user_end - PAGE_SIZE, user, 0, 2 * PAGE_SIZE), -EFAULT);
	assert_int_equal(mm_lend_vmalloc(mm, BASE, user, 0, 2 * PAGE_SIZE), 0);
	assert_int_equal(mm_lend_vmalloc(mm, BASE + PAGE_SIZE, user, 0, PAGE_SIZE), -EBUSY);
	mm_destroy(mm);
	vfree(plain);
	vfree(user);
}

/* --- kernel ranges that the caller maps --------------------------------------------------------------------------- */

static void devices_that_do_not_fit(void **state)
{
	struct vm_struct *io = get_vm_area(2 * PAGE_SIZE, VM_IOREMAP), *other = get_vm_area(PAGE_SIZE, VM_MAP);
	vaddr_t at = (vaddr_t)io->addr;

	(void)state;
	assert_int_equal(
		ioremap_page_range((vaddr_t)other->addr, (vaddr_t)other->addr + PAGE_SIZE, DEVICE, PAGE_KERNEL),
		-EINVAL);
	assert_int_equal(
		ioremap_page_range(layout.private_start, layout.private_start + PAGE_SIZE, DEVICE, PAGE_KERNEL),
		-EINVAL);
	assert_int_equal(ioremap_page_range(layout.direct_start, layout.direct_start + PAGE_SIZE, DEVICE, PAGE_KERNEL),
			 -EINVAL);
	assert_int_equal(ioremap_page_range(0, PAGE_SIZE, DEVICE, PAGE_KERNEL), -EINVAL);
	assert_int_equal(ioremap_page_range(at, at + 2 * PAGE_SIZE, DEVICE + 1, PAGE_KERNEL), -EINVAL);
	assert_int_equal(ioremap_page_range(at, at + PAGE_SIZE, DEVICE, PAGE_KERNEL), -ERANGE);
	assert_int_equal(ioremap_page_range(at, at + 3 * PAGE_SIZE, DEVICE, PAGE_KERNEL), -ERANGE);
	assert_int_equal(ioremap_page_range(at, 0, DEVICE, PAGE_KERNEL), -ERANGE);
	free_vm_area(io);
	free_vm_area(other);
}

static void pages_that_do_not_fit(void **state)
{
	struct vm_struct *sparse = get_vm_area(4 * PAGE_SIZE, VM_SPARSE), *other = get_vm_area(PAGE_SIZE, VM_MAP);
	vaddr_t at = (vaddr_t)sparse->addr;
	struct page *none = NULL;

	(void)state;
	assert_int_equal(vm_area_map_pages(sparse, at, at, &page), -EINVAL);
	assert_int_equal(vm_area_map_pages(sparse, at + 1, at + PAGE_SIZE, &page), -EINVAL);
	assert_int_equal(vm_area_map_pages(sparse, at + PAGE_SIZE, at, &page), -EINVAL);
	assert_int_equal(vm_area_map_pages(sparse, layout.private_start, layout.private_start + PAGE_SIZE, &page),
			 -ERANGE);
	assert_int_equal(vm_area_map_pages(sparse, at - PAGE_SIZE, at, &page), -ERANGE);
	assert_int_equal(vm_area_map_pages(sparse, at + 4 * PAGE_SIZE, at + 5 * PAGE_SIZE, &page), -ERANGE);
	assert_int_equal(vm_area_map_pages(sparse, at, at + 512 * MIB, &page), -E2BIG);
	assert_int_equal(vm_area_map_pages(sparse, at, at + PAGE_SIZE, &none), -ENOMEM);
	assert_int_equal(vm_area_map_pages(sparse, at, at + PAGE_SIZE, &page), 0);
	assert_int_equal(vm_area_map_pages(sparse, at, at + PAGE_SIZE, &page), -EBUSY);
	warn_expected(true);
	assert_int_equal(vm_area_map_pages(other, (vaddr_t)other->addr, (vaddr_t)other->addr + PAGE_SIZE, &page),
			 -EINVAL);
	vm_area_unmap_pages(sparse, layout.private_start, layout.private_start + PAGE_SIZE);
	warn_expected(false);
	vm_area_unmap_pages(sparse, at, at + PAGE_SIZE);
	free_vm_area(sparse);
	free_vm_area(other);
}

/* --- books -------------------------------------------------------------------------------------------------------- */

static void books_that_say_no(void **state)
{
	struct notifier_block nb = { 0 };

	(void)state;
	assert_int_equal(unregister_vmap_purge_notifier(&nb), -ENOENT);
	assert_int_equal(register_vmap_purge_notifier(&nb), 0);
	assert_int_equal(register_vmap_purge_notifier(&nb), -EEXIST);
	assert_int_equal(unregister_vmap_purge_notifier(&nb), 0);
	warn_expected(true);
	assert_int_equal(memtype_free(DEVICE, DEVICE + PAGE_SIZE, MEMTYPE_WC), -EINVAL);
	assert_int_equal(memtype_reserve(0, PAGE_SIZE, MEMTYPE_WC), -EBUSY);
	assert_int_equal(memtype_reserve(0, ~0ull, MEMTYPE_WC), -EBUSY);
	warn_expected(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_that_are_nobodys),
		cmocka_unit_test(areas_that_cannot_be),
		cmocka_unit_test(what_cannot_be_lent),
		cmocka_unit_test(devices_that_do_not_fit),
		cmocka_unit_test(pages_that_do_not_fit),
		cmocka_unit_test(books_that_say_no),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
