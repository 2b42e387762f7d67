/* SPDX-License-Identifier: MIT */
/*
 * Page tables, for any depth and any leaf size: the contract between mm/ and the MMU.
 *
 * Levels are numbers: 1 is the page table (PTE), pt_top() the table that CR3 names (PGD). <asm/ptfmt.h> gives the
 * entry:
 *
 *   pte_t                        one entry of any level
 *   pte_t pte_read(p)            one consistent value, also while another CPU writes
 *   pte_t pte_peek(p)            the same for an entry that only the caller writes; bool pte_empty(p): pte_none() of it
 *   pte_t pte_glance(p)          one look while others write; an entry of two words may be half old and half new
 *   void  pte_store(p, pte), pte_fill(p, pte), pte_clear_run(p, n), pte_t pte_xchg(p, pte),
 *   bool  pte_cmpxchg(p, old, new)   writing: <arch/pte_write.h>
 *   bool  pte_none(pte) pte_present(pte) pte_leaf(pte, level)
 *   pte_t pfn_pte(pfn, prot)     a leaf of level 1;  unsigned long pte_pfn(pte)
 *   pte_t pte_advance_pfn(pte, nr)   nr frames on
 *   pgprot_t PAGE_KERNEL, PAGE_KERNEL_RO, PAGE_KERNEL_ROX, PAGE_KERNEL_NOCACHE, PAGE_USER, pgprot_nx(prot), ...
 *   pgprot_t pgprot_writecombine(prot), pgprot_noncached(prot), ...: memory types, <arch/memtype.h>
 *   pgprot_t pgprot_supported(prot)  without the bits that this CPU lacks: before prot goes into pfn_pte()
 *
 * Context of the walkers: thread context, interrupts on (they may allocate a table page and may have to synchronise).
 * If preemption is off, or the caller holds a lock of threads, the scope's gfp must not wait. The caller owns the range
 * that it maps or unmaps; that is the lock on its leaves. Table pages are shared with neighbours and installed by
 * compare-and-exchange, so a walker takes no lock.
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

/*
 * A bit for each level: entries of it were changed, or met with the mark "not yet everywhere" (mmu_sync.h). The bit of
 * level 1 is also set by a walk that changed nothing there.
 */
typedef unsigned int pgtbl_mod_mask;
#define PGTBL_MODIFIED(level) (1u << (level))

/* A tree of tables. The kernel half of every tree mirrors the reference, kernel_pgtable. */
struct pgtable {
	pte_t *root;		/* the top table, in the direct map or the image */
	phys_addr_t root_phys;	/* what CR3 gets */
	pte_t *user_root;	/* with page-table isolation: what CR3 gets in ring 3; NULL: there is none */
	phys_addr_t user_root_phys;
	atomic_t user_changes;	/* of its user half: counted before a change and after it */
	struct list_head list;	/* on pgd_list, under pgd_lock; not for the reference */
	unsigned int id;	/* for people: 0 is the reference, processes count from 1 */
	u64 serial;		/* never used again for another tree */
	atomic_long_t flushes;	/* number of flushes of its own entries that have begun */
	atomic_long_t flushed;	/* number of these that have ended */
	atomic_long_t user_tables; /* tables of its user half, without those it has from the start (PAE) */
	DECLARE_BITMAP(cpus, MAX_CPUS); /* CPUs that have it in CR3; not kept for the reference */
};
extern struct pgtable kernel_pgtable;

/*
 * A scope: one change of kernel mappings, from begin to end (arch/mmu_sync.h). It is on the caller's stack, so it moves
 * with its thread. A walk that changes kernel tables needs one: without a scope, or with another than the thread's
 * innermost, it panics. Leaves whose tables all processes share already may be written without a scope:
 * pgtable_entries().
 */
struct mmu_update {
	vaddr_t start, end;
	pgtbl_mod_mask mask;
	gfp_t gfp;		/* for table pages. _begin sets GFP_KERNEL; a caller that may not wait changes it */
	unsigned long sync_seq;	/* number of carries that were complete when the scope was opened */
	struct mmu_update *outer; /* this thread's next outer scope; NULL: none (arch/lazy_mmu.h) */
	bool protects;		/* it changes rights: pgtable_protecting() */
	struct tlb_batch tlb;	/* executed by ..._end, after the sync */
};

