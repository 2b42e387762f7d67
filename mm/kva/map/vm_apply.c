/* SPDX-License-Identifier: MIT */
/* The caller's function for every entry of a stretch of the kernel's tables. */
#include "mm/kva/map/map.h"

#include <mm/memtype.h>

/* fn writes entries by itself. Debug builds check that the frame has no other memory type elsewhere. */
static int apply_one(const struct vm_apply *a, pte_t *ptep, vaddr_t addr)
{
	pte_t old = pte_read(ptep), now;
	int err;

	if (!a->create && pte_none(old))
		return 0;
	err = a->fn(ptep, addr, a->data);
	if (!CONFIG_DEBUG_MM)
		return err;
	now = pte_read(ptep);
	WARN_ONCE(now.val != old.val && pte_present(now) && !memtype_agrees(pte_pfn(now), pte_memtype(now, 1)),
	     "apply_to_page_range: frame %lx at %lx has another memory type elsewhere", pte_pfn(now), addr);
	return err;
}

int vm_apply_run(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	int err = 0;

	for (; n && !err; n--, ptep++, addr += PAGE_SIZE)
		err = apply_one(ctx, ptep, addr);
	return err;
}

/* Only addresses that all processes share: from the start of the kernel on, without the private slot. */
static bool may_apply(vaddr_t start, vaddr_t end)
{
	return start < end && IS_ALIGNED(start | end, PAGE_SIZE) && start >= layout.kernel_start &&
	       (end <= layout.private_start || start >= layout.private_end);
}

int vm_apply(vaddr_t start, unsigned long size, pte_fn_t fn, void *data, bool create)
{
	struct vm_apply a = { .fn = fn, .data = data, .create = create };
	vaddr_t end = start + size;
	struct mmu_update u;
	int err;

	might_sleep();
	if (!may_apply(start, end))
		return -EINVAL;
	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_for_each_run(&kernel_pgtable, &u, start, end, create, vm_apply_run, &a);
	arch_update_kernel_mappings_end(&u);
	return err;
}
