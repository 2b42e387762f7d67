/* SPDX-License-Identifier: MIT */
/*
 * Page faults of processes. The first access to a page brings it in, zeroed. The first write after a fork copies the
 * page, or keeps it if no other address space has it any more. An access below a stack makes the stack grow. All other
 * faults are errors of the program; the caller decides what follows.
 *
 * 1. All CPUs of a process switch to a copy together. While one CPU may still translate the address to the old page, no
 *    other may write the new one: a thread that has seen such a write could tell a third thread, which still reads the
 *    old page. So the handler clears the old entry, then flushes every CPU, and only then writes the entry of the copy:
 *
 *	entry    old, read-only ──> none ────────────────────> new, writable
 *	CPU 2    may read the old page ──────> forgets it		(in between it faults, and waits for mm->lock)
 *
 * 2. When mm->lock is not held, the TLBs agree with the entries. A function that takes a right away, or gives one to a
 *    present entry, flushes every CPU of the process before it drops the lock (the TLB oracle checks that at each
 *    mm_unlock()).
 *
 * 3. A fault is spurious if the entries allow the access now and already did when the CPU refused it. Two threads that
 *    write one page at once are not such a case: the slower one waits for the lock, and then finds the entry that the
 *    faster one has made. Reading the entry when the handler begins would not tell either: the faster thread may have
 *    just written it. Flushes do tell. Any change that could explain the refusal is flushed (2). That flush cannot end
 *    before the refused CPU answers, and this CPU has interrupts off until its handler has read pgtable_flushed(). So
 *    if the number is still the same under the lock, no such change has ended since the access was refused; by 2 none
 *    was under way when the lock was taken. Then the CPU has refused what it should have allowed.
 *    The fault of a missing page (no FAULT_PRESENT) is never spurious: filling an empty entry needs no flush.
 */
#include "mm/user/user_internal.h"

static atomic_long_t zeroed, copied, reused;

static pte_t own_entry(const struct vm_area_struct *vma, unsigned long pfn)
{
	return pfn_pte(pfn, pgprot_supported(user_prot(vma, true)));
}

/* Replace the shared page at addr by a copy (theory 1). */
static int copy_shared(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr, struct page *old)
{
	struct page *page = alloc_page(GFP_HIGHUSER | __GFP_NOWARN);

	if (!page)
		return -ENOMEM;
	user_copy_page(page, old);
	user_set_entry(mm, addr, __pte(0)); /* its table exists */
	flush_tlb_user_range(&mm->pgtable, addr, addr + PAGE_SIZE);
	user_set_entry(mm, addr, own_entry(vma, page_to_pfn(page)));
	put_page(old);
	atomic_long_inc(&copied);
	return 0;
}

/*
 * The count of the page cannot rise meanwhile: only a fork of this address space could raise it, and that takes the
 * lock. If the count is 1, no other address space has the page or will get it.
 */
int user_unshare(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr, pte_t pte)
{
	struct page *page = pfn_to_page(pte_pfn(pte));

	if (atomic_read(&page->refcount) != 1)
		return copy_shared(mm, vma, addr, page);
	user_set_entry(mm, addr, own_entry(vma, pte_pfn(pte)));
	flush_tlb_user_range(&mm->pgtable, addr, addr + PAGE_SIZE);
	atomic_long_inc(&reused);
	return 0;
}

static int bring_in(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr)
{
	int err;

	if (vma->vm_flags & VM_SHARED)
		return -EFAULT; /* faults bring nothing into a shared area */
	err = user_fill(mm, vma, addr);
	if (!err)
		atomic_long_inc(&zeroed);
	return err;
}

static bool allowed(const struct vm_area_struct *vma, unsigned int access)
{
	if (access & FAULT_EXEC)
		return vma->vm_flags & VM_EXEC;
	return vma->vm_flags & (access & FAULT_WRITE ? VM_WRITE : VM_READ);
}

/* The entry allows the access. Did it already when the CPU refused it? (Theory 3.) */
static int already_allowed(const struct mm_struct *mm, unsigned int access, unsigned long flushed)
{
	return (access & FAULT_PRESENT) && pgtable_flushed(&mm->pgtable) == flushed ? FAULT_SPURIOUS : 0;
}

static int handle_locked(struct mm_struct *mm, vaddr_t addr, unsigned int access, unsigned long flushed)
{
	const struct vm_area_struct *vma = user_area_touched(mm, addr);
	pte_t pte;

	if (!vma)
		return -EFAULT;
	if (!allowed(vma, access))
		return -EACCES;
	pte = user_entry(mm, addr);
	if (!pte_present(pte))
		return bring_in(mm, vma, addr);
	if ((access & FAULT_WRITE) && !pte_writable(pte))
		return user_unshare(mm, vma, addr, pte);
	return already_allowed(mm, access, flushed);
}

int mm_handle_fault(struct task *task, vaddr_t addr, unsigned int access, unsigned long flushed)
{
	struct mm_struct *mm = task->mm;
	int result;

	if (!mm || addr >= layout.user_end)
		return -EFAULT;
	mutex_lock(&mm->lock);
	result = handle_locked(mm, PAGE_ALIGN_DOWN(addr), access, flushed);
	mm_unlock(mm);
	return result;
}

struct mm_counters mm_counters(void)
{
	return (struct mm_counters){
		.zeroed = (unsigned long)atomic_long_read(&zeroed),
		.copied = (unsigned long)atomic_long_read(&copied),
		.reused = (unsigned long)atomic_long_read(&reused),
		.grown = (unsigned long)atomic_long_read(&user_stacks_grown),
	};
}
