/* SPDX-License-Identifier: MIT */
/*
 * Page faults of processes. The first touch of a page brings it in, zeroed; the first write after a fork copies it, or
 * finds that nobody else has it any more; a touch below the stack makes the stack larger. Everything else is the
 * program's mistake, and what becomes of it is not decided here.
 *
 * 1. A copy is seen by all or by none. While a CPU may still translate the address to the old page, no other may write the
 *    new one: a thread that has seen a write could hand the news to a third one, which still reads the old page. So
 *    the old entry goes first, then every CPU forgets it, and only then does the address lead to the copy:
 *
 *	entry    old, read-only ──> none ────────────────────> new, writable
 *	CPU 2    may read the old page ──────> forgets it		(in between it faults, and waits for mm->lock)
 *
 * 2. Under mm->lock the TLBs and the entries agree. Whoever takes a right away, or gives one to an entry that is present,
 *    has flushed it on every CPU of the process before the lock is dropped (the TLB oracle asks at each mm_unlock()).
 *
 * 3. When is a fault spurious? When the entries allow the access now, and did when it was refused. Two threads that write one
 *    page at once are no such case: the slower one waits for the lock, and finds the entry that the faster one has made. Nor
 *    can the handler tell by looking at the entry when it begins, since the faster one may have written it just then.
 *    It can tell by flushes: whoever changes an entry in a way that a refused access could have met flushes it (2), and that
 *    flush cannot end before the refused CPU answers, which has interrupts off until the handler has read pgtable_flushed().
 *    So if the number is still the same under the lock, no change has ended since the access was refused, and by 2 none
 *    was under way when the lock was taken: the CPU has refused what it should have allowed.
 *    A page that was missing (no FAULT_PRESENT) is never a case: filling what was empty needs no flush.
 */
#include "mm/user/user_internal.h"

static atomic_long_t zeroed, copied, reused;

static pte_t own_entry(const struct vm_area_struct *vma, unsigned long pfn)
{
	return pfn_pte(pfn, pgprot_supported(user_prot(vma, true)));
}

/* Give the address a page of its own that looks like the present one (theory 1). */
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
 * The count of a page cannot rise meanwhile: only a fork of this address space could do that, and it takes the lock. If it
 * is 1, nobody else will ever see the page.
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
		return -EFAULT; /* all that there is has been mapped from the start */
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

/* The entry allows the access: since when? (Theory 3.) */
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
