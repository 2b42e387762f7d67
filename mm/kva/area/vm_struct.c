/* SPDX-License-Identifier: MIT */
/* Areas into which the caller maps: address space with a descriptor and a guard page, and nothing mapped. */
#include "mm/kva/area/area.h"

struct vm_struct *__get_vm_area_caller(unsigned long size, unsigned long flags, unsigned long start, unsigned long end,
				       const void *caller)
{
	struct vm_area_spec spec = { .size = PAGE_ALIGN(size), .lo = start, .hi = end, .flags = flags & ~VM_NO_GUARD,
				     .caller = (vaddr_t)caller, .separate = true };
	struct vm_range *range;

	might_sleep();
	if (WARN_ONCE(!size, "get_vm_area: size 0"))
		return NULL;
	spec.align = vm_flags_align(flags, spec.size);
	if (size > VMALLOC_END - VMALLOC_START)
		return vm_report_too_large("get_vm_area", &spec);
	range = vm_area_create_or_report("get_vm_area", &spec);
	if (!range)
		return NULL;
	vm_range_publish(range);
	return range->area;
}

struct vm_struct *get_vm_area_caller(unsigned long size, unsigned long flags, const void *caller)
{
	return __get_vm_area_caller(size, flags, VMALLOC_START, VMALLOC_END, caller);
}

struct vm_struct *get_vm_area(unsigned long size, unsigned long flags)
{
	return get_vm_area_caller(size, flags, __builtin_return_address(0));
}

/*
 * A descriptor that the caller will kfree. If the area's descriptor is part of the range, this is a copy, together with
 * the page array, if there is one (the caller may kvfree that). NULL: no memory, and nothing has changed.
 */
static struct vm_struct *separate_area(struct vm_range *range)
{
	struct vm_struct *area = range->area;
	struct page **pages = range->own.pages;

	if (area != &range->own) {
		range->own.flags = area->flags; /* the caller that mapped changed only the separate descriptor */
		range->own.phys_addr = area->phys_addr;
		range->area = &range->own;
		return area;
	}
	area = kmalloc(sizeof(*area), GFP_KERNEL);
	if (area && pages == range->own_pages) {
		pages = kmalloc(sizeof(range->own_pages), GFP_KERNEL);
		if (pages)
			memcpy(pages, range->own_pages, sizeof(range->own_pages));
	}
	if (!area || (range->own.pages && !pages)) {
		kfree(area);
		return NULL;
	}
	if (range->pages == range->own.pages)
		range->pages = NULL;
	*area = range->own;
	area->pages = pages;
	return area;
}

struct vm_struct *remove_vm_area(const void *addr)
{
	struct vm_struct *area;
	struct vm_range *range;

	might_sleep();
	range = vm_area_claim(addr, VM_ANY, "remove_vm_area");
	if (!range)
		return NULL;
	while (vm_huge_list_pages(range))
		;
	area = separate_area(range);
	if (!area) { /* no memory: nothing has happened */
		vm_range_publish(range);
		return NULL;
	}
	if (!(area->flags & VM_MAP_PUT_PAGES))
		vmalloc_account(-(long)area->nr_pages); /* the caller owns them now */
	vm_area_unmap(range);
	vm_area_retire_unmapped(range);
	return area;
}

void free_vm_area(struct vm_struct *area)
{
	if (remove_vm_area(area->addr) == area)
		kfree(area);
}

void vunmap_range(unsigned long addr, unsigned long end)
{
	bool wrong = !IS_ALIGNED(addr | end, PAGE_SIZE) || addr >= end || addr < VMALLOC_START || end > VMALLOC_END;

	might_sleep();
	if (!WARN_ONCE(wrong, "vunmap_range(%lx, %lx): no range of pages in vmalloc space", addr, end))
		vm_unmap(addr, end);
}
