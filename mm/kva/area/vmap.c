/* SPDX-License-Identifier: MIT */
/*
 * vmap(): the caller's pages, side by side in vmalloc space; with large leaves where the pages are blocks (vm_huge.c).
 */
#include "mm/kva/area/area.h"

/* Flags that a caller of vmap() may pass. */
#define VMAP_FLAGS (VM_MAP | VM_MAP_PUT_PAGES | VM_USERMAP | VM_DMA_COHERENT | VM_IOREMAP)

static inline struct vm_range *vmap_small(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot,
					  vaddr_t caller)
{
	unsigned long size = (unsigned long)count << PAGE_SHIFT;
	struct vm_range *range = flags & VM_IOREMAP ? NULL : vm_area_from_cache(count, flags, caller);

	if (unlikely(!range))
		range = vm_area_create_or_report("vmap", &(struct vm_area_spec){
			.size = size, .align = vm_flags_align(flags, size), .flags = flags, .caller = caller });
	if (unlikely(!range))
		return NULL;
	if (likely(!vm_range_map(range, 0, pages, count, prot, GFP_KERNEL)))
		return range;
	vm_area_destroy(range);
	return NULL;
}

void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot)
{
	unsigned long others = flags & ~VMAP_FLAGS;
	struct vm_range *range = NULL;

	might_sleep();
	if (WARN_ONCE(!count, "vmap: no pages") || !vm_count_possible(count) || !pages_agree(pages, count, prot))
		return NULL;
	if (WARN_ONCE(others, "vmap: flags %lx are not for callers", others) && flags & VM_FLUSH_RESET_PERMS)
		return NULL; /* that flag is for pages of vmalloc's own */
	flags = VM_MAP | (flags & VMAP_FLAGS);
	if (!(flags & VM_IOREMAP)) /* VM_IOREMAP has an alignment of its own */
		range = vm_huge_vmap(pages, count, flags, pgprot_nx(prot), _RET_IP_);
	if (likely(!range))
		range = vmap_small(pages, count, flags, pgprot_nx(prot), _RET_IP_);
	if (unlikely(!range))
		return NULL;
	if (flags & VM_MAP_PUT_PAGES) {
		range->area->pages = pages;
		range->area->nr_pages = count;
	}
	vm_range_publish(range);
	return (void *)range->start;
}

void vunmap(const void *addr)
{
	struct vm_range *range;

	might_sleep();
	range = addr ? vm_area_claim(addr, VM_MAP, "vunmap") : NULL;
	if (!range)
		return;
	vm_area_retire(range);
}
