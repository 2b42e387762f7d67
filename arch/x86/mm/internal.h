/* SPDX-License-Identifier: MIT */
/* Private to this folder. */
#pragma once

#include <arch/lazy_mmu.h>
#include <arch/mmu_sync.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include <kernel/schedule_point.h>
#include "asid.h"

/* --- geometry ------------------------------------------------------------------------------------------------- */

static inline vaddr_t pt_size(unsigned int level) { return (vaddr_t)1 << pt_level[level].shift; }
/* A constant where every table fills its page. */
static inline unsigned int pt_entries(unsigned int level)
{
	return PT_TOP_ENTRIES == PT_ENTRIES ? PT_ENTRIES : 1u << pt_level[level].bits;
}
static inline unsigned int pt_index(unsigned long level, vaddr_t addr)
{
	return (addr >> pt_level[level].shift) & (pt_entries((unsigned int)level) - 1);
}

/* Where the entry for addr ends, or `end` if that comes first. Works for the last entry of the address space too. */
static inline vaddr_t pt_entry_end(unsigned int level, vaddr_t addr, vaddr_t end)
{
	vaddr_t next = (addr + pt_size(level)) & ~(pt_size(level) - 1);

	return next - 1 < end - 1 ? next : end;
}

static inline bool pt_whole_entry(unsigned int level, vaddr_t start, vaddr_t end)
{
	return IS_ALIGNED(start, pt_size(level)) && end - start == pt_size(level);
}

/* False with `nohuge`: no leaf above level 1 anywhere. Set before the first mapping. */
extern bool pt_large_leaves;

/* The first byte that a leaf translates to. */
static inline phys_addr_t leaf_phys(pte_t pte, unsigned int level)
{
	return pte_phys(pte) & ~((phys_addr_t)pt_size(level) - 1);
}

/* The table that a link points to. */
static inline pte_t *pte_table(pte_t link) { return phys_to_virt(pte_phys(link)); }

static __always_inline bool pte_low_is_link(vaddr_t low)
{
	return likely(!((low ^ (vaddr_t)PTE_PRESENT) & (vaddr_t)(PTE_PRESENT | PTE_PSE)));
}

/*
 * Is *p, an entry above level 1, a link? If so, *table becomes the table that it leads to; if not, *other becomes the
 * entry. Cheaper than pte_read(). Where an entry is two words, only the low word of a link is read; any other entry is
 * read again as a whole, and a split may have made it a link by then. frame: where a link's address stands; LINK_FRAME,
 * or PAGE_MASK, which is cheaper, for links without NX: those of the kernel's half.
 */
#define LINK_FRAME ((vaddr_t)PTE_FRAME)
static __always_inline bool pte_follow(const pte_t *p, pte_t **table, pte_t *other, vaddr_t frame)
{
	vaddr_t low = pte_read_low(p);

	if (!pte_low_is_link(low)) {
		schedule_point("pgtable:not_a_link");
		*other = pte_complete(p, low);
		return false;
	}
	*table = phys_to_virt(low & frame);
	return true;
}

static inline bool is_kernel_addr(vaddr_t addr) { return addr >= layout.user_end; }
/* Addresses between the two halves do not exist. One of them would index the tables as if it were another address. */
static inline bool is_canonical(vaddr_t addr)
{
	return BITS_PER_LONG == 32 || addr >= layout.kernel_start || addr < layout.user_end;
}
static inline bool is_private_addr(vaddr_t addr) { return addr >= layout.private_start && addr < layout.private_end; }

/* --- user roots (user_root.c) --------------------------------------------------------------------------------- */

/* Give the tree a user root; without page-table isolation it gets none. -ENOMEM. */
int user_root_alloc(struct pgtable *pt);
void user_root_free(struct pgtable *pt);
/* Before and after a change of a user entry of pt->root. The second one copies the entry. */
void user_root_change(struct pgtable *pt);
void user_root_changed(struct pgtable *pt, unsigned int slot);
/* How many entries of the user root are not as they should be. */
unsigned int user_root_differs(const struct pgtable *pt);

/* --- the walker (pgtable.c) ------------------------------------------------------------------------------------ */

struct pt_walk {
	struct pgtable *pt;
	struct mmu_update *u;
	const struct pt_ops *ops;
	pgtbl_mod_mask mask;
};

