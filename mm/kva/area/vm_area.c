/* SPDX-License-Identifier: MIT */
/*
 * Areas: stretches of vmalloc space that have a struct vm_struct and a guard page behind them.
 *
 * Building: get address space and descriptor, get pages, map them, publish the area. So nobody sees a half-built area.
 * Taking down goes the other way round. Each step relies on the one before:
 *
 *	claim (only one caller gets it) → unmap → free the pages → retire the address space (vm_cache.c)
 *
 * From freeing the pages until the next flush of all TLBs, a stale TLB entry can still reach the pages through the old
 * address: an open alias. Only a use after vfree() goes that way. vm_unmap_aliases() closes all aliases. With
 * quarantine the flush comes before the pages are freed. The address itself is never mapped again before that flush.
 */
#include "mm/kva/area/area.h"

#include <mm/memtype.h>

/* May the area be anywhere, so that any freed range of its size will do? */
static bool is_plain(const struct vm_area_spec *spec)
{
	return spec->align <= PAGE_SIZE && !spec->skew && !spec->shift && spec->lo <= VMALLOC_START &&
	       !(spec->hi && spec->hi < VMALLOC_END);
}

static __noinline struct vm_range *at_some_place(const struct vm_area_spec *spec)
{
	return vm_range_obtain(&(struct vm_request){
		.size = spec->size + PAGE_SIZE,
		.align = max(spec->align, PAGE_SIZE),
		.skew = spec->skew,
		.lo = max(spec->lo, VMALLOC_START),
		.hi = spec->hi ? min(spec->hi, VMALLOC_END) : VMALLOC_END,
		.kind = VM_RANGE_AREA,
		.shift = spec->shift,
		.gfp = spec->gfp & __GFP_NOWAIT,
	});
}

struct vm_range *vm_area_create(const struct vm_area_spec *spec)
{
	struct vm_struct *area = NULL;
	struct vm_range *range;

	if (spec->separate) {
		area = kmalloc(sizeof(*area), spec->gfp & __GFP_NOWAIT);
		if (!area)
			return NULL;
	}
	if (likely(is_plain(spec)))
		range = vm_range_new_anywhere((spec->size >> PAGE_SHIFT) + 1, VM_RANGE_AREA, spec->gfp & __GFP_NOWAIT);
	else
		range = at_some_place(spec);
	if (unlikely(!range)) {
		kfree(area);
		return NULL;
	}
	vm_area_init(range, spec->size >> PAGE_SHIFT, spec->flags, spec->caller);
	range->own.page_order = spec->page_order;
	if (area) {
		*area = range->own;
		range->area = area;
	}
	return range;
}

struct vm_range *vm_area_create_or_report(const char *who, const struct vm_area_spec *spec)
{
	struct vm_range *range = vm_area_create(spec);

	return range ? range : vm_report_no_range(who, spec);
}

void vm_area_destroy(struct vm_range *range)
{
	vm_area_drop_separate(range);
	vm_range_discard(range);
}

void vm_area_retire_unmapped(struct vm_range *range)
{
	schedule_point("vmalloc:unmapped");
	vm_area_forget_before_free(range);
	vm_area_drop_separate(range);
	vm_range_retire(range);
}

void vm_area_retire(struct vm_range *range)
{
	vm_range_unmap_noflush(range);
	vm_area_retire_unmapped(range);
}

void vm_report_no_area(const void *addr, const char *who)
{
	WARN_ONCE(true, "%s: %p is not the start of an area that it may free", who, addr);
}

/*
 * If the type is not an uncached one, the TLBs are flushed before the reservation is freed: otherwise a CPU could read
 * ahead through a stale translation when the frame already has another type. No CPU reads ahead in uncached memory, so
 * there the flush can wait.
 */
void vm_area_unmap(struct vm_range *range)
{
	unsigned long flags = range->area->flags;
	u64 phys = range->area->phys_addr;
	enum memtype type = VM_MEMTYPE_OF(flags);

	vm_range_unmap_noflush(range);
	if (flags < VM_MEMTYPE(0))
		return; /* a get_vm_area() into which nothing was mapped */
	if (flags & VM_FRAMES)
		return; /* vm_area_retire_unmapped() flushes first */
	schedule_point("ioremap:unmapped");
	if (type != MEMTYPE_UC_MINUS && type != MEMTYPE_UC)
		flush_tlb_kernel_range(range->start, range->end);
	memtype_free(phys, phys + get_vm_area_size(range->area), type);
}
