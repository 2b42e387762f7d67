/* SPDX-License-Identifier: MIT */
/*
 * Page tables, for any depth and any leaf size: the contract between mm/ and the MMU.
 *
 * Levels are numbers: 1 is the page table (PTE), pt_top() the table that CR3 names (PGD). <asm/ptfmt.h> gives the entry:
 *
 *   pte_t                        one entry of any level
 *   pte_t pte_read(p)            one consistent value, also while another CPU writes
 *   pte_t pte_peek(p)            the same for an entry that only the caller writes; bool pte_empty(p): pte_none() of it
 *   void  pte_store(p, pte), pte_fill(p, pte), pte_clear_run(p, n), pte_t pte_xchg(p, pte),
 *   bool  pte_cmpxchg(p, old, new)   writing: <arch/pte_write.h>
 *   bool  pte_none(pte) pte_present(pte) pte_leaf(pte, level)
 *   pte_t pfn_pte(pfn, prot)     a leaf of level 1;  unsigned long pte_pfn(pte);  pte_t pte_advance_pfn(pte, nr): nr frames on
 *   pgprot_t PAGE_KERNEL, PAGE_KERNEL_RO, PAGE_KERNEL_ROX, PAGE_KERNEL_NOCACHE, PAGE_USER, pgprot_nx(prot), ...
 *   pgprot_t pgprot_writecombine(prot), pgprot_noncached(prot), ...: memory types, <arch/memtype.h>
 *   pgprot_t pgprot_supported(prot)  without the bits that this CPU lacks: before prot goes into pfn_pte()
 *
 * Context of the walkers: thread context, interrupts on (they may allocate a table page and may have to synchronise). With
 * preemption off, or a lock of threads held, a walk that needs table pages wants a scope whose gfp does not wait.
 * The range that is mapped or unmapped belongs to the caller: that ownership is the lock on its leaves. Table pages are
 * shared with neighbours and are installed by compare-and-exchange, so no lock is taken at all.
 */
#pragma once

#include <lib/atomic.h>
#include <lib/bitmap.h>
#include <lib/gfp.h>
#include <lib/list.h>
#include <arch/layout.h>
#include <arch/memtype.h>
#include <arch/pte_write.h>
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
	u64 serial;		/* of this tree and never of another one */
	atomic_long_t flushes;	/* of its own entries, numbered as they begin */
	atomic_long_t flushed;	/* how many of them every CPU has answered */
	DECLARE_BITMAP(cpus, MAX_CPUS); /* which have it in CR3; not kept for the reference */
};
extern struct pgtable kernel_pgtable;

/*
 * One change of kernel mappings, from begin to end (arch/mmu_sync.h). Walkers that change kernel tables take it, so a
 * change outside such a scope does not compile, and it travels with its task for nothing, being on the stack.
 */
struct mmu_update {
	vaddr_t start, end;
	pgtbl_mod_mask mask;
	gfp_t gfp;		/* how table pages are asked for. _begin: GFP_KERNEL; who may not wait changes it */
	unsigned long sync_seq;	/* syncs completed when the scope was opened */
	struct mmu_update *outer; /* the scope of this thread around this one; NULL: none (arch/lazy_mmu.h) */
	bool protects;		/* rights are changed in it: pgtable_protecting() */
	struct tlb_batch tlb;	/* executed by ..._end, after the sync */
};

/* Spans and names of levels; pt_top() is the top level of the running mode (2..5). */
const char *pt_level_name(unsigned int level);	       /* "PGD", "P4D", "PUD", "PMD", "PTE" */
vaddr_t pt_level_size(unsigned int level);	       /* bytes that one entry spans; 0 if that is the whole space */
bool pt_leaf_allowed(unsigned int level);	       /* may an entry of this level be a leaf on this CPU? */

/* Table pages come from above: one zeroed frame (0 = no memory), and back. Counted, kernel tables only. */
void pgtable_set_allocator(phys_addr_t (*alloc)(gfp_t gfp), void (*free)(phys_addr_t frame));
unsigned long pgtable_kernel_pages(void);
/*
 * Handed in from above: a kernel table that was unlinked and flushed is given to defer(), which calls
 * pgtable_free_deferred() after an RCU grace period. Without it the table is freed at once.
 */