/* Spans and names of levels. pt_top() is the top level of the running mode (2 to 5). */
const char *pt_level_name(unsigned int level);	       /* "PGD", "P4D", "PUD", "PMD", "PTE" */
vaddr_t pt_level_size(unsigned int level);	       /* bytes that one entry spans; 0 if that is the whole space */
bool pt_leaf_allowed(unsigned int level);	       /* may an entry of level 1 to pt_top() be a leaf on this CPU? */

/* Where table pages come from: alloc returns a zeroed frame (0: no memory). Only kernel tables are counted. */
void pgtable_set_allocator(phys_addr_t (*alloc)(gfp_t gfp), void (*free)(phys_addr_t frame));
unsigned long pgtable_kernel_pages(void);
/*
 * A kernel table that was unlinked and flushed is given to defer(), which calls pgtable_free_deferred() after an RCU
 * grace period. Without a defer() the table is freed at once.
 */
void pgtable_set_deferred_free(void (*defer)(phys_addr_t table));
void pgtable_free_deferred(phys_addr_t table);

/*
 * Map [start, end) to physical memory from phys on, with the largest leaves, up to 1 << max_shift bytes, that address,
 * frame, memtype_uniform() and CPU allow. Every entry must be empty. -ENOMEM (no table page) and -EBUSY (something is
 * mapped there) leave the part before the failure mapped: the caller unmaps the whole range.
 */
int pgtable_map(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, phys_addr_t phys,
		pgprot_t prot, unsigned int max_shift);

/*
 * The same for frames that are not contiguous: call(ctx, ptep, addr, n) gets runs of n level-1 entries, the first for
 * addr. It returns 0, or -errno, which ends the walk. create: allocate missing tables; otherwise skip what has none.
 * call runs in lazy MMU mode (arch/lazy_mmu.h): it may sleep, but must not map anything else nor allocate a table page.
 * -EINVAL if a leaf above level 1 is in the way; -ENOMEM.
 */
typedef int (*pgtable_run_fn)(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n);
int pgtable_for_each_run(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, bool create,
			 pgtable_run_fn call, void *ctx);

/*
 * Clear every leaf in [start, end). A leaf that is covered only in part is reported and stays. Tables stay. Flushes
 * nothing.
 */
void pgtable_unmap(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end);

/*
 * Change the rights, the memory type or the presence of every leaf in [start, end): clear the bits of `clear`, then set
 * those of `set`. A leaf without PROT_BIT_PRESENT is hidden: neither present nor empty. -EINVAL for a partly covered
 * leaf. What changed, to more rights or to fewer, is added to u->tlb; for a process's tree (u is NULL) it is flushed
 * before the return.
 */
int pgtable_protect(struct pgtable *pt, struct mmu_update *u, vaddr_t start, vaddr_t end, pgprot_t set, pgprot_t clear);

/*
 * Turn into tables all kernel leaves that [start, end) covers only in part, or that are larger than 1 << max_shift. In
 * place: all mappings stay, and stay the same. When the scope ends, the tables have been carried and the large leaves
 * flushed everywhere. No entry of the tables may change before that, so a lock must serialise the callers. -ENOMEM:
 * some leaves may have been split, which does no harm. (Theory: arch/x86/mm/pgtable_split.c. For the direct map and the
 * image.)
 */
int pgtable_split(struct mmu_update *u, vaddr_t start, vaddr_t end, unsigned int max_shift);

/*
 * Is a thread changing rights of the kernel's entries: has it begun, and not yet flushed everywhere? A CPU with
 * interrupts off delays the end. Any context.
 */
bool pgtable_protecting(void);

/*
 * Make room for leaves of 1 << shift bytes. Tables whose slots lie wholly inside [start, end) are unlinked (in the
 * reference, then in every copy), flushed everywhere, and then freed. The caller owns the range, which is unmapped.
 */
void pgtable_clear_tables(struct pgtable *pt, vaddr_t start, vaddr_t end, unsigned int shift);

/* The same for tables of level-1 entries that lie wholly inside [start, end). Returns how many. */
unsigned long pgtable_free_tables(struct pgtable *pt, vaddr_t start, vaddr_t end);

/* Is there a table of level-1 entries in [*addr, end)? Then *addr becomes the lowest address there that it serves. */
bool pgtable_next_table(const struct pgtable *pt, vaddr_t *addr, vaddr_t end);

/*
 * The entries of [start, end) that span 1 << shift bytes each. NULL unless they all lie in one table, which exists, is
 * below the shared level, and has come to every process. They stay in place as long as the caller owns the range. The
 * caller may write leaves there, and only leaves, without a walk and without a scope.
 */
