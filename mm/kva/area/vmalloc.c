/* SPDX-License-Identifier: MIT */
/* vmalloc: an area with pages of its own. The steps: vm_area.c. */
#include "mm/kva/area/area.h"

/* Room for the page array, as long as the range allows: in the descriptor if it is short, otherwise allocated. */
struct page **vm_range_page_array_make(struct vm_range *range, gfp_t gfp)
{
	unsigned long count = (vm_range_size(range) >> PAGE_SHIFT) - 1, bytes = count * sizeof(struct page *);

	if (count <= VM_OWN_PAGES)
		return range->pages = range->own_pages;
	if (bytes <= KMALLOC_MAX_SIZE)
		range->pages = kmalloc(bytes, (gfp & __GFP_NOWAIT) | __GFP_NOWARN);
	if (!range->pages && bytes > PAGE_SIZE)
		range->pages = vmalloc_area(&(struct vm_area_spec){ .size = bytes,
								    .flags = VM_ALLOC,
								    .prot = PAGE_KERNEL,
								    .gfp = gfp & __GFP_NOWAIT,
								    .caller = range->area->caller });
	return range->pages;
}

/* Give the area its pages. On -ENOMEM it has none. */
static inline int area_alloc_pages(struct vm_range *range, unsigned long count, gfp_t gfp)
{
	struct vm_struct *area = range->area;

	area->pages = vm_range_page_array(range, gfp);
	if (unlikely(!area->pages))
		return -ENOMEM;
	area->nr_pages = alloc_page_array(gfp, count, area->pages);
	vmalloc_account((long)area->nr_pages);
	if (likely(area->nr_pages == count))
		return 0;
	vm_area_free_pages(area);
	return -ENOMEM;
}

/* --- vmalloc ---------------------------------------------------------------------------------------------------- */

/* Give a fresh area pages, map them from its lead-th page on, and publish it. NULL: no memory, and the area is gone. */
static __always_inline void *area_fill(struct vm_range *range, unsigned long lead, unsigned long count, gfp_t gfp,
				       pgprot_t prot)
{
	if (unlikely(area_alloc_pages(range, count, gfp & __GFP_DMA32 ? gfp & ~__GFP_HIGHMEM : gfp | __GFP_HIGHMEM)))
		goto fail_pages;
	if (unlikely(vm_range_map(range, lead, range->area->pages, count, prot, gfp)))
		goto fail_map;
	vm_range_publish(range);
	return (void *)(range->start + (lead << PAGE_SHIFT));

fail_map:
	vm_area_free_pages(range->area);
fail_pages:
	vm_area_destroy(range);
	return NULL;
}

/* An area with large leaves. NULL: not possible, or no space or memory; nothing has changed. */
static void *huge_area(const struct vm_area_spec *wanted, unsigned long count)
{
	struct vm_range *range = vm_huge_create(wanted, count);

	if (!range)
		return NULL;
	if (vm_range_page_array(range, wanted->gfp))
		return vm_huge_fill(range, count, wanted->gfp, wanted->prot);
	vm_area_destroy(range);
	return NULL;
}

__noinline void *vmalloc_area(const struct vm_area_spec *wanted)
{
	unsigned long count = PAGE_ALIGN(wanted->size) >> PAGE_SHIFT;
	struct vm_area_spec spec = *wanted;
	struct vm_range *range;
	void *huge;

	if (WARN_ONCE(!spec.size, "vmalloc: size 0"))
		return NULL;
	if (spec.size > VMALLOC_END - VMALLOC_START || !vm_count_possible(count))
		return spec.size > VMALLOC_END - VMALLOC_START ? vm_report_too_large("vmalloc", wanted) :
			vm_report_failure("vmalloc", wanted, "more than there is RAM");
	if (spec.align > VM_ALIGN_MAX)
		return vm_report_failure("vmalloc", wanted, "no address is looked for with such an alignment");
	huge = spec.flags & VM_ALLOW_HUGE_VMAP ? huge_area(wanted, count) : NULL;
	if (huge)
		return huge;
	spec.size = spec.lead + (count << PAGE_SHIFT);
	range = vm_area_create(&spec);
	if (!range)
		return vm_report_no_range("vmalloc", wanted);
	range->area->requested_size = wanted->size;
	return area_fill(range, spec.lead >> PAGE_SHIFT, count, spec.gfp, spec.prot);
}

static __always_inline void *vmalloc_simple(unsigned long size, gfp_t gfp, unsigned long flags, vaddr_t caller)
{
	unsigned long count = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct vm_range *range;

	might_sleep();
	if (likely(size - 1 < (VM_CACHE_PAGES - 1) * PAGE_SIZE)) {
		range = vm_area_from_cache(count, VM_ALLOC | flags, caller);
		if (likely(range)) {
			range->own.requested_size = size;
			return area_fill(range, 0, count, gfp, PAGE_KERNEL);
		}
	}
	return vmalloc_area(&(struct vm_area_spec){
		.size = size, .flags = VM_ALLOC | flags, .gfp = gfp, .prot = PAGE_KERNEL, .caller = caller });
}

void *vmalloc(unsigned long size)
{
	return vmalloc_simple(size, GFP_KERNEL, 0, _RET_IP_);
}

void *vzalloc(unsigned long size)
{
	return vmalloc_simple(size, GFP_KERNEL | __GFP_ZERO, 0, _RET_IP_);
}

void *vmalloc_user(unsigned long size)
{
	return vmalloc_simple(size, GFP_KERNEL | __GFP_ZERO, VM_USERMAP, _RET_IP_);
}

/* --- questions -------------------------------------------------------------------------------------------------- */

bool is_vm_area_hugepages(const void *addr)
{
	return vm_range_area((vaddr_t)addr)->page_order != 0;
}
