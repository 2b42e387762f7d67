/* SPDX-License-Identifier: MIT */
/*
 * Page faults of processes. The first touch of a page brings it in, zeroed; the first write after a fork copies it, or
 * finds that nobody else has it any more; a touch below the stack makes the stack larger. Everything else is the
 * program's mistake, and what becomes of it is not decided here.
 */
#include "user_internal.h"

static atomic_long_t zeroed, copied, reused, grown;

/* Give the address a page of its own that looks like the present one. Every CPU forgets the old one before it may be freed. */
static int copy_shared(struct mm_struct *mm, const struct vm_area *vma, vaddr_t addr, struct page *old)
{
	struct page *page = alloc_page(GFP_HIGHUSER | __GFP_NOWARN);

	if (!page)
		return -ENOMEM;
	user_copy_page(page, old);
	user_set_entry(mm, addr, pfn_pte(page_to_pfn(page), pgprot_supported(user_prot(vma, true)))); /* its table exists */
	flush_tlb_user_range(&mm->pgtable, addr, addr + PAGE_SIZE);
	put_page(old);
	atomic_long_inc(&copied);
	return 0;
}

/*
 * A write to a page that was read-only for the sake of others. Its count cannot rise meanwhile: only a fork of this
 * address space could do that, and it takes the lock. If it is 1, nobody else will ever see the page.
 */
static int write_shared(struct mm_struct *mm, const struct vm_area *vma, vaddr_t addr, pte_t pte)
{
	struct page *page = pfn_to_page(pte_pfn(pte));

	if (atomic_read(&page->refcount) != 1)
		return copy_shared(mm, vma, addr, page);
	user_set_entry(mm, addr, pfn_pte(pte_pfn(pte), pgprot_supported(user_prot(vma, true))));
	flush_tlb_user_range(&mm->pgtable, addr, addr + PAGE_SIZE);
	atomic_long_inc(&reused);
	return 0;
}

static int bring_in(struct mm_struct *mm, const struct vm_area *vma, vaddr_t addr)
{
	int err;

	if (vma->flags & VM_SHARED)
		return -EFAULT; /* all that there is has been mapped from the start */
	err = user_fill(mm, vma, addr);
	if (!err)
		atomic_long_inc(&zeroed);
	return err;
}

static bool allowed(const struct vm_area *vma, unsigned int access)
{
	if (access & FAULT_EXEC)
		return vma->flags & VM_EXEC;
	return vma->flags & (access & FAULT_WRITE ? VM_WRITE : VM_READ);
}

static int handle_locked(struct mm_struct *mm, vaddr_t addr, unsigned int access)
{
	const struct vm_area *vma = user_area_touched(mm, addr);
	pte_t pte;

	if (!vma)
		return -EFAULT;
	if (!allowed(vma, access))
		return -EACCES;
	pte = user_entry(mm, addr);
	if (!pte_present(pte))
		return bring_in(mm, vma, addr);
	if ((access & FAULT_WRITE) && !pte_writable(pte))
		return write_shared(mm, vma, addr, pte);
	return access & FAULT_PRESENT ? FAULT_SPURIOUS : 0; /* 0: another thread of the process was faster */
}

int mm_handle_fault(struct task *task, vaddr_t addr, unsigned int access)
{
	struct mm_struct *mm = task->mm;
	int result;

	if (!mm || addr >= layout.user_end)
		return -EFAULT;
	mutex_lock(&mm->lock);
	result = handle_locked(mm, PAGE_ALIGN_DOWN(addr), access);
	mutex_unlock(&mm->lock);
	return result;
}

void user_count_growth(void)
{
	atomic_long_inc(&grown);
}

struct mm_counters mm_counters(void)
{
	return (struct mm_counters){
		.zeroed = (unsigned long)atomic_long_read(&zeroed),
		.copied = (unsigned long)atomic_long_read(&copied),
		.reused = (unsigned long)atomic_long_read(&reused),
		.grown = (unsigned long)atomic_long_read(&grown),
	};
}
