/* SPDX-License-Identifier: MIT */
/*
 * The TLB oracle: what may every CPU's TLB still hold, and does the kernel act too early? (Theory:
 * arch/x86/mm/tlb_oracle.c. On with CONFIG_TLB_ORACLE; otherwise nothing of it is in the code.)
 *
 * It is told of each entry write, each invalidation that a CPU really executes, and each CR3 load. It judges when an
 * address is mapped anew or to another frame; a part of a split leaf changes; a range of addresses or a table page is
 * given back; a frame is given out; vm_unmap_aliases() returns; a process's lock is dropped; a CPU loads a tree, or
 * goes back to a process. A verdict is printed (who unmapped, and who acted too early), counted, and fails the running
 * test.
 *
 * Context: any but NMI. Nothing here waits, allocates, or takes a lock but its own.
 */
#pragma once

#include <asm/ptfmt.h>
#include <kernel/config.h>
#include <lib/compiler.h>

struct pgtable;

/* How the code reports: tlb_oracle(flushed_all(since)) calls oracle_flushed_all(since), or is nothing. */
#define tlb_oracle(event) do { if (CONFIG_TLB_ORACLE) oracle_##event; } while (0)

/* The number of the last entry write. Read it before an invalidation, and before vm_unmap_aliases() begins. */
unsigned long oracle_now(void);
static inline unsigned long tlb_oracle_now(void) { return CONFIG_TLB_ORACLE ? oracle_now() : 0; }

/* --- what mm reports ---------------------------------------------------------------------------------------------- */

/* An entry that is or was present has been written. The functions of <arch/pte_write.h> call it. */
void oracle_wrote(const pte_t *p, pte_t old, pte_t now);
/* [start, end) of kernel space is unmapped and becomes free for others. */
void oracle_given_back(vaddr_t start, vaddr_t end);
/* [start, end) now counts as unmapped; flushing it is left to vm_unmap_aliases(). */
void oracle_deferred(vaddr_t start, vaddr_t end);
/* vm_unmap_aliases() returns; since: tlb_oracle_now() at its start. */
void oracle_aliases_closed(unsigned long since);
/* `count` frames from pfn on leave the page allocator. */
void oracle_frames_given(unsigned long pfn, unsigned long count);

/* The lock on a process's user half is about to be dropped; all that was changed under it must have been flushed. */
void oracle_settled(const struct pgtable *pt);

/* --- what arch reports -------------------------------------------------------------------------------------------- */

/* A process's or the reference's root. Before its first entry is written. */
void oracle_tree_new(struct pgtable *pt);
/* The tree is gone for good. */
void oracle_tree_gone(struct pgtable *pt);
/* A table of `level` for addresses from base on. Before it is linked. */
void oracle_table_new(struct pgtable *pt, phys_addr_t table, vaddr_t base, unsigned int level);
/* A table is given up, linked or not. */
void oracle_table_freed(phys_addr_t table);

/*
 * This CPU has executed an invalidation. Reported beside the instruction; since: tlb_oracle_now() from before it. The
 * first dropped the pages of [start, end), of the loaded tree or global.
 */
void oracle_flushed(vaddr_t start, vaddr_t end, unsigned long since);
/* Everything was dropped. */
void oracle_flushed_all(unsigned long since);
/* All of the loaded tree that is not global was dropped: as by a CR3 load while CR4.PGE is set. */
void oracle_flushed_nonglobal(unsigned long since);
/* All of one tree was dropped. */
void oracle_flushed_tree(const struct pgtable *pt, unsigned long since);

/*
 * A CR3 load: `loading` before the CPU's bit is set in the tree, `loaded` after the instruction; since: the number from
 * just before it. asid: the slot of its PCID, below ORACLE_ASIDS; 0 without PCIDs. drops: what of the translations that
 * are not global the load drops.
 */
#define ORACLE_ASIDS 8
enum oracle_load { ORACLE_DROPS_ALL, ORACLE_DROPS_ASID, ORACLE_DROPS_NONE };
void oracle_loading(const struct pgtable *pt);
void oracle_loaded(const struct pgtable *pt, unsigned int asid, enum oracle_load drops, unsigned long since);
/*
 * true: this CPU borrows the tree in CR3 and will not use its user half. false: it is about to run the process again.
 */
void oracle_lazy(bool lazy);

/* --- for boot, tests and people ----------------------------------------------------------------------------------- */

enum oracle_verdict {
	ORACLE_REUSED,	   /* an address was mapped anew while a CPU may translate it the old way */
	ORACLE_GIVEN_BACK, /* a range of addresses was given back while a CPU may translate it */
	ORACLE_TABLE,	   /* a table page was freed while a CPU may walk through it */
	ORACLE_ALIAS,	   /* vm_unmap_aliases() returned while a CPU may translate what was unmapped before the call */
	ORACLE_FRAME,	   /* a frame was given out while a CPU may reach it: a process's; with quarantine, any */
	ORACLE_MOVED,	   /* a present entry leads to another, writable frame while a CPU may see the old one */
	ORACLE_UNSETTLED,  /* a process's lock was dropped while a CPU still has a right that was taken away */
	ORACLE_LAZY,	   /* a CPU went back to a process with a translation that was reused meanwhile */
	ORACLE_ASID,	   /* a CPU uses a PCID for another process than before, unflushed */
	ORACLE_SPLIT,	   /* a part of a large leaf changed while a CPU may still have the whole leaf */
	NR_ORACLE_VERDICTS
};
const char *oracle_verdict_name(enum oracle_verdict verdict); /* "range-reused", ...: the word in the report */

struct oracle_counters {
	unsigned long records;	  /* stale translations noted */
	unsigned long flushes;	  /* reports of invalidations, by any CPU */
	unsigned long reissued;	  /* kernel frames given out while a CPU may reach them: legal without quarantine */
	unsigned long overflow;	  /* translations for which there was no room: no verdict about them */
	unsigned long untracked;  /* writes into tables that it does not know */
	unsigned int live;	  /* records now */
	unsigned long unexpected; /* verdicts */
	unsigned long expected[NR_ORACLE_VERDICTS]; /* verdicts that a test expected */
};
struct oracle_counters oracle_counters(void);

/* Read oracle=on|off|strict from the command line (strict: a verdict is a panic). Boot. */
void oracle_init(void);
/* off: forget all records and judge nothing. Tables are still tracked, so that it can be switched on again. */
void oracle_enable(bool on);
bool oracle_is_on(void);
static inline bool tlb_oracle_on(void) { return CONFIG_TLB_ORACLE && oracle_is_on(); }
/* true: verdicts count as expected, and are printed as one short line. For tests. */
void oracle_expect(bool expected);
/*
 * Is giving out a kernel frame too early a verdict (true), or only counted (false)? mm sets it with its own quarantine.
 */
void oracle_set_quarantine(bool on);
/* Counters, and the oldest records. */
void oracle_report(void);
