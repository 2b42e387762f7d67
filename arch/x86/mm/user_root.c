/* SPDX-License-Identifier: MIT */
/*
 * Page-table isolation: two roots a process.
 *
 * 1. The picture. A process's own root maps the whole kernel. With isolation no program runs on it. There is a second
 *    root, and the CPU has it in CR3 whenever it is in ring 3:
 *
 *	kernel root  [ u0 | u1 | ..    | k0 | k1 | .. | entry | .. ]	u: NX, the kernel executes nothing of a program
 *	user root    [ u0 | u1 | ..    | -  | -  | -  | entry | -  ]
 *		       |    └──> one shared subtree       └──> one shared subtree, the same for all processes
 *		       └──> one shared subtree
 *    A CPU that reads ahead of its rights finds nothing of the kernel there but the entry area.
 *
 * 2. Invariant. The user halves of both roots are equal, NX aside. The kernel half of the user root has one entry,
 *    which is the reference's. pgd_parity_check() compares both.
 *
 * 3. The user half. Only two places write a user top entry: install_table() and pgtable_free_user(). Both come here
 *    after the kernel root has been written. A program that runs meanwhile may fault because its root does not have the
 *    entry yet. Its fault handler waits for the lock of the address space, which the writer holds.
 *
 * 4. The kernel half. The hook (pgtable_sync.c) never touches user roots. It has nothing to do here: the entry area's
 *    top entry is there before the first process, and stays.
 *
 * 5. TLB. Kernel pages are not global (a global page would stay for ring 3 to find). Without PCIDs each way in and out
 *    drops everything that is not global, so a flush need not think of the user root. With PCIDs each slot of asid.c
 *    has two PCIDs, one a root. An invalidation reaches only the kernel root's, which is in CR3. So each flush of a
 *    process's pages takes `keep` out of the word with which the CPU goes back to ring 3 (pti_forget): the user root's
 *    PCID is dropped as a whole then, and the process has run no instruction in between.
 *
 * 6. The oracle treats both roots as one tree: a translation by one of them is in the other's tables too.
 */
#include "internal.h"

#include <asm/pti.h>

bool pti_on;

static unsigned int entry_slot(void)
{
	return pt_index(pt_top(), layout.entry_start);
}

static pte_t without_nx(pte_t link)
{
	return __pte(link.val & ~PTE_NX);
}

int user_root_alloc(struct pgtable *pt)
{
	if (!pti_on)
		return 0;
	pt->user_root_phys = table_alloc(false, GFP_KERNEL);
	if (!pt->user_root_phys)
		return -ENOMEM;
	pt->user_root = phys_to_virt(pt->user_root_phys);
	tlb_oracle(table_new(pt, pt->user_root_phys, 0, pt_top()));
	pte_store(pt->user_root + entry_slot(), pte_read(kernel_pgtable.root + entry_slot()));
	return 0;
}

void user_root_free(struct pgtable *pt)
{
	if (pt->user_root)
		table_free(pt->user_root_phys, false);
	pt->user_root = NULL;
}

void user_root_copy(struct pgtable *pt, unsigned int slot)
{
	if (pt->user_root)
		pte_store(pt->user_root + slot, without_nx(pte_read(pt->root + slot)));
}

unsigned int user_root_differs(const struct pgtable *pt)
{
	unsigned int differs = 0, user_slots = pt_index(pt_top(), layout.user_end - 1) + 1;

	for (unsigned int i = 0; pt->user_root && i < pt_entries(pt_top()); i++) {
		pte_t is = pte_read(pt->user_root + i), should = __pte(0);

		if (i < user_slots)
			should = without_nx(pte_read(pt->root + i));
		else if (i == entry_slot())
			should = pte_read(kernel_pgtable.root + i);
		differs += is.val != should.val;
	}
	return differs;
}
