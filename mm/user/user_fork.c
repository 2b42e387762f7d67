/* SPDX-License-Identifier: MIT */
/*
 * Fork of an address space. Only areas and entries are copied. A private page that may be written becomes read-only in
 * both address spaces, and the first write makes a copy (fault.c).
 *
 *	parent  entry RW ──> page, 1 user	fork	parent  entry RO ──┐
 *						──>	child   entry RO ──┴─> page, 2 users
 *
 * TLBs may still allow the parent to write. One batch flushes that before mm->lock is dropped.
 */
#include "mm/user/user_internal.h"

#define FORK_PAGES 32

/* A batch of entries on the way from parent to child. All are of one table, so the child gets no needless one. */
struct fork {
	struct mm_struct *from, *to;
	const struct vm_area_struct *vma;
	struct tlb_batch tlb;
	unsigned int nr;
	vaddr_t next; /* entries before it are taken */
	struct {
		vaddr_t addr;
		pte_t pte;
	} entry[FORK_PAGES];
};

/* The entry for both: the parent's, which loses the right to write unless the area is shared. */
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
			err = pgtable_for_each_run(&fork->to->pgtable, NULL, fork->entry[0].addr, fork->next, true,
						   fork_give, fork);
	}
	return err;
}

static int fork_areas(struct fork *fork)
{
	const struct vm_area_struct *vma;
	int err = 0;

	for (vma = user_area_first(fork->from); vma && !err; vma = user_area_next(vma)) {
		fork->vma = vma;
		err = user_area_add(fork->to, vma->vm_start, vma->vm_end, vma->vm_flags);
		if (!err)
			err = fork_pages(fork);
	}
	return err;
}

/* After a failure pages of the parent may stay read-only. Its next write to each finds that it is the only user. */
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
