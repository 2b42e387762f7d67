/* SPDX-License-Identifier: MIT */
/*
 * Page tables, for any depth and any leaf size: the contract between mm/ and the MMU.
 *
 * Levels are numbers: 1 is the page table (PTE), pt_top() the table that CR3 names (PGD). <asm/ptfmt.h> gives the entry:
 *
 *   pte_t                        one entry of any level
 *   pte_t pte_read(p)            one consistent value, also while another CPU writes
 *   pte_t pte_peek(p)            the same for an entry that only the caller writes
 *   void  pte_store(p, pte)      write such an entry; never visible half-written; old or new is not present
 *   pte_t pte_xchg(p, pte)       replace, return the old value
 *   bool  pte_cmpxchg(p, old, new)
 *   bool  pte_none(pte) pte_present(pte) pte_leaf(pte, level)
 *   pte_t pfn_pte(pfn, prot)     a leaf of level 1;  unsigned long pte_pfn(pte)
 *   pgprot_t PAGE_KERNEL, PAGE_KERNEL_RO, PAGE_KERNEL_ROX, PAGE_KERNEL_NOCACHE, PAGE_USER, pgprot_nx(prot), ...
 *   pgprot_t pgprot_supported(prot)  without the bits that this CPU lacks: before prot goes into pfn_pte()
 *
 * Context of the walkers: thread context, interrupts on (they may allocate a table page and may have to synchronise).
 * The range that is mapped or unmapped belongs to the caller: that ownership is the lock on its leaves. Table pages are
 * shared with neighbours and are installed by compare-and-exchange, so no lock is taken at all.
 */
#pragma once

#include <lib/list.h>
#include <arch/layout.h>
#include <arch/tlb.h>
#include <asm/ptfmt.h>

/* One bit a level whose entries were changed, or were met while "not yet everywhere" (see mmu_sync.h). */
typedef unsigned int pgtbl_mod_mask;
#define PGTBL_MODIFIED(level) (1u << (level))

/* A tree of tables. The kernel half of every tree mirrors the reference, kernel_pgtable. */
struct pgtable {
	pte_t *root;		/* the top table, in the direct map or the image */
	phys_addr_t root_phys;	/* what CR3 gets */
	struct list_head list;	/* on pgd_list, under pgd_lock; not for the reference */
	unsigned int id;	/* for people: 0 is the reference, processes count from 1 */
};
extern struct pgtable kernel_pgtable;

/*
 * One change of kernel mappings, from begin to end (arch/mmu_sync.h). Walkers that change kernel tables take it, so a
 * change outside such a scope does not compile, and it travels with its task for nothing, being on the stack.
 */
struct mmu_update {
	vaddr_t start, end;
	pgtbl_mod_mask mask;
	unsigned long sync_seq;	/* syncs completed when the scope was opened */
	struct tlb_batch tlb;	/* executed by ..._end, after the sync */
};

/* Spans and names of levels; pt_top() is the top level of the running mode (2..5). */
const char *pt_level_name(unsigned int level);	       /* "PGD", "P4D", "PUD", "PMD", "PTE" */
vaddr_t pt_level_size(unsigned int level);	       /* bytes that one entry spans; 0 if that is the whole space */
bool pt_leaf_allowed(unsigned int level);	       /* may an entry of this level be a leaf on this CPU? */

/* Table pages come from above: one zeroed frame (0 = no memory), and back. Counted, kernel tables only. */
void pgtable_set_allocator(phys_addr_t (*alloc)(void), void (*free)(phys_addr_t frame));
unsigned long pgtable_kernel_pages(void);

/*
 * Map [start, end) to physical memory from phys on, with the largest leaves up to 1 << max_shift bytes that address,
 * frame and CPU allow. Every entry must be empty. -ENOMEM (no table page) and -EBUSY (something is mapped there) leave
 * the part before the failure mapped: the caller unmaps the whole range.
 */
int pgtable_map(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, phys_addr_t phys,
		pgprot_t prot, unsigned int max_shift);

/*
 * The same for frames that do not lie side by side: call(ctx, ptep, addr, n) is given runs of n level-1 entries
 * for addr.. and returns 0 or -errno, which ends the walk. create: allocate missing tables, else skip holes.
 * A leaf above level 1 in the way is -EINVAL.
 */
typedef int (*pgtable_run_fn)(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n);
int pgtable_for_each_run(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, bool create,
			 pgtable_run_fn call, void *ctx);

/* Clear every leaf in [start, end). A leaf that is only partly covered is reported and left. Tables stay. Flushes nothing. */
void pgtable_unmap(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end);

/* Change the rights of every leaf in [start, end): clear, then set bits of the prot. -EINVAL for a partly covered leaf. */
int pgtable_protect(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, pgprot_t set, pgprot_t clear);

/*
 * Make room for leaves of 1 << shift bytes: tables that lie wholly inside [start, end) at that level are unlinked
 * (reference first, then every copy), flushed everywhere, and only then freed. The range is the caller's and unmapped.
 */
void pgtable_clear_tables(struct pgtable *pt, vaddr_t start, vaddr_t end, unsigned int shift);

/* What one address translates to. */
struct pgtable_leaf {
	unsigned int level;  /* of the entry at which the walk ended */
	pte_t pte;	     /* that entry */
	bool present;	     /* it is a present leaf: phys is valid */
	phys_addr_t phys;    /* translation of addr itself, offset included */
};
/* Lock-less; any context. Dereferences nothing below an absent entry. */
struct pgtable_leaf pgtable_query(const struct pgtable *pt, vaddr_t addr);

/* The entry of `level` for addr as it stands; all zero if the walk ends above it. Any context. For tests and dumps. */
pte_t pgtable_read_entry(const struct pgtable *pt, vaddr_t addr, unsigned int level);

/* Free every table of the user half (leaves are not touched: the caller has freed the pages). */
void pgtable_free_user(struct pgtable *pt);

/* One line a level for addr: "PGD[402] @0x1ff9900 = 0x..067 P RW A". */
void pgtable_dump_walk(const struct pgtable *pt, vaddr_t addr);
/* Merged ranges of equal rights with section marks, in the columns of Linux's ptdump. */
void pgtable_dump_range(const struct pgtable *pt, vaddr_t start, vaddr_t end);

/* The CPU's own state. load: one of the three choke points; in debug builds it asserts that the tree maps the stack in use. */
void pgtable_load(struct pgtable *pt);
struct pgtable *pgtable_current(void);
/* Does any CPU have it in CR3? */
bool pgtable_is_loaded(const struct pgtable *pt);
