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
 *
 *    A CPU that reads ahead of its rights in ring 3 finds nothing of the kernel but the entry area.
 *
 *    With PAE the four entries of the top table are too few for this: the first three are equal in both roots, and the
 *    fourth leads to a table of its own, which has the two entries of the entry area. NX is for 4 and 5 levels: other
 *    top entries have no such bit.
 *
 * 2. Invariant. The user halves of both roots are equal, NX aside. The kernel half of the user root has one entry, the
 *    reference's (PAE: a table with two of the reference's). pgd_parity_check() compares both halves.
 *
 * 3. The user half. Only two places write a user top entry: install_table() and pgtable_free_user(). Both come here
 *    after the kernel root has been written. A program that runs meanwhile may fault because its root does not have the
 *    entry yet. Its fault handler waits for the lock of the address space, which the writer holds.
 *
 * 4. The kernel half. The hook (pgtable_sync.c) never touches user roots. It has nothing to do here: the entry area's
 *    entries of the shared level are there before the first process, and stay.
 *
 * 5. TLB. Kernel pages are not global (a global page would stay for ring 3 to find). Without PCIDs each way in and out
 *    drops everything that is not global, so a flush need not think of the user root. With PCIDs each slot of asid.c
 *    has two PCIDs, one for each root. INVLPG reaches only the kernel root's, which is in CR3. So each flush of a
 *    process's pages takes `keep` out of the word with which the CPU goes back to ring 3 (pti_forget): the user root's
 *    PCID is dropped as a whole then, and the process has run no instruction in between.
 *
 * 6. The oracle treats both roots as one tree: their user halves lead to the same tables.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <asm/pti.h>
#include <lib/errno.h>

bool pti_on __ro_after_init;

static pte_t without_nx(pte_t link)
{
	return __pte(link.val & ~PTE_NX);
}

static unsigned int user_slots(void)
{
	return pt_index(pt_top(), layout.user_end - 1) + 1;
}

/* The user root's entry of the shared level for an address of the entry area. */
static pte_t *kernel_entry(const struct pgtable *pt, vaddr_t addr)
{
	pte_t *table = pt->user_root;

	if (pt_sync_level() < pt_top())
		table = pte_table(pte_read(table + pt_index(pt_top(), addr)));
	return table + pt_index(pt_sync_level(), addr);
}

/* PAE: the user root's own table under the top entry that has the entry area. */
static int alloc_kernel_part(struct pgtable *pt)
{
	unsigned int top = pt_top();
	phys_addr_t table;

	if (pt_sync_level() == top)
		return 0;
	table = table_alloc(false, GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	tlb_oracle(table_new(pt, table, ALIGN_DOWN(layout.entry_start, pt_size(top)), top - 1));
	pte_store(pt->user_root + pt_index(top, layout.entry_start), pt_make_link(table, top, false));
	return 0;
}

static void copy(struct pgtable *pt, unsigned int slot)
{
	pte_store(pt->user_root + slot, without_nx(pte_read(pt->root + slot)));
}

static void fill(struct pgtable *pt)
{
	vaddr_t end = layout.entry_end, size = pt_size(pt_sync_level());

	for (unsigned int i = 0; i < user_slots(); i++)
		if (!pte_empty(pt->root + i))
			copy(pt, i);
	for (vaddr_t addr = ALIGN_DOWN(layout.entry_start, size); addr < end; addr += size)
		pte_store(kernel_entry(pt, addr), pte_read(pt_entry(&kernel_pgtable, addr, pt_sync_level())));
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
	if (alloc_kernel_part(pt)) {
		table_free(pt->user_root_phys, false);
		pt->user_root = NULL;
		return -ENOMEM;
	}
	fill(pt);
	return 0;
}

void user_root_free(struct pgtable *pt)
{
	if (!pt->user_root)
		return;
	if (pt_sync_level() < pt_top())
		table_free(pte_phys(pte_read(pt->user_root + pt_index(pt_top(), layout.entry_start))), false);
	table_free(pt->user_root_phys, false);
	pt->user_root = NULL;
}

void user_root_change(struct pgtable *pt)
{
	if (pt->user_root)
		atomic_inc_return(&pt->user_changes);
}

void user_root_changed(struct pgtable *pt, unsigned int slot)
{
	if (!pt->user_root)
		return;
	copy(pt, slot);
	atomic_inc_return(&pt->user_changes);
}

/* The CPU sets two bits, in each root by itself. (QEMU in the top entries of PAE too.) */
static bool differ(pte_t a, pte_t b)
{
	return (a.val ^ b.val) & ~(pteval_t)(PTE_ACCESSED | PTE_DIRTY);
}

/* What the i-th entry of the shared level should be, in the table that has the entry area. */
static pte_t should_be(unsigned int i)
{
	unsigned int level = pt_sync_level(), first = pt_index(level, layout.entry_start);
	vaddr_t start = ALIGN_DOWN(layout.entry_start, pt_size(level));

	if (i < first || i > pt_index(level, layout.entry_end - 1))
		return __pte(0);
	return pte_read(pt_entry(&kernel_pgtable, start + (i - first) * pt_size(level), level));
}

static unsigned int kernel_part_differs(const struct pgtable *pt)
{
	unsigned int level = pt_sync_level(), differs = 0;
	const pte_t *table = kernel_entry(pt, layout.entry_start) - pt_index(level, layout.entry_start);

	for (unsigned int i = level == pt_top() ? user_slots() : 0; i < pt_entries(level); i++)
		differs += differ(pte_read(table + i), should_be(i));
	return differs;
}

/* 0 while the user half is being changed: the caller has pgd_lock, which does not keep its writers away. */
static unsigned int user_part_differs(const struct pgtable *pt)
{
	int before = atomic_read(&pt->user_changes);
	unsigned int differs = 0;

	smp_rmb();
	for (unsigned int i = 0; i < user_slots(); i++)
		differs += differ(pte_read(pt->user_root + i), without_nx(pte_read(pt->root + i)));
	smp_rmb();
	return before & 1 || before != atomic_read(&pt->user_changes) ? 0 : differs;
}

unsigned int user_root_differs(const struct pgtable *pt)
{
	return pt->user_root ? user_part_differs(pt) + kernel_part_differs(pt) : 0;
}
