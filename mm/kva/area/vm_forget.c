/* SPDX-License-Identifier: MIT */
/* The flush before an area's pages or frames are freed, for those areas that cannot wait for a later flush. */
#include "mm/kva/area/area.h"

#include <mm/memtype.h>

CMDLINE_OPTION(quarantine, "quarantine", "no frame is given out while a TLB may still lead to it (slower)");

bool vm_quarantine_on;

void vm_set_quarantine(bool on)
{
	WRITE_ONCE(vm_quarantine_on, on);
	tlb_oracle(set_quarantine(on));
}

static void end_types(const struct vm_range *range)
{
	const struct vm_struct *area = range->area;
	unsigned long count = get_vm_area_size(area) >> PAGE_SHIFT;

	memtype_free_frames((const unsigned long *)range->pages, count, VM_MEMTYPE_OF(area->flags));
}

/* Only pages that the area owns are reset. For others the caller that has changed them changes them back. */
static void reset_own_pages(struct vm_range *range)
{
	const struct vm_struct *area = range->area;

	if (!area->pages)
		return;
	while (vm_huge_list_pages(range))
		;
	map_reset_pages(0, area->pages, area->nr_pages);
}

void vm_area_forget(struct vm_range *range)
{
	flush_tlb_kernel_range(range->start, range->end);
	if (range->area->flags & VM_FRAMES)
		end_types(range);
	if (range->area->flags & VM_DIRECT_CHANGED)
		reset_own_pages(range);
}
