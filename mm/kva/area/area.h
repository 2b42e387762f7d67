/* SPDX-License-Identifier: MIT */
/* The private contract of area/: stretches of vmalloc space with a struct vm_struct and a guard page. */
#pragma once

#include "mm/kva/map/map.h"
#include "mm/slab/slab_internal.h"

/* --- vm_area.c: areas ------------------------------------------------------------------------------------------- */

/* A request for a new area. Fields left 0 mean: page alignment, all of vmalloc space, GFP_KERNEL. */
struct vm_area_spec {
	unsigned long size;	     /* bytes that can be mapped; the guard page comes on top */
	unsigned long align, skew;   /* as in struct vm_request */
	vaddr_t lo, hi;
	unsigned long flags;
	vaddr_t caller;
	/* the vm_struct is allocated apart: remove_vm_area() hands it to its caller, who kfrees it */
	bool separate;
	unsigned int page_order;     /* vmalloc: a large leaf has 1 << page_order pages; 0: no large leaves */
	unsigned int shift;	     /* as in struct vm_request */
	unsigned long lead;	     /* vmalloc: first bytes that stay unmapped; page-aligned */
	gfp_t gfp;		     /* vmalloc: of the pages; __GFP_NOWAIT and __GFP_NOWARN count for all areas */
	pgprot_t prot;
};

/* The range becomes an area of `count` pages. (Every member is named; otherwise the compiler clears all first.) */
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

/* An ordinary area, anywhere, from a clean range of this CPU's cache. NULL: the cache has none. */
static inline struct vm_range *vm_area_from_cache(unsigned long count, unsigned long flags, vaddr_t caller)
{
	struct vm_range *range = vm_cache_get(count + 1, VM_RANGE_AREA);

	if (likely(range))
		vm_area_init(range, count, flags, caller);
	return range;
}

/* An area with its descriptor, not yet published. size is page-aligned. NULL: no space or memory. */
struct vm_range *vm_area_create(const struct vm_area_spec *spec);
/* From here to vm_area_free() the caller holds the area. */
/* Its range becomes a hole. Nothing was ever mapped in it, or it is unmapped and flushed. */
void vm_area_destroy(struct vm_range *range);
/* Unmap it; its range becomes lazy (vm_range_retire()). */
void vm_area_retire(struct vm_range *range);
void vm_area_retire_unmapped(struct vm_range *range); /* the same for an area that is unmapped already */
/*
 * Unmap it, and free the reservation of its memory type, if it has one (with VM_FRAMES vm_area_forget() does). May
 * sleep.
 */
void vm_area_unmap(struct vm_range *range);
/*
 * It is unmapped: flush. Then make its own pages ordinary again in the direct map (VM_DIRECT_CHANGED), and free the
 * types of its frames (VM_FRAMES). May sleep.
 */
void vm_area_forget(struct vm_range *range);
/*
 * Before an area's pages are freed. Most areas are not flushed here: vm_unmap_aliases() or any later flush closes their
 * aliases. Some are: all with quarantine; those whose owner asked for it (VM_FLUSH_RESET_PERMS); those whose pages are
 * made ordinary again (VM_DIRECT_CHANGED); and those of device frames, which may have another memory type afterwards
 * (VM_FRAMES).
 */
static inline void vm_area_forget_before_free(struct vm_range *range)
{
	if (unlikely(vm_quarantine() || (range->area->flags & (VM_FLUSH_RESET_PERMS | VM_DIRECT_CHANGED | VM_FRAMES))))
		vm_area_forget(range);
}
/* Free the descriptor if it is no part of the range. */
static inline void vm_area_drop_separate(struct vm_range *range)
{
	if (unlikely(range->area != &range->own))
		kfree(range->area);
}
/* vfree() of an area that the caller holds. Thread context, may sleep. */
void vm_area_free(struct vm_range *range);
/* Claim the area that starts at addr and has one of `flags`. NULL: there is none; reported under the name `who`. */
void vm_report_no_area(const void *addr, const char *who);
static inline struct vm_range *vm_area_claim(const void *addr, unsigned long flags, const char *who)
{
	struct vm_range *range = vm_range_claim((vaddr_t)addr, VM_RANGE_AREA, flags);

	if (unlikely(!range))
		vm_report_no_area(addr, who);
	return range;
}

