/* SPDX-License-Identifier: MIT */
/*
 * Doubling an address space. Nothing is copied but the areas and the entries; a page that either may write to becomes
 * read-only in both, and the first to write gets a page of its own (fault.c).
 *
 *	parent  entry RW ──> page, 1 user	fork	parent  entry RO ──┐
 *						──>	child   entry RO ──┴─> page, 2 users
 *
 * The parent's CPU may still hold the right to write: that is flushed before the parent runs again, in one batch.
 */
#include "mm/user/user_internal.h"

#define FORK_PAGES 32

/* Entries of the parent, on their way to the child; all of one table, so that the child gets no table for nothing. */
struct fork {
	struct mm_struct *from, *to;
	const struct vm_area_struct *vma;
	struct tlb_batch tlb;
	unsigned int nr;
	vaddr_t next; /* what lies before it has been taken */
	struct {
		vaddr_t addr;
		pte_t pte;
	} entry[FORK_PAGES];
};

/* What both shall have: the parent's entry, without the right to write if the page may only be read by two. */
static pte_t make_common(struct fork *fork, pte_t *ptep, vaddr_t addr)
{
	pte_t pte = pte_read(ptep), common;

	if (!pte_writable(pte) || (fork->vma->vm_flags & VM_SHARED))
		return pte;
	common = pfn_pte(pte_pfn(pte), pgprot_supported(user_prot(fork->vma, false)));
	pte_xchg(ptep, common);
	tlb_batch_add(&fork->tlb, addr, addr + PAGE_SIZE);
	return common;
}

static int fork_take(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	struct fork *fork = ctx;

	for (; n && fork->nr < FORK_PAGES; n--, ptep++, addr += PAGE_SIZE) {
		if (!pte_present(pte_read(ptep)))
			continue;
		fork->entry[fork->nr].addr = addr;
		fork->entry[fork->nr++].pte = make_common(fork, ptep, addr);
	}
	fork->next = addr;
	return fork->nr ? -EAGAIN : 0;
}

static int fork_give(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	struct fork *fork = ctx;

	(void)n;
	for (unsigned int i = 0; i < fork->nr; i++) {
		get_page(pfn_to_page(pte_pfn(fork->entry[i].pte)));
		pte_store(ptep + ((fork->entry[i].addr - addr) >> PAGE_SHIFT), fork->entry[i].pte);
	}
	fork->to->user_pages += fork->nr;
	return 0;
}

static int fork_pages(struct fork *fork)
{
	vaddr_t start = fork->vma->vm_start;
	int err = 0;

	while (start != fork->vma->vm_end && !err) {
		fork->nr = 0;
		fork->next = fork->vma->vm_end;
		pgtable_for_each_run(&fork->from->pgtable, NULL, start, fork->vma->vm_end, false, fork_take, fork);
		start = fork->nr ? fork->next : fork->vma->vm_end;
		if (fork->nr)
			err = pgtable_for_each_run(&fork->to->pgtable, NULL, fork->entry[0].addr, fork->next, true, fork_give,
						   fork);
	}
	return err;
}

static int fork_areas(struct fork *fork)
{
	const struct vm_area_struct *vma;
	int err = 0;

	list_for_each_entry(vma, &fork->from->vmas, list) {
		fork->vma = vma;
		err = user_area_add(fork->to, vma->vm_start, vma->vm_end, vma->vm_flags);
		if (!err)
			err = fork_pages(fork);
		if (err)
			break;
	}
	return err;
}

/* After a failure the parent's pages may be read-only for nothing: it gets them back one by one, as their last user. */
struct mm_struct *mm_fork(struct mm_struct *mm)
{
	struct fork fork = { .from = mm, .to = mm_create() };
	int err;

	if (!fork.to)
		return NULL;
	tlb_batch_init(&fork.tlb);
	mutex_lock(&mm->lock);
	fork.to->brk_start = mm->brk_start;
	fork.to->brk = mm->brk;
	err = fork_areas(&fork);
	tlb_batch_flush_user(&mm->pgtable, &fork.tlb);
	mm_unlock(mm);
	if (!err)
		return fork.to;
	mm_destroy(fork.to);
	return NULL;
}
