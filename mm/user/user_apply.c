/* SPDX-License-Identifier: MIT */
/* The caller's function for every entry of a range: the kernel's (vm_apply.c), or one of a process's user half. */
#include "mm/kva/map/map.h"
#include "mm/user/user_internal.h"

static int apply_user(struct mm_struct *mm, vaddr_t start, vaddr_t end, const struct vm_apply *a)
{
	int err;

	might_sleep();
	if (start >= end || !IS_ALIGNED(start | end, PAGE_SIZE) || end > layout.user_end)
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = pgtable_for_each_run(&mm->pgtable, NULL, start, end, a->create, vm_apply_run, (void *)a);
	flush_tlb_user_range(&mm->pgtable, start, end); /* before the lock is dropped: fault.c, 2 */
	mm_unlock(mm);
	return err;
}

static int apply(struct mm_struct *mm, vaddr_t addr, unsigned long size, const struct vm_apply *a)
{
	if (WARN_ONCE(!mm, "apply_to_page_range: no address space; the kernel's is &init_mm"))
		return -EINVAL;
	return mm == &init_mm ? vm_apply(addr, size, a->fn, a->data, a->create) : apply_user(mm, addr, addr + size, a);
}

int apply_to_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size, pte_fn_t fn, void *data)
{
	return apply(mm, addr, size, &(struct vm_apply){ .fn = fn, .data = data, .create = true });
}

int apply_to_existing_page_range(struct mm_struct *mm, unsigned long addr, unsigned long size, pte_fn_t fn, void *data)
{
	return apply(mm, addr, size, &(struct vm_apply){ .fn = fn, .data = data, .create = false });
}