/* The alignment of an area. With VM_IOREMAP: its size, rounded up, at most the largest leaf. 0: a page. */
static inline unsigned long vm_flags_align(unsigned long flags, unsigned long size)
{
	return flags & VM_IOREMAP ? 1UL << min((unsigned int)order_base_2(size), VM_ALIGN_MAX_SHIFT) : 0;
}

/*
 * vmalloc: an area with pages. Returns the first mapped address; vfree takes that minus spec->lead. With __GFP_NOWAIT
 * preemption may be off, but not interrupts.
 */
void *vmalloc_area(const struct vm_area_spec *spec);

/*
 * vm_report.c: print why `who` gets no range, unless __GFP_NOWARN; of many failures only some. vm_report_*() return
 * NULL. too_large: it is more than the whole space. no_range: no range was found; the holes show why.
 */
void *vm_report_failure(const char *who, const struct vm_area_spec *spec, const char *why);
void *vm_report_too_large(const char *who, const struct vm_area_spec *spec);
void *vm_report_no_range(const char *who, const struct vm_area_spec *spec);
struct vm_range *vm_area_create_or_report(const char *who, const struct vm_area_spec *spec);

/* Room for the page array of an area. gfp: __GFP_NOWAIT counts. NULL: no memory. */
struct page **vm_range_page_array_make(struct vm_range *range, gfp_t gfp);
static inline struct page **vm_range_page_array(struct vm_range *range, gfp_t gfp)
{
	return likely(range->pages) ? range->pages : vm_range_page_array_make(range, gfp);
}
void vm_area_free_pages(struct vm_struct *area);

/* vm_stats.c: allocated minus freed pages of the vmalloc family. Only the sum over all CPUs means anything. */
DECLARE_PER_CPU(unsigned long, vmalloc_pages);
static inline void vmalloc_account(long pages) { this_cpu_add(vmalloc_pages, (unsigned long)pages); }

/* --- vm_huge_pages.c: pages that come as blocks ------------------------------------------------------------------- */

/* Free the blocks behind the large leaves of a vmalloc area, which are its first pages. Returns how many pages. */
unsigned long vm_huge_free_blocks(struct vm_struct *area);
/* Enter the pages of one more block into the array. False: all are there. The range is held or still. */
bool vm_huge_list_pages(struct vm_range *range);

/* --- vm_huge.c: areas with large leaves --------------------------------------------------------------------------- */

/*
 * A range for vmalloc_area() with large leaves, of `count` pages. NULL: not possible, or no space; nothing has changed.
 */
struct vm_range *vm_huge_create(const struct vm_area_spec *wanted, unsigned long count);
/* Give it pages, map and publish it. It has room for its page array. NULL: no memory, and the area is gone. */
void *vm_huge_fill(struct vm_range *range, unsigned long count, gfp_t gfp, pgprot_t prot);
/* A range that maps the pages, with large leaves where they are blocks; not published. NULL: as vm_huge_create(). */
struct vm_range *vm_huge_vmap_slow(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot,
				   vaddr_t caller);
static inline struct vm_range *vm_huge_vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot,
					    vaddr_t caller)
{
	const unsigned int least = (2u << 20) >> PAGE_SHIFT; /* no large leaf of any CPU is smaller */

	return unlikely(count >= least) ? vm_huge_vmap_slow(pages, count, flags, prot, caller) : NULL;
}

/* --- vm_family.c -------------------------------------------------------------------------------------------------- */

/* __vmalloc_node() with VM_ALLOW_HUGE_VMAP or without. */
void *vm_family_alloc(unsigned long size, unsigned long align, gfp_t gfp, unsigned long vm_flags, int node,
		      const void *caller);
/*
 * May the caller allocate with these flags? If they allow to wait: might_sleep(). If not: false in handlers and with
 * interrupts off.
 */
bool vm_context_allows(gfp_t gfp);

/* vm_early.c: enter the early areas in the index. After that no new ones are allowed. */
void vm_early_import(void);