pte_t *pgtable_entries(struct pgtable *pt, vaddr_t start, vaddr_t end, unsigned int shift);
/*
 * Write n leaves of 1 << shift bytes each, for contiguous memory from phys on, into such entries. prot as for
 * pfn_pte(); the caller checks memtype_uniform(). Stops at an entry that is not empty. Returns how many were written.
 */
unsigned long pgtable_fill(pte_t *p, unsigned long n, phys_addr_t phys, pgprot_t prot, unsigned int shift);

/* What one address translates to. */
struct pgtable_leaf {
	unsigned int level;  /* level of the entry at which the walk ended */
	pte_t pte;	     /* that entry */
	bool present;	     /* it is a present leaf: phys is valid */
	phys_addr_t phys;    /* translation of addr itself, offset included */
};
/*
 * Takes no lock. Any context, NMI too. The tree is the reference, or one that cannot go away meanwhile: the caller
 * holds its process, or it is loaded here and interrupts are off.
 */
struct pgtable_leaf pgtable_query(const struct pgtable *pt, vaddr_t addr);
/* The frame of addr in the reference tree; PGTABLE_NO_PFN if there is none. Any context. */
unsigned long kernel_pgtable_pfn(vaddr_t addr);
#define PGTABLE_NO_PFN (~0ul)

/* The entry of `level` for addr as it stands; all zero if the walk ends above it. Any context. For tests and dumps. */
pte_t pgtable_read_entry(const struct pgtable *pt, vaddr_t addr, unsigned int level);

/* Free every table of the user half (leaves are not touched: the caller has freed the pages). */
void pgtable_free_user(struct pgtable *pt);

/* One line a level for addr, " PGD[402] @0x.. = 0x.. table RW A", then " addr -> phys" or " addr is not mapped". */
void pgtable_dump_walk(const struct pgtable *pt, vaddr_t addr);
/* Ranges of equal rights with section marks, in the columns of Linux's ptdump. */
void pgtable_dump_range(const struct pgtable *pt, vaddr_t start, vaddr_t end);
/*
 * The same for programs: a word and KEY=VALUE pairs a line, as vmallocinfo_machine() (<mm/vmalloc.h>) prints them.
 *
 *	entry tree= level= index= at= value= kind= [rights=]	the walk, from the top: at is the entry's address;
 *								kind: none, carried (absent, and other trees
 *								may have it yet), table, leaf
 *	walk tree= addr= present= [phys= size=]			and its end; size: of the leaf
 *	leaves start= end= size= leaf= rights=			adjacent leaves of `leaf` bytes each, of equal rights,
 *								sorted; end is 0 at the end of the address space
 *
 * rights: RW or ro, then what applies of USR, PWT, PCD, NX, A (entries only), GLB, with commas. tree 0 is the
 * reference.
 */
void pgtable_walk_machine(const struct pgtable *pt, vaddr_t addr);
void pgtable_range_machine(const struct pgtable *pt, vaddr_t start, vaddr_t end);

/*
 * CR3. A kernel thread needs no tree of its own: it runs on the tree that is loaded, since every tree has all of the
 * kernel. Its CPU has then *borrowed* the tree: the CPU is not interrupted for flushes of the process's own entries,
 * and catches up when it goes back to the process. The tree stays in pgd_list, and so complete, until no CPU has it.
 */

/*
 * For the scheduler, interrupts off: switch to the tree of a thread that runs on `next` (NULL: a kernel thread, which
 * borrows) and whose stack pointer is next_sp. Debug builds assert that the tree maps both stacks.
 */
void pgtable_switch(struct pgtable *next, const void *next_sp);
/* The tree in this CPU's CR3, borrowed or not. */
struct pgtable *pgtable_current(void);
/* Does any CPU have it in CR3? */
bool pgtable_is_loaded(const struct pgtable *pt);
/*
 * How many flushes of the tree's own entries are complete. No flush completes while a CPU runs on the tree with
 * interrupts off. So a page-fault handler can tell by this number whether a flush has ended since the fault
 * (mm/user/fault.c).
 */
static inline unsigned long pgtable_flushed(const struct pgtable *pt)
{
	return (unsigned long)atomic_long_read(&pt->flushed);
}
/*
 * Take the tree out of every CR3. Its process has ended, so CPUs only borrow it. Waits for other CPUs, as a flush does.
 */
void pgtable_evict(struct pgtable *pt);
/* Load pt, whatever was loaded before. For CPUs that start. */
void pgtable_load(struct pgtable *pt);