enum pt_step { PT_SKIP, PT_DESCEND }; /* or -errno */

/*
 * entry is called at every entry above level 1, with the part [start, end) of what it spans. run is called once a
 * level-1 table, with the n entries that are wanted.
 */
struct pt_ops {
	int (*entry)(struct pt_walk *w, pte_t *p, unsigned int level, vaddr_t start, vaddr_t end);
	int (*run)(struct pt_walk *w, pte_t *p, vaddr_t addr, unsigned long n);
};

/* 0, or the error that ended the walk. */
int pt_walk_range(struct pt_walk *w, vaddr_t start, vaddr_t end);

/* --- tables (pgtable_tables.c) -------------------------------------------------------------------------------- */

/* A zeroed table page, or 0 if there is no memory. Kernel tables are counted. */
phys_addr_t table_alloc(bool kernel, gfp_t gfp);
void table_free(phys_addr_t table, bool kernel);
void table_free_below(pte_t link, unsigned int level, bool kernel);

/* The link that an entry of this level needs to point to the table. */
pte_t pt_make_link(phys_addr_t table, unsigned int level, bool user);

/* The entry of `level` for addr, or NULL if the walk ends above it. Lock-less. */
pte_t *pt_entry(const struct pgtable *pt, vaddr_t addr, unsigned int level);

/* Does the link lead to a table that maps just what the leaf maps (pgtable_split.c)? */
bool pt_is_split(pte_t leaf, unsigned int level, pte_t link);

/* --- rights (pgtable.c) --------------------------------------------------------------------------------------- */

/* A scope that changed rights has flushed: pgtable_protecting() may become false. */
void pgtable_protect_end(void);

/* --- synchronisation (pgtable_sync.c) ------------------------------------------------------------------------- */

/* The mark that a changed kernel entry of this level gets: PTE_PENDING at the shared level, nothing elsewhere. */
static inline pteval_t pt_change_mark(unsigned int level, vaddr_t addr)
{
	return level == pt_sync_level() && is_kernel_addr(addr) && !is_private_addr(addr) ? PTE_PENDING : 0;
}

extern struct list_head pgd_list;
void pgd_lock_take(void);
void pgd_lock_drop(void);

/* The next shared kernel slot at or after addr, or 0 when there is none. */
vaddr_t pt_next_shared_slot(vaddr_t addr);
/* addr: a shared slot. How many of them, from it on, lie side by side in one table. */
unsigned int pt_shared_run(vaddr_t addr);

/* --- the running thread's scopes (lazy_mmu.c) -------------------------------------------------------------------- */

void scope_open(struct mmu_update *u);
void scope_close(struct mmu_update *u);
/* Panic if the thread is in lazy MMU mode, where `what` is forbidden. Debug builds only. */
void check_not_lazy(const char *what);

/* --- one CPU's MMU (pgtable_cpu.c, tlb_local.c) ----------------------------------------------------------------- */

/* Written by its own CPU with interrupts off. Other CPUs read `borrowed` and `caught_up`. */
struct cpu_mmu {
	struct pgtable *loaded;	  /* the tree in CR3; NULL: the boot tables */
	struct pgtable *borrowed; /* the same tree while a kernel thread runs on it, else NULL */
	struct asid_cpu asid;
	unsigned long caught_up;  /* how often a process came back to a borrowed tree and had to flush first */
};
DECLARE_PER_CPU(struct cpu_mmu, cpu_mmu);

/* The CR3 value that loads pt under the PCID of slot mmu->asid.here. */
unsigned long cr3_value(const struct cpu_mmu *mmu, const struct pgtable *pt, bool flush);
/* The same for its user root, which has a PCID of its own in each slot. */
unsigned long user_cr3_value(const struct cpu_mmu *mmu, const struct pgtable *pt, bool flush);
/* Invalidate all translations of the tree in CR3 that are not global. Interrupts off. */
void tlb_flush_loaded(void);
/* This CPU's part of a flush. */
void tlb_flush_kernel_here(const struct tlb_batch *batch);
void tlb_flush_user_here(struct pgtable *pt, unsigned long nr, const struct tlb_batch *batch);
/* If this CPU has borrowed pt, load the reference tree instead. */
void pgtable_leave(struct pgtable *pt);
