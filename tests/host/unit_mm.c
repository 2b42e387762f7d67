/* SPDX-License-Identifier: MIT */
/* Address spaces: ranges, faults, threads that run on them, and what is left when they are gone. */
#include "tests/host/vm_machine.h"

#include <arch/fault.h>
#include <arch/mmu_sync.h>
#include <kernel/inject.h>
#include <kernel/task.h>
#include <mm/mm.h>

static int setup(void **state)
{
	(void)state;
	vm_machine(256 * MIB, 3);
	return 0;
}

static void ranges_are_checked(void **state)
{
	struct mm_struct *mm = mm_create();
	vaddr_t end = layout.user_end;

	(void)state;
	assert_int_equal(mm_map_anonymous(mm, 0x10000, 4 * PAGE_SIZE), 0);
	assert_int_equal(mm_map_anonymous(mm, 0x14000, PAGE_SIZE), 0);
	assert_int_equal(mm_map_anonymous(mm, end - PAGE_SIZE, PAGE_SIZE), 0);
	assert_int_equal(mm_map_anonymous(mm, 0x12000, PAGE_SIZE), -EEXIST);
	assert_int_equal(mm_map_anonymous(mm, 0x14000, 2 * PAGE_SIZE), -EEXIST);
	assert_int_equal(mm_map_anonymous(mm, 0, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_map_anonymous(mm, 0x20000, 0), -EINVAL);
	assert_int_equal(mm_map_anonymous(mm, 0x20001, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_map_anonymous(mm, 0x20000, PAGE_SIZE - 1), -EINVAL);
	assert_int_equal(mm_map_anonymous(mm, end - PAGE_SIZE, 2 * PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_map_anonymous(mm, end, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_map_anonymous(mm, 0x20000, -PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_map(mm, 0x16000, PAGE_SIZE, VM_READ | VM_WRITE | VM_EXEC), -EINVAL);
	assert_int_equal(mm_map(mm, 0x15000, PAGE_SIZE, VM_READ), 0);
	assert_int_equal(mm_find_area(mm, 0x10fff)->vm_start, 0x10000); /* two became one, */
	assert_int_equal(mm_find_area(mm, 0x14fff)->vm_start, 0x10000);
	assert_int_equal(mm_find_area(mm, 0x15000)->vm_start, 0x15000); /* but not with one of other rights */
	assert_null(mm_find_area(mm, 0x16000));
	mm_destroy(mm);
}

/* Whoever maps: a page of the zone, or a range that begins there. What is taken away may begin there. */
static void nothing_lies_in_the_null_zone(void **state)
{
	struct mm_struct *mm = mm_create();

	(void)state;
	for (vaddr_t addr = 0; addr < 0x10000; addr += PAGE_SIZE) {
		assert_int_equal(mm_map_anonymous(mm, addr, PAGE_SIZE), -EINVAL);
		assert_int_equal(mm_map(mm, addr, 0x20000, VM_READ | VM_SHARED), -EINVAL);
	}
	assert_int_equal(mm_map_anonymous(mm, 0x10000, PAGE_SIZE), 0);
	assert_int_equal(mm_unmap(mm, 0xf000, 2 * PAGE_SIZE), 0);
	assert_null(mm_find_area(mm, 0x10000));
	mm_destroy(mm);
}

static void first_touch_brings_a_zero_page(void **state)
{
	struct vm_balance before = vm_balance();
	struct mm_struct *mm = mm_create();
	struct task *task = current;
	char *byte;

	(void)state;
	assert_int_equal(mm_map_anonymous(mm, 0x400000, 64 * MIB), 0);
	assert_int_equal(mm_handle_fault(task, 0x400000, FAULT_WRITE, 0), -EFAULT); /* runs on no process */
	kthread_use_mm(mm);
	pgtable_load(&mm->pgtable);
	assert_int_equal(mm_handle_fault(task, 0x3fffff, FAULT_WRITE, 0), -EFAULT);
	assert_int_equal(mm_handle_fault(task, 0x400000, FAULT_EXEC, 0), -EACCES);
	assert_int_equal(mm_handle_fault(task, layout.direct_start, FAULT_WRITE, 0), -EFAULT);
	for (unsigned int i = 0; i < 40; i++) {
		vaddr_t addr = 0x400000 + i * MIB + 123;

		assert_null(host_translate(addr));
		assert_int_equal(mm_handle_fault(task, addr, i % 2 ? FAULT_WRITE : 0, 0), 0);
		byte = host_translate(addr);
		assert_non_null(byte);
		assert_int_equal(*byte, 0);
		*byte = 1;
		assert_int_equal(mm_handle_fault(task, addr, FAULT_WRITE, 0), 0); /* another CPU was faster: as it is */
		assert_int_equal(mm_handle_fault(task, addr, FAULT_WRITE | FAULT_PRESENT, 0), FAULT_SPURIOUS);
		assert_ptr_equal(host_translate(addr), byte);
	}
	assert_int_equal(mm->user_pages, 40);
	pgtable_load(&kernel_pgtable);
	kthread_unuse_mm(mm);
	mm_destroy(mm);
	assert_balance(before);
}

static void count_mm(struct mm_struct *mm, void *ctx)
{
	(void)mm;
	++*(unsigned int *)ctx;
}

static void users_are_counted(void **state)
{
	struct mm_struct *mm = mm_create(), *other = mm_create();
	unsigned int all = 0;

	(void)state;
	mm_for_each(count_mm, &all);
	assert_int_equal(all, 2);
	kthread_use_mm(mm);
	assert_ptr_equal(current->mm, mm);
	assert_true(PANICS(kthread_use_mm(other)));
	assert_true(PANICS(kthread_unuse_mm(other)));
	assert_true(PANICS(mm_destroy(mm)));
	kthread_unuse_mm(mm);
	assert_null(current->mm);
	mm_destroy(mm);
	mm_destroy(other);
}

/* The structure outlives its users, but nobody becomes a user again; a count too few is told, not obeyed. */
static void who_has_ended_stays_ended(void **state)
{
	struct vm_balance before = vm_balance();
	struct mm_struct *mm = mm_create();

	(void)state;
	mmgrab(mm);
	assert_true(mmget_not_zero(mm));
	mmput(mm);
	mmput(mm);
	assert_false(mmget_not_zero(mm));
	assert_true(PANICS(mmget(mm)));
	atomic_set(&mm->mm_users, 0);
	assert_true(PANICS(mmput(mm)));
	mmdrop(mm);
	assert_balance(before);
}

/* Each allocation on the way fails once. */
static void failures_leave_nothing(void **state)
{
	static const enum inject_site sites[] = { INJECT_PAGE, INJECT_TABLE, INJECT_SLAB };
	unsigned int failed = 0;

	(void)state;
	for (unsigned int s = 0; s < ARRAY_SIZE(sites); s++) {
		for (unsigned int nth = 1, unreached = 0; !unreached; nth++) {
			struct vm_balance before = vm_balance();
			struct mm_struct *mm;

			inject_set(sites[s], nth);
			mm = mm_create();
			if (mm && !mm_map_anonymous(mm, 0x400000, PAGE_SIZE)) {
				kthread_use_mm(mm);
				failed += mm_handle_fault(current, 0x400000, FAULT_WRITE, 0) == -ENOMEM;
				kthread_unuse_mm(mm);
			}
			unreached = inject_clear(sites[s]);
			failed += !mm;
			if (mm)
				mm_destroy(mm);
			assert_balance(before);
		}
	}
	assert_true(failed >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_checked),
		cmocka_unit_test(nothing_lies_in_the_null_zone),
		cmocka_unit_test(first_touch_brings_a_zero_page),
		cmocka_unit_test(users_are_counted),
		cmocka_unit_test(who_has_ended_stays_ended),
		cmocka_unit_test(failures_leave_nothing),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
