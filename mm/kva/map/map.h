/* SPDX-License-Identifier: MIT */
/* The private contract of map/: entries for ranges, small and large, and the rights and types of what is mapped. */
#pragma once

#include "mm/kva/map/direct_map.h"
#include "mm/kva/map/vm_entries.h"
#include "mm/kva/space/space.h"

/* --- vm_map.c: pages into ranges. Thread context, interrupts on, no spinlock held (mutexes may be). ------------- */

/* May so many pages be mapped at all? vmalloc_init() sets the limit from the size of RAM and of vmalloc space. */
extern unsigned long vm_count_most;
static inline bool vm_count_possible(unsigned long count) { return count <= vm_count_most; }

/*
 * Map pages in order from start on. gfp: __GFP_NOWAIT forbids to wait for table pages; then preemption may be off. 0,
 * -ENOMEM (no table page), -EBUSY (a page is mapped there), -EINVAL (a large leaf is there, or this is not a page that
 * the kernel knows); on error nothing is left mapped.
 */
int vm_map_pages(vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot, gfp_t gfp);
/*
 * Map [start, end) to physical memory from phys on. A leaf has at most 1 << max_shift bytes, and address and frame are
 * aligned to its size. Empty tables where leaves are to go are removed first. 0, -ENOMEM, -EBUSY; on error nothing is
 * left mapped.
 */
int vm_map_phys(vaddr_t start, vaddr_t end, phys_addr_t phys, pgprot_t prot, unsigned int max_shift);
/* vm_map_pages in the caller's scope; on error the part before the failure is left mapped. */
int vm_map_pages_in(struct mmu_update *u, vaddr_t start, struct page **pages, unsigned long count, pgprot_t prot);
/* Unmap and flush [start, end). */
void vm_unmap(vaddr_t start, vaddr_t end);
/* Unmap only: TLBs may hold the old translations until the caller flushes [start, end). */
void vm_unmap_noflush(vaddr_t start, vaddr_t end);
/*
 * vm_map_pages() and vm_unmap_noflush() for a range that the caller holds. Mapping begins at the page `offset` of it;
 * unmapping takes all of it. If the range's entries are known, there is no walk. Mapping makes them known where
 * possible.
 */
int vm_range_map_slow(struct vm_range *range, unsigned long offset, struct page **pages, unsigned long count,
		      pgprot_t prot, gfp_t gfp);
static __always_inline int vm_range_map(struct vm_range *range, unsigned long offset, struct page **pages,
					unsigned long count, pgprot_t prot, gfp_t gfp)
{
	if (likely(range->ptes && !range->more_ptes))
		return vm_map_entries(range->ptes + offset, range->start + (offset << PAGE_SHIFT), pages, count, prot);
	return vm_range_map_slow(range, offset, pages, count, prot, gfp);
}
void vm_range_unmap_slow(struct vm_range *range);
static inline void vm_range_unmap_noflush(struct vm_range *range)
{
	if (likely(range->ptes && !range->more_ptes))
		pte_clear_run(range->ptes, vm_range_size(range) >> PAGE_SHIFT);
	else
		vm_range_unmap_slow(range);
}
/*
 * A range has just been mapped with large leaves. If it has nothing else, keep the pointer to them: then it is unmapped
 * and mapped again without a walk. A caller that maps anything else in the range calls vm_area_forget_leaves() first.
 */
void vm_range_learn_leaves(struct vm_range *range);
static inline void vm_area_forget_leaves(struct vm_struct *own)
{
	struct vm_range *range = container_of(own, struct vm_range, own);

	if (!range->ptes)
		range->leaves = NULL;
}
/*
 * Map n known leaves from the first-th on; the frames of each have one memory type. 0, or -EBUSY: something was mapped
 * there already; then every leaf of the range below that place is unmapped.
 */
int vm_range_map_leaves(struct vm_range *range, unsigned long first, unsigned long n, phys_addr_t phys, pgprot_t prot);
/* vm_map_phys of the first `bytes` of a range that the caller holds. */
int vm_range_map_phys(struct vm_range *range, unsigned long bytes, phys_addr_t phys, pgprot_t prot,
		      unsigned int max_shift);
/* Make the page table of a range that lies in one table, and keep the pointer to its entries. -ENOMEM. */
int vm_range_prepare(struct vm_range *range);

/* --- memtype.c ---------------------------------------------------------------------------------------------------- */

extern const struct vm_keeper memtype_keeper;

/* --- vm_leaves.c: large leaves over pages ------------------------------------------------------------------------- */

void vm_leaves_init(void); /* boot: reads the command line */
/* A large leaf for memory has 1 << the result pages; 0: none are used. */
unsigned int vm_leaf_order(void);
/*
 * Map [start, end), which the caller holds and which is empty, to pages in order: leaves of 1 << order pages where
 * address and pages allow, small pages elsewhere. sure: the caller knows that the pages of each leaf are one block.
 * Errors as vm_map_pages.
 */
int vm_map_leaves(vaddr_t start, vaddr_t end, struct page **pages, pgprot_t prot, unsigned int order, bool sure);
/*
 * Could one large leaf at least be used: are the pages of some whole leaf one block? The first page lies `skew` bytes
 * behind the border of a leaf.
 */
bool vm_pages_have_block(struct page **pages, unsigned long count, unsigned int order, unsigned long skew);

/* --- vm_apply.c --------------------------------------------------------------------------------------------------- */

/* A function for each entry. vm_apply_run() is for pgtable_for_each_run(), with this as its context. */
struct vm_apply {
	pte_fn_t fn;
	void *data;
	bool create; /* fn is called for empty entries too */
};
int vm_apply_run(void *apply, pte_t *ptep, vaddr_t addr, unsigned long n);
/* apply_to_page_range() for the kernel's tables; create: make missing tables, and call fn for empty entries too. */
int vm_apply(vaddr_t start, unsigned long size, pte_fn_t fn, void *data, bool create);
