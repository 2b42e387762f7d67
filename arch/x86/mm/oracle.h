/* SPDX-License-Identifier: MIT */
/* Shared by the files of the TLB oracle (tlb_oracle*.c). Under the oracle's lock, unless a line says otherwise. */
#pragma once

#include "internal.h"

#include <arch/tlb_oracle.h>
#include <kernel/cpumask.h>

typedef u64 cpu_set; /* one bit a CPU; passed by value */
static_assert(MAX_CPUS <= 64, "a cpu_set has a bit for each CPU");

/* The place of one entry in an address space. */
struct oracle_slot {
	const struct pgtable *tree;
	vaddr_t va;	    /* first byte that it translates */
	unsigned int level;
};

/*
 * A stale record: a translation that some CPUs may still use, though the tables have changed. The entry of the slot had
 * the value `pte`, a leaf or (link) a pointer to the next table. A record without CPUs does not exist.
 */
struct stale {
	struct list_head live;	   /* on the list of the kernel's records, or of processes' */
	struct stale *same_va;	   /* next in the hash chain by address; or next free record */
	struct stale *same_frame;  /* next in the hash chain by frame; leaves only */
	struct oracle_slot slot;
	pte_t pte;
	bool link;
	bool split;		   /* the leaf was replaced by a table with the same translations */
	unsigned int writer;	   /* the CPU that wrote */
	vaddr_t place;		   /* the code that wrote */
	unsigned long seq;	   /* the number of that write */
	unsigned long deferred;	   /* not 0: the write number when its flush was left to vm_unmap_aliases() */
	cpu_set cpus;		   /* CPUs that may hold it */
	cpu_set excused;	   /* of these, CPUs that could not use it when it was reused */
};

static inline vaddr_t slot_last(const struct oracle_slot *slot) { return slot->va + pt_size(slot->level) - 1; }

/* Shared kernel addresses are one address space, whichever tree an entry for them stands in. */
static inline bool is_shared_addr(vaddr_t addr) { return is_kernel_addr(addr) && !is_private_addr(addr); }
static inline bool stale_is_shared(const struct stale *r) { return r->slot.tree == &kernel_pgtable; }

#define ORACLE_BUCKETS (CONFIG_TLB_ORACLE ? 4096 : 1)
static inline unsigned int oracle_bucket(u64 key, unsigned int level)
{
	return (((u32)key ^ (u32)(key >> 32)) + level * 0x5bd1u) * 0x9e3779b1u >> 20;
}

/* --- records (tlb_oracle_records.c) ------------------------------------------------------------------------------- */

typedef void (*stale_fn)(struct stale *r, void *ctx);

extern unsigned int stale_live, stale_own; /* all records, and those of processes; also read without the lock */
extern unsigned long stale_overflow;

/* Without the lock. False: no tree has a record for this page. */
bool stale_maybe_at(vaddr_t va);
/* Without the lock. False: there is no record for this frame, at any level. */
bool stale_maybe_frame(unsigned long pfn);

/* Add a copy of *r. NULL if there is no room; this is counted. */
struct stale *stale_add(const struct stale *r);
void stale_remove(struct stale *r);
/* The record of this slot with this entry in it, or NULL. */
struct stale *stale_find(const struct oracle_slot *slot, pte_t pte, bool link);
/* Call fn for every record of the tree that reaches into [start, last]. fn may remove the record; so too below. */
void stale_for_each_in(const struct pgtable *tree, vaddr_t start, vaddr_t last, stale_fn fn, void *ctx);
/* For every record of the kernel (shared), or of processes. */
void stale_for_each(bool shared, stale_fn fn, void *ctx);
/* For every record of a leaf that leads to one of the frames. */
void stale_for_each_frame(unsigned long pfn, unsigned long count, stale_fn fn, void *ctx);
unsigned long stale_pfn(const struct stale *r); /* its first frame */
void stale_reset(void);

/* --- tables (tlb_oracle_tables.c) --------------------------------------------------------------------------------- */

void oracle_table_add(const pte_t *table, const struct oracle_slot *first);
/*
 * The slot of the entry p. False: no known table has it. *copy: it is a process's copy of a kernel entry, and *slot is
 * the reference's.
 */
bool oracle_find_slot(const pte_t *p, struct oracle_slot *slot, bool *copy);
/* Forget a table; false if it was not known. *slot: its first entry. */
bool oracle_table_remove(const pte_t *table, struct oracle_slot *slot);
void oracle_tables_reset(void);

/* --- which CPU has which tree (tlb_oracle_cpus.c) ----------------------------------------------------------------- */

/* CPUs that may have cached what was in this slot until now. */
cpu_set oracle_holders(const struct oracle_slot *slot);
/*
 * CPUs of the record that it can hurt now. A process's leaf hurts CPUs that run the process; its link, CPUs with the
 * tree in CR3.
 */
cpu_set oracle_endangered(const struct stale *r);
/* CPUs that are putting the tree into CR3 now. */
cpu_set oracle_loaders(const struct pgtable *tree);
unsigned long oracle_flushes(void); /* reported so far */
/* A report in the name of another CPU: in the host's machine no other CPU runs that could make it. */
void oracle_flushed_by(unsigned int cpu, vaddr_t start, vaddr_t end, unsigned long since);
void oracle_flushed_all_by(unsigned int cpu, unsigned long since);
void oracle_cpus_reset(void);

/* --- verdicts (tlb_oracle_report.c) ------------------------------------------------------------------------------- */

/* What one event has found: gathered under the lock, told without it. */
struct finding {
	enum oracle_verdict verdict;
	unsigned int found;  /* number of records; only the first is told */
	struct stale record; /* the first record */
	cpu_set cpus;	     /* CPUs that it endangers */
	unsigned long now;   /* the number of the last write at the event */
	vaddr_t place;	     /* the code that caused the event */
};

/* Nothing is found yet. The record is not cleared: at each entry write that would cost more than to judge the write. */
void finding_begin(struct finding *f, enum oracle_verdict verdict, vaddr_t place);
/* Add record r and these CPUs. The caller takes them off the record, or removes it, so nothing is told twice. */
void finding_add(struct finding *f, const struct stale *r, cpu_set cpus);
void finding_tell(const struct finding *f);

extern bool oracle_quarantine;
void oracle_verdicts_reset(void);

/* --- tlb_oracle.c ------------------------------------------------------------------------------------------------- */

bool oracle_lock(void);
void oracle_unlock(bool flags);
/* Frames given out early; records made; and writes into unknown tables. */
extern unsigned long oracle_reissued, oracle_records;
unsigned long oracle_untracked(void);
/* Forget everything. For the host's tests. */
void oracle_reset(void);
