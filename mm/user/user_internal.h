/* SPDX-License-Identifier: MIT */
/* Shared by the files behind <mm/mm.h> only: areas of one address space, and single user pages. All under mm->lock. */
#pragma once

#include "mm/page/page_internal.h"

#include <mm/mm.h>

/* --- user_tree.c: the areas, by address --------------------------------------------------------------------------- */

/* The first area, the next one, the one before; NULL: there is none. */
struct vm_area_struct *user_area_first(const struct mm_struct *mm);
struct vm_area_struct *user_area_next(const struct vm_area_struct *vma);
struct vm_area_struct *user_area_before(const struct vm_area_struct *vma);
/* The lowest area that ends above addr, or NULL. */
struct vm_area_struct *user_area_above(const struct mm_struct *mm, vaddr_t addr);
/* The lowest place for `size` bytes, from mmap_base on; 0 = none. */
vaddr_t user_hole_find(const struct mm_struct *mm, size_t size);
/* Where an area that begins at addr would hang. Its neighbours may be NULL; `below` begins at addr or below it. */
struct area_place {
	struct vm_area_struct *below, *above;
	struct rb_node *parent, **link;
};
struct area_place user_area_place(struct mm_struct *mm, vaddr_t addr);
/* Put an area in, which overlaps no other; take it out. */
void user_area_insert(struct vm_area_struct *vma, const struct area_place *at);
void user_area_erase(struct vm_area_struct *vma);
/* Give it new borders, without moving past a neighbour. */
void user_area_resize(struct vm_area_struct *vma, vaddr_t start, vaddr_t end);

/* --- user_area.c: which addresses are in use ---------------------------------------------------------------------- */

/* Add an area, or make a neighbour of the same kind larger. -EEXIST; -ENOMEM, also when there are USER_AREAS_MAX. */
int user_area_add(struct mm_struct *mm, vaddr_t start, vaddr_t end, unsigned long flags);
/* Free all areas, with their pages. */
void user_areas_free(struct mm_struct *mm);
/* The area for a fault at addr: the one that contains addr, or a stack, which grows down to addr. NULL: none. */
struct vm_area_struct *user_area_touched(struct mm_struct *mm, vaddr_t addr);

extern atomic_long_t user_stacks_grown; /* how often a stack has grown */

/* --- user_page.c: the pages in the areas -------------------------------------------------------------------------- */

/* Rights of a page of an area. own: no other address space maps the page. */
pgprot_t user_prot(const struct vm_area_struct *vma, bool own);
/* Write an entry over any other. -ENOMEM: no table page. Does not flush. */
int user_set_entry(struct mm_struct *mm, vaddr_t addr, pte_t pte);
/* The entry; not present if there is no table. */
pte_t user_entry(const struct mm_struct *mm, vaddr_t addr);
/* Map a page where nothing is mapped. The caller's count of the page passes to the address space; not on -ENOMEM. */
int user_map_page(struct mm_struct *mm, vaddr_t addr, struct page *page, pgprot_t prot);
/* Map a zeroed page where nothing is mapped. -ENOMEM. */
int user_fill(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr);
/* Unmap all pages of a range, flush every CPU that runs on the tables, then free the pages. */
void user_zap(struct mm_struct *mm, vaddr_t start, vaddr_t end);
void user_copy_page(struct page *to, struct page *from);

/* --- fault.c ------------------------------------------------------------------------------------------------------ */

/*
 * Give the address space a page of its own at addr, with all rights of the area. The area is private, and `pte` is its
 * present entry. If others have the page too, this makes a copy. The old entry is flushed. -ENOMEM.
 */
int user_unshare(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr, pte_t pte);

/* --- the lock ----------------------------------------------------------------------------------------------------- */

/* mutex_unlock(&mm->lock). Before that the oracle checks that all changes under the lock are flushed. */
static inline void mm_unlock(struct mm_struct *mm)
{
	tlb_oracle(settled(&mm->pgtable));
	mutex_unlock(&mm->lock);
}