void pgtable_set_deferred_free(void (*defer)(phys_addr_t table));
void pgtable_free_deferred(phys_addr_t table);

/*
 * Map [start, end) to physical memory from phys on, with the largest leaves up to 1 << max_shift bytes that address,
 * frame, memory types by address (memtype_uniform) and CPU allow. Every entry must be empty. -ENOMEM (no table page) and -EBUSY (something is mapped there) leave
 * the part before the failure mapped: the caller unmaps the whole range.
 */
int pgtable_map(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, phys_addr_t phys,
		pgprot_t prot, unsigned int max_shift);

/*
 * The same for frames that do not lie side by side: call(ctx, ptep, addr, n) is given runs of n level-1 entries
 * for addr.. and returns 0 or -errno, which ends the walk. create: allocate missing tables, else skip holes.
 * call runs in lazy MMU mode (arch/lazy_mmu.h): it may sleep, but neither map anything else nor cause a table page.
 * A leaf above level 1 in the way is -EINVAL.
 */
typedef int (*pgtable_run_fn)(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n);
int pgtable_for_each_run(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, bool create,
			 pgtable_run_fn call, void *ctx);

/* Clear every leaf in [start, end). A leaf that is only partly covered is reported and left. Tables stay. Flushes nothing. */
void pgtable_unmap(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end);

/*
 * Change the rights, the memory type or the presence of every leaf in [start, end): clear, then set bits of the prot. A leaf
 * without PROT_BIT_PRESENT is hidden: not present, and not empty either. -EINVAL for a partly covered leaf.
 * What changed is put into u->tlb, more rights as well as fewer; with a process's tree (u is NULL) it is flushed here.
 */
int pgtable_protect(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, pgprot_t set, pgprot_t clear);

/*
 * Make tables of all leaves of the kernel that [start, end) covers only in part, or that are larger than 1 << max_shift,
 * in place: nothing is ever unmapped, and what is mapped stays the same. It is forgotten and carried everywhere when the scope
 * ends, and only then may an entry of it change, by anybody: who changes such ranges takes turns. -ENOMEM: some may
 * have been split, which is no harm. (Theory: arch/x86/mm/pgtable_split.c. For the direct map and the image.)
 */
int pgtable_split(struct mmu_update *u, vaddr_t start, vaddr_t end, unsigned int max_shift);

/*
 * Is somebody changing rights of the kernel's entries: has he begun, and not yet flushed everywhere? A CPU that keeps
 * interrupts off holds up the end. Any context.
 */
bool pgtable_protecting(void);

/*
 * Make room for leaves of 1 << shift bytes: tables that lie wholly inside [start, end) at that level are unlinked
 * (reference first, then every copy), flushed everywhere, and only then freed. The range is the caller's and unmapped.
 */
void pgtable_clear_tables(struct pgtable *pt, vaddr_t start, vaddr_t end, unsigned int shift);

/* In the same order take away the tables of level-1 entries that lie wholly inside [start, end). Returns how many. */
unsigned long pgtable_free_tables(struct pgtable *pt, vaddr_t start, vaddr_t end);

/* Is there a table of level-1 entries for some of [*addr, end)? Then *addr becomes the lowest address that it serves there. */
bool pgtable_next_table(const struct pgtable *pt, vaddr_t *addr, vaddr_t end);

/*
 * The entries of [start, end) that span 1 << shift bytes each, if they all lie in one table that exists, and that processes
 * share rather than copy; else NULL. They stay where they are as long as the range is the caller's, who writes leaves there
 * without a walk, and nothing else.
 */
pte_t *pgtable_entries(struct pgtable *pt, vaddr_t start, vaddr_t end, unsigned int shift);
/*
 * Leaves of n frames of 1 << shift bytes, side by side from phys on, into such entries, which must be empty. prot as for
 * pfn_pte(); memory types by address are the caller's affair. Returns how many: fewer than n where one is not empty.
 */
