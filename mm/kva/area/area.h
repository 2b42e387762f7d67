/* SPDX-License-Identifier: MIT */
/* The private contract of area/: stretches of vmalloc space with a struct vm_struct and a guard page. */
#pragma once

#include "mm/kva/map/map.h"
#include "mm/slab/slab_internal.h"

/* --- vm_area.c: areas ------------------------------------------------------------------------------------------- */

/* What a new area shall be. Fields left 0 mean: page alignment, all of vmalloc space, GFP_KERNEL. */
struct vm_area_spec {
	unsigned long size;	     /* bytes that can be mapped; the guard page comes on top */
	unsigned long align, skew;   /* as in struct vm_request */
	vaddr_t lo, hi;
	unsigned long flags;
	vaddr_t caller;
	bool separate;		     /* the descriptor shall outlive the range: the caller will kfree it */
	unsigned int page_order;     /* vmalloc: of the large leaves that it shall have; 0: none */
	unsigned int shift;	     /* as in struct vm_request */
	unsigned long lead;	     /* vmalloc: first bytes that stay unmapped; page-aligned */
	gfp_t gfp;		     /* vmalloc: of the pages */
	pgprot_t prot;
};

/* The descriptor of a range becomes one of `count` pages and a guard page. (Every member is named, or else the compiler clears all of it first.) */
static inline void vm_area_init(struct vm_range *range, unsigned long count, unsigned long flags, vaddr_t caller)
{
	range->area = &range->own;
	range->own = (struct vm_struct){
		.addr = (void *)range->start,
		.size = (count + 1) << PAGE_SHIFT,
		.flags = flags,
		.pages = NULL,
		.nr_pages = 0,
		.page_order = 0,
		.requested_size = 0,
		.phys_addr = 0,
		.caller = caller,
	};
}

/* The ordinary area, anywhere: a range that comes out of this CPU's cache, without detour. NULL: there is none. */
static inline struct vm_range *vm_area_from_cache(unsigned long count, unsigned long flags, vaddr_t caller)
{
	struct vm_range *range = vm_cache_get(count + 1, VM_RANGE_AREA);

	if (likely(range))
		vm_area_init(range, count, flags, caller);
	return range;
}

/* An area with its descriptor, not yet published. size is page-aligned. NULL: no space or memory. */
struct vm_range *vm_area_create(const struct vm_area_spec *spec);
/* The end of an area in the caller's hands into which nothing was ever mapped, or which is flushed. */
void vm_area_destroy(struct vm_range *range);
/* The end of an area in the caller's hands: its mappings go, every CPU forgets them before the address is used again. */
void vm_area_retire(struct vm_range *range);
void vm_area_retire_unmapped(struct vm_range *range); /* which is done already */
/* Unmap an area in the caller's hands, and end the reservation of its memory type, if it has one. May sleep. */
void vm_area_unmap(struct vm_range *range);
/*
 * Of an unmapped one in the caller's hands: no CPU remembers it, its own pages are mapped as usual again (VM_DIRECT_CHANGED),
 * and the types of its frames are free (VM_FRAMES). May sleep.
 */
void vm_area_forget(struct vm_range *range);
/*
 * vm_unmap_aliases() closes the aliases of an area that was freed, or a flush comes before its pages go: with quarantine, and
 * where rights were taken away that the pages' next owner must not find restored (VM_FLUSH_RESET_PERMS). Then the direct map of its
 * own pages becomes the usual one; frames of devices may have another memory type afterwards.
 */
static inline void vm_area_forget_before_free(struct vm_range *range)
{
	if (unlikely(vm_quarantine() || (range->area->flags & (VM_FLUSH_RESET_PERMS | VM_DIRECT_CHANGED | VM_FRAMES))))
		vm_area_forget(range);
}
/* A descriptor that is no part of the range goes with the area. */
static inline void vm_area_drop_separate(struct vm_range *range)
{
	if (unlikely(range->area != &range->own))
		kfree(range->area);
}
/* vfree() of an area in the caller's hands. Thread context, may sleep. */
void vm_area_free(struct vm_range *range);
/* Claim the area that starts at addr. If there is none with any of `flags`, report it under the name `who`: NULL. */
void vm_report_no_area(const void *addr, const char *who);
static inline struct vm_range *vm_area_claim(const void *addr, unsigned long flags, const char *who)
{
	struct vm_range *range = vm_range_claim((vaddr_t)addr, VM_RANGE_AREA, flags);

	if (unlikely(!range))
		vm_report_no_area(addr, who);
	return range;
}

