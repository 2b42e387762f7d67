/* SPDX-License-Identifier: MIT */
/* What the files behind <mm/mm.h> share: areas of one address space, and single user pages. All under mm->lock. */
#pragma once

#include "mm/page/page_internal.h"

#include <mm/mm.h>

/* --- user_area.c: which addresses are in use ----------------------------------------------------------------------- */

/* The lowest area that ends above addr, or NULL. */
struct vm_area_struct *user_area_above(const struct mm_struct *mm, vaddr_t addr);
/* The area before this one, or NULL. */
struct vm_area_struct *user_area_before(const struct mm_struct *mm, const struct vm_area_struct *vma);
/* Add a range; neighbours of the same kind become one. -EEXIST, -ENOMEM. */
int user_area_add(struct mm_struct *mm, vaddr_t start, vaddr_t end, unsigned int flags);
/* The area that may be touched at addr: one that contains it, or a stack that has been made to. NULL: none. */
struct vm_area_struct *user_area_touched(struct mm_struct *mm, vaddr_t addr);

extern atomic_long_t user_stacks_grown; /* how often */

/* --- user_page.c: what is mapped there ----------------------------------------------------------------------------- */

/* Rights of an area's page: `own` if no other address space has it. */
pgprot_t user_prot(const struct vm_area_struct *vma, bool own);
/* Put an entry in place, whatever was there. -ENOMEM: no table page. Flushes nothing. */
int user_set_entry(struct mm_struct *mm, vaddr_t addr, pte_t pte);
/* The entry as it is; not present if there is not even a table. */
pte_t user_entry(const struct mm_struct *mm, vaddr_t addr);
/* Map a page, whose user count passes to the address space, at an address where nothing is. On -ENOMEM it is the caller's. */
int user_map_page(struct mm_struct *mm, vaddr_t addr, struct page *page, pgprot_t prot);
/* A zeroed page where none is. -ENOMEM. */
int user_fill(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr);
/* Unmap and free all pages of a range; every CPU that runs on the tables has forgotten them before they are freed. */
void user_zap(struct mm_struct *mm, vaddr_t start, vaddr_t end);
void user_copy_page(struct page *to, struct page *from);

/* --- fault.c ----------------------------------------------------------------------------------------------------------- */

/*
 * Make the present page of a private area, entry `pte`, this address space's own, with all the rights of the area: a copy
 * if others have it too. All CPUs have forgotten the old entry. -ENOMEM.
 */
int user_unshare(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr, pte_t pte);

/* --- the lock ------------------------------------------------------------------------------------------------------------ */

/* mutex_unlock(&mm->lock), and the question whether anything that was changed under it is left unflushed. */
static inline void mm_unlock(struct mm_struct *mm)
{
	tlb_oracle(settled(&mm->pgtable));
	mutex_unlock(&mm->lock);
}