unsigned long pgtable_fill(pte_t *p, unsigned long n, phys_addr_t phys, pgprot_t prot, unsigned int shift);

/* What one address translates to. */
struct pgtable_leaf {
	unsigned int level;  /* of the entry at which the walk ended */
	pte_t pte;	     /* that entry */
	bool present;	     /* it is a present leaf: phys is valid */
	phys_addr_t phys;    /* translation of addr itself, offset included */
};
/*
 * Lock-less; any context, NMI too. Dereferences nothing below an absent entry. The tree is the reference, or one that
 * cannot go away meanwhile: the caller holds its process, or it is loaded here and interrupts are off.
 */
struct pgtable_leaf pgtable_query(const struct pgtable *pt, vaddr_t addr);
/* The same of the reference, for those who want nothing but the frame; PGTABLE_NO_PFN if there is none. */
unsigned long kernel_pgtable_pfn(vaddr_t addr);
#define PGTABLE_NO_PFN (~0ul)

/* The entry of `level` for addr as it stands; all zero if the walk ends above it. Any context. For tests and dumps. */
pte_t pgtable_read_entry(const struct pgtable *pt, vaddr_t addr, unsigned int level);

/* Free every table of the user half (leaves are not touched: the caller has freed the pages). */
void pgtable_free_user(struct pgtable *pt);

/* One line a level for addr: "PGD[402] @0x1ff9900 = 0x..067 P RW A". */
void pgtable_dump_walk(const struct pgtable *pt, vaddr_t addr);
/* Merged ranges of equal rights with section marks, in the columns of Linux's ptdump. */
void pgtable_dump_range(const struct pgtable *pt, vaddr_t start, vaddr_t end);
/*
 * The same for programs: a word and KEY=VALUE pairs a line, as vmallocinfo_machine() (<mm/vmalloc.h>) prints them.
 *
 *	entry tree= level= index= at= value= kind= [rights=]	the walk, from the top: at is the entry's address; kind: none, carried
 *								(absent, and about to come), table, leaf
 *	walk tree= addr= present= [phys= size=]			and its end; size: of the leaf
 *	leaves start= end= size= leaf= rights=			adjacent leaves of `leaf` bytes each, of equal rights, sorted;
 *								end is 0 at the end of the address space
 *
 * rights: RW or ro, then what applies of USR, PWT, PCD, NX, A (entries only), GLB, with commas. tree 0 is the reference.
 */
void pgtable_walk_machine(const struct pgtable *pt, vaddr_t addr);
void pgtable_range_machine(const struct pgtable *pt, vaddr_t start, vaddr_t end);

/*
 * CR3. A kernel thread needs no tree of its own: it runs on whatever is loaded, since every tree has all of the kernel.
 * Such a CPU has *borrowed* the tree: it is not interrupted for flushes of the process's own entries, and catches up when
 * it comes back to it. The tree stays in pgd_list, and so complete, until no CPU has it.
 */

/*
 * For the scheduler, interrupts off: the CPU goes over to a thread that runs on `next` (NULL: a kernel thread, which
 * borrows) and whose stack pointer is next_sp. Asserts that the tree in use from now on has both stacks.
 */
void pgtable_switch(struct pgtable *next, const void *next_sp);
/* The tree that is in CR3 here, borrowed or not. */
struct pgtable *pgtable_current(void);
/* Does any CPU have it in CR3? */
bool pgtable_is_loaded(const struct pgtable *pt);
/*
 * How many flushes of the tree's own entries are complete. A CPU that runs on the tree with interrupts off since it was
 * refused a translation holds each of them up, so this number tells whether one has ended since then (mm/user/fault.c).
 */
static inline unsigned long pgtable_flushed(const struct pgtable *pt)
{
	return (unsigned long)atomic_long_read(&pt->flushed);
}
/* Take it out of every CR3, where it can only be borrowed any more: its owner has gone. Waits, as a flush does. */
void pgtable_evict(struct pgtable *pt);
/* Load it whatever was loaded before; for CPUs that start. */
void pgtable_load(struct pgtable *pt);