/* The alignment of an area of so many bytes: VM_IOREMAP wants its size, rounded up, up to the largest leaf. 0: a page's. */
static inline unsigned long vm_flags_align(unsigned long flags, unsigned long size)
{
	return flags & VM_IOREMAP ? 1UL << min((unsigned int)order_base_2(size), VM_ALIGN_MAX_SHIFT) : 0;
}

/*
 * vmalloc: an area with pages. Returns the first mapped address; vfree takes that minus lead. With __GFP_NOWAIT preemption
 * may be off, but not interrupts.
 */
void *vmalloc_area(const struct vm_area_spec *spec);

/*
 * vm_report.c: say why there is no range for `who`, unless __GFP_NOWARN; of many failures only some. Always NULL. too_large:
 * it is more than the whole space; no_range: there is none, and the holes tell of what that is.
 */
void *vm_report_failure(const char *who, const struct vm_area_spec *spec, const char *why);
void *vm_report_too_large(const char *who, const struct vm_area_spec *spec);
void *vm_report_no_range(const char *who, const struct vm_area_spec *spec);
struct vm_range *vm_area_create_or_report(const char *who, const struct vm_area_spec *spec);

/* Room for the pages of an area (gfp: may it wait?), NULL: no memory; and the end of the pages that it has. */
struct page **vm_range_page_array_make(struct vm_range *range, gfp_t gfp);
static inline struct page **vm_range_page_array(struct vm_range *range, gfp_t gfp)
{
	return likely(range->pages) ? range->pages : vm_range_page_array_make(range, gfp);
}
void vm_area_free_pages(struct vm_struct *area);

/* vm_stats.c: pages of the vmalloc family that have come (or gone). Only the sum over all CPUs means anything. */
DECLARE_PER_CPU(unsigned long, vmalloc_pages);
static inline void vmalloc_account(long pages) { this_cpu_add(vmalloc_pages, (unsigned long)pages); }

/* --- vm_huge_pages.c: pages that come as blocks --------------------------------------------------------------------- */

/* Free the blocks behind the leaves of an area of vmalloc: its first pages. Returns how many these are. */
unsigned long vm_huge_free_blocks(struct vm_struct *area);
/* Enter the pages of one more block into the array. False: there is none. By the one who holds the range. */
bool vm_huge_list_pages(struct vm_range *range);

/* --- vm_huge.c: areas with large leaves ------------------------------------------------------------------------------- */

/* A range for vmalloc_area() with large leaves, of `count` pages. NULL: it cannot have them, or not now; nothing has changed. */
struct vm_range *vm_huge_create(const struct vm_area_spec *wanted, unsigned long count);
/* Pages and mappings for it, when it has its page array, and its publication. NULL: the area is gone. */
void *vm_huge_fill(struct vm_range *range, unsigned long count, gfp_t gfp, pgprot_t prot);
/* A range that maps the pages with large leaves where they make up some, not published. NULL: as above. */
struct vm_range *vm_huge_vmap_slow(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot, vaddr_t caller);
static inline struct vm_range *vm_huge_vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot,
					    vaddr_t caller)
{
	const unsigned int least = (2u << 20) >> PAGE_SHIFT; /* no leaf of any CPU is smaller */

	return unlikely(count >= least) ? vm_huge_vmap_slow(pages, count, flags, prot, caller) : NULL;
}

/* --- vm_family.c --------------------------------------------------------------------------------------------------- */

/* __vmalloc_node() with VM_ALLOW_HUGE_VMAP or without. */
void *vm_family_alloc(unsigned long size, unsigned long align, gfp_t gfp, unsigned long vm_flags, int node, const void *caller);
/* May code that is allowed to wait (or, with __GFP_NOWAIT, is not) allocate here? Asserts what can only be a mistake. */
bool vm_context_allows(gfp_t gfp);

/* vm_early.c: enter the early areas into the books; from now on there are no new ones. */
void vm_early_import(void);
