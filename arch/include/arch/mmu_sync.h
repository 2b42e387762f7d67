/* SPDX-License-Identifier: MIT */
/*
 * Carrying changes of kernel top entries to every process (theory: arch/x86/mm/pgtable_sync.c).
 *
 *	struct mmu_update u;
 *	arch_update_kernel_mappings_begin(&u, start, end);
 *	err = pgtable_map(&kernel_pgtable, &u, ...);      // any number of walks inside [start, end)
 *	arch_update_kernel_mappings_end(&u);              // also on error: what was changed must be carried
 *
 * After _end every process has what the walks wrote. If the caller put the range into u.tlb, no CPU holds a translation
 * that they removed. The hook runs only if u.mask has the shared level. Scopes of one thread nest; none is opened or
 * closed in lazy MMU mode (arch/lazy_mmu.h).
 */
#pragma once

#include <arch/pgtable.h>

/* The shared level, whose kernel entries are copied into every process: the top level; with PAE the PMD. */
#define ARCH_PAGE_TABLE_SYNC_MASK PGTBL_MODIFIED(pt_sync_level())

void arch_update_kernel_mappings_begin(struct mmu_update *u, vaddr_t start, vaddr_t end);
void arch_update_kernel_mappings_end(struct mmu_update *u);

/*
 * The hook: carry every marked entry of [start, end) to all trees in pgd_list. Takes pgd_lock with interrupts on.
 * Only arch_update_kernel_mappings_end() calls it (and tests). Returns how many carries this call has finished, those
 * that other hooks began included.
 */
unsigned int arch_sync_kernel_mappings(vaddr_t start, vaddr_t end);
/* Trees to write and slots to look at, added up, in one holding of pgd_lock. Tests lower it, to 1 at least. */
extern unsigned int sync_budget;

/*
 * A process's tree. init: copies the kernel half and enters pgd_list under one holding of pgd_lock, so the tree misses
 * no change. -ENOMEM. exit: takes it off the list and frees it; it must be in no CR3, and its user tables freed
 * (pgtable_free_user).
 */
int pgtable_init_process(struct pgtable *pt);
void pgtable_exit_process(struct pgtable *pt);

/*
 * The same for a tree that the caller has made and will free: adopt copies the kernel half into it. -EINVAL: with PAE
 * one of the kernel's PMD tables is missing.
 */
int pgtable_adopt_process(struct pgtable *pt, phys_addr_t root);
void pgtable_leave_process(struct pgtable *pt);

/*
 * Map and unmap one page in this process's private kernel slot (layout.private_start..), which is never shared.
 * -ENOMEM, -EBUSY.
 */
int pgtable_map_private(struct pgtable *pt, vaddr_t addr, phys_addr_t phys, pgprot_t prot);
void pgtable_unmap_private(struct pgtable *pt, vaddr_t addr);

/* Parity: compare the shared kernel entries of every tree with the reference. Thread context, takes pgd_lock. */
struct pgd_parity {
	unsigned int trees, slots;     /* trees compared; slots in each */
	unsigned int differs, missing; /* of all trees: wrong entries, of user roots too; entries that are absent */
};
struct pgd_parity pgd_parity_check(void);
/*
 * A row for the reference and for each process, a column for each used kernel slot: '=' equal, '.' empty in both, '!'
 * differs, '?' missing, '~' being carried; then the verdict.
 */
void pgd_parity_dump(void);
/*
 * The same for programs, as vmallocinfo_machine() (<mm/vmalloc.h>) prints:
 *
 *	slots level= used=273,402		the used slots of the shared half, by index; none at all: "used" alone
 *	tree id= states=ee			the reference (0), then each process's tree; a letter a used slot: e
 *						equal, n empty, d differs, m missing, c being carried
 *	parity trees= slots= differs= missing=	the trees compared, the slots in each; differs, missing: of all of them
 *						together
 */
void pgd_parity_machine(void);

struct sync_counters {
	unsigned long calls;	/* calls of the hook */
	unsigned long carried;	/* entries that were carried (once each, however many processes) */
	unsigned long spurious;	/* calls for nothing: no hook has finished a carry since the scope opened */
	unsigned long mismatches; /* entries that the check after a sync found different or missing; must stay 0 */
};
struct sync_counters sync_counters(void);

/* The log of hook calls: a ring, as the log of flushes, but kept in every build. */
#define SYNC_LOG_SIZE 256
struct sync_log_entry {
	unsigned long seq;
	vaddr_t start, end;
	unsigned int carried;
};
unsigned long sync_log_seq(void);
bool sync_log_read(unsigned long seq, struct sync_log_entry *out);
