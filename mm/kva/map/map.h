/* SPDX-License-Identifier: MIT */
/* The private contract of map/: entries for ranges, small and large, and the rights and types of what is mapped. */
#pragma once

#include "mm/kva/map/direct_map.h"
#include "mm/kva/map/vm_entries.h"
#include "mm/kva/space/space.h"

/* --- vm_map.c: pages into ranges. Thread context, interrupts on, no lock held. ---------------------------------- */

/* May so many pages be mapped at all: no more than there is RAM, or address space? (vmalloc_init() knows.) */
extern unsigned long vm_count_most;
static inline bool vm_count_possible(unsigned long count) { return count <= vm_count_most; }

/*
 * Map pages in order from start on. gfp: may table pages be waited for? 0, -ENOMEM (no table page), -EBUSY (something is
 * mapped), -EINVAL (not a page that the kernel knows); nothing is left on error. With __GFP_NOWAIT preemption may be off.
 */
int vm_map_pages(vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot, gfp_t gfp);
/*
 * Map [start, end) to physical memory from phys on with leaves up to 1 << max_shift, where address and frame agree modulo that.
 * Empty tables in their way are removed first. As vm_map_pages on error.
 */
int vm_map_phys(vaddr_t start, vaddr_t end, phys_addr_t phys, pgprot_t prot, unsigned int max_shift);
/* vm_map_pages in the caller's scope; on error the part before the failure is left mapped. */
int vm_map_pages_in(struct mmu_update *u, vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot);
/* Unmap whatever is there; every CPU has forgotten it on return. */
void vm_unmap(vaddr_t start, vaddr_t end);
/* Unmap, but CPUs may remember until the caller flushes [start, end). */
void vm_unmap_noflush(vaddr_t start, vaddr_t end);
/*
 * The same for pages of a range in the caller's hands, from the offset-th on: without a walk, if its entries are known.
 * Mapping makes them known where possible.
 */
int vm_range_map_slow(struct vm_range *range, unsigned long offset, struct page **pages, unsigned long count, pgprot_t prot,
		      gfp_t gfp);
static __always_inline int vm_range_map(struct vm_range *range, unsigned long offset, struct page **pages, unsigned long count,
					pgprot_t prot, gfp_t gfp)
{
	if (likely(range->ptes && !range->more))
		return vm_map_entries(range->ptes + offset, range->start + (offset << PAGE_SHIFT), pages, count, prot);
	return vm_range_map_slow(range, offset, pages, count, prot, gfp);
}
void vm_range_unmap_slow(struct vm_range *range);
static inline void vm_range_unmap_noflush(struct vm_range *range)
{
	if (likely(range->ptes && !range->more))
		pte_clear_run(range->ptes, vm_range_size(range) >> PAGE_SHIFT);
	else
		vm_range_unmap_slow(range);
}
/*
 * A range of large leaves has just been mapped: if that is all it has, it is unmapped and mapped again without a walk. Whoever
 * then maps anything else in it must forget that.
 */
void vm_range_learn_leaves(struct vm_range *range);
static inline void vm_area_forget_leaves(struct vm_struct *own) { container_of(own, struct vm_range, own)->leaves = NULL; }
/* Map the n leaves from the first-th on, where they are known, to frames of one memory type each. 0, -EBUSY: nothing is mapped. */
int vm_range_map_leaves(struct vm_range *range, unsigned long first, unsigned long n, phys_addr_t phys, pgprot_t prot);
/* vm_map_phys of `bytes` from the start of the range on. */
int vm_range_map_phys(struct vm_range *range, unsigned long bytes, phys_addr_t phys, pgprot_t prot, unsigned int max_shift);
/* Make the page table of a range that lies in one, and know its entries. -ENOMEM. */
int vm_range_prepare(struct vm_range *range);

/* --- memtype.c --------------------------------------------------------------------------------------------------------- */

extern const struct vm_keeper memtype_keeper;

/* --- vm_leaves.c: large leaves over pages ------------------------------------------------------------------------------ */

void vm_leaves_init(void); /* boot: reads the command line */
/* A leaf for memory has 1 << this pages; 0: there are none. */
unsigned int vm_leaf_order(void);
/*
 * Map [start, end), which is the caller's and empty, to pages in order: whole leaves of 1 << order pages where address and pages
 * allow, small pages elsewhere. sure: the pages of every whole leaf are known to be one block. Errors as vm_map_pages.
 */
int vm_map_leaves(vaddr_t start, vaddr_t end, struct page **pages, pgprot_t prot, unsigned int order, bool sure);
/* Is any whole leaf's worth of pages one block, if the first page lies `skew` bytes behind the border of a leaf? */
bool vm_pages_have_block(struct page **pages, unsigned long count, unsigned int order, unsigned long skew);

/* --- vm_apply.c ------------------------------------------------------------------------------------------------------- */

/* What is done to each entry; vm_apply_run() is for pgtable_for_each_run(), with this as its context. */
struct vm_apply {
	pte_fn_t fn;
	void *data;
	bool create; /* empty entries count too */
};
int vm_apply_run(void *apply, pte_t *ptep, vaddr_t addr, unsigned long n);
/* apply_to_page_range() of the kernel's own tables; create: missing tables are made, and empty entries count too. */
int vm_apply(vaddr_t start, unsigned long size, pte_fn_t fn, void *data, bool create);
