/* SPDX-License-Identifier: MIT */
/* Page faults of processes: the first touch of a page brings it in, zeroed. */
#include "internal.h"

#include <mm/mm.h>

struct fault {
	struct page *page; /* NULL once it is mapped */
};

static int install_page(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	struct fault *fault = ctx;

	(void)addr;
	(void)n; /* the walk is for one page */
	if (!pte_none(pte_read(ptep)))
		return 0; /* another thread of the process was faster */
	pte_store(ptep, pfn_pte(page_to_pfn(fault->page), pgprot_supported(PAGE_USER)));
	fault->page = NULL;
	return 0;
}

/* Map the page at addr, or leave it in fault->page if there is one already. False: not the process's address, or no memory. */
static bool map_page(struct mm_struct *mm, vaddr_t addr, struct fault *fault)
{
	bool ok;

	spin_lock(&mm->lock);
	ok = mm_find_area(mm, addr) && !pgtable_for_each_run(&mm->pgtable, NULL, addr, addr + PAGE_SIZE, true,
							     install_page, fault);
	if (ok && !fault->page)
		mm->user_pages++;
	spin_unlock(&mm->lock);
	return ok;
}

bool mm_handle_fault(struct task *task, vaddr_t addr, bool write, bool exec)
{
	struct fault fault;
	bool ok;

	(void)write; /* every range may be written, none may be executed */
	if (!task->mm || exec || addr >= layout.user_end)
		return false;
	fault.page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	if (!fault.page)
		return false;
	ok = map_page(task->mm, PAGE_ALIGN_DOWN(addr), &fault);
	if (fault.page)
		put_page(fault.page);
	return ok;
}
