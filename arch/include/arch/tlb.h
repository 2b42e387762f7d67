/* SPDX-License-Identifier: MIT */
/*
 * Translation lookaside buffers. Invalidation is an object: a batch collects ranges and is executed once.
 *
 * A flush of kernel ranges reaches every online CPU; one of a process's ranges reaches the CPUs that run on its tables.
 * The caller waits until each has done its part. Meanwhile it must hold nothing that another CPU awaits with interrupts
 * off. It may hold locks that are taken with interrupts on. It may have interrupts off if it holds no lock, because it
 * serves flush requests of other CPUs while it waits. Not in handlers.
 */
#pragma once

#include <arch/barrier.h>
#include <lib/atomic.h>
#include <lib/compiler.h>

#define TLB_BATCH_RANGES     4
#define TLB_FLUSH_CEILING    33 /* most pages to flush one by one (Linux: tlb_single_page_flush_ceiling) */

struct pgtable;

/* The reason for a flush. The counters are kept for each. */
enum tlb_cause {
	TLB_UNMAP,   /* kernel entries were cleared */
	TLB_PROTECT, /* rights changed, for more or for less */
	TLB_ALIASES, /* vm_unmap_aliases and the vmap blocks */
	TLB_TABLES,  /* table pages are about to be freed */
	TLB_USER,    /* a process's entries */
	NR_TLB_CAUSES
};

struct tlb_range {
	vaddr_t start, end; /* page-aligned, end exclusive, start < end */
};

struct tlb_batch {
	unsigned int nr;   /* ranges in use */
	bool all;	   /* flush everything, not the ranges (of the kernel: global pages too) */
	enum tlb_cause cause;
	struct tlb_range range[TLB_BATCH_RANGES];
};

/* Empty, cause TLB_UNMAP. */
void tlb_batch_init(struct tlb_batch *batch);
void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, vaddr_t end);
void tlb_batch_add_all(struct tlb_batch *batch);
bool tlb_batch_empty(const struct tlb_batch *batch);

/*
 * Execute a batch of kernel ranges on every online CPU, then empty it. At most one interrupt a CPU; an empty batch
 * sends none.
 */
void tlb_batch_flush(struct tlb_batch *batch);

/*
 * Execute a batch of ranges of the process's user half and private slots (`all`: all of them) on the CPUs that run on
 * its tables, then empty it. A CPU that only borrows the tables is not interrupted: it catches up before it runs the
 * process again. Tables must not be freed on this alone (pgtable_evict).
 */
void tlb_batch_flush_user(struct pgtable *pt, struct tlb_batch *batch);

/* Linux's names for the common cases. They assert start < end. */
void flush_tlb_kernel_range(vaddr_t start, vaddr_t end);
void flush_tlb_user_range(struct pgtable *pt, vaddr_t start, vaddr_t end);
void flush_tlb_user(struct pgtable *pt);
void flush_tlb_all(void);

/* This CPU only: everything, global pages, every PCID and paging-structure caches included. */
void flush_tlb_local(void);
/* This CPU only: one page of the kernel. */
void flush_tlb_local_page(vaddr_t addr);

/*
 * Generations. A flush of everything on every CPU gets a number when it begins, and is recorded when the last CPU has
 * answered. Code that unmaps without flushing takes a stamp afterwards. Once any such flush covers the stamp, no CPU
 * remembers what was unmapped before it. A flush of ranges covers no stamp. Any context.
 */
typedef struct {
	unsigned long gen;
} tlb_stamp_t;
extern struct tlb_gens { /* see tlb_gen.c; a cache line of its own: few write it, all read it */
	atomic_long_t begun, completed;
} __aligned(64) tlb_gens;
static inline unsigned long tlb_gen_begun(void) { return (unsigned long)atomic_long_read(&tlb_gens.begun); }
static inline unsigned long tlb_gen_completed(void) { return (unsigned long)atomic_long_read(&tlb_gens.completed); }

/* A stamp, for a caller that has executed a full barrier since its last store to page tables. */
static inline tlb_stamp_t tlb_stamp_ordered(void) { return (tlb_stamp_t){ tlb_gen_begun() }; }

/* A stamp. Orders the caller's earlier stores to page tables before it. */
static inline tlb_stamp_t tlb_stamp(void)
{
	smp_mb();
	return tlb_stamp_ordered();
}

/* Is a later than b? Compared by their distance, so that numbers may wrap. */
static inline bool tlb_gen_later(unsigned long a, unsigned long b) { return (long)(b - a) < 0; }

static inline bool tlb_stamp_covered(tlb_stamp_t stamp)
{
	bool covered = tlb_gen_later(tlb_gen_completed(), stamp.gen);

	smp_rmb();
	return covered;
}

void tlb_stamp_raise(atomic_long_t *to, tlb_stamp_t stamp); /* *to becomes the later of the two; many may write it */

struct tlb_counters {
	unsigned long ranged, full; /* batches executed, by kind */
	unsigned long ipis;	    /* interrupts sent for them, and for pgtable_evict() */
	unsigned long spared;	    /* CPUs that a user flush left alone because they only borrowed the tables */
	unsigned long caught_up;    /* times that such a CPU flushed when it came back to the process */
	struct {
		unsigned long ranged, full, ipis;
	} cause[NR_TLB_CAUSES];
};
struct tlb_counters tlb_counters(void);
const char *tlb_cause_name(enum tlb_cause cause);

/* The log of executed batches (CONFIG_MM_LOGS): a ring of the last TLB_LOG_SIZE, oldest overwritten. */
#define TLB_LOG_SIZE 256
struct tlb_log_entry {
	unsigned long seq; /* 1, 2, 3, ... */
	vaddr_t start, end;
	bool all;
	enum tlb_cause cause;
	unsigned int tree; /* 0: kernel ranges on every CPU; else the id of the process's tables */
};
unsigned long tlb_log_seq(void);
bool tlb_log_read(unsigned long seq, struct tlb_log_entry *out); /* false: overwritten or not yet written */

/* Was [start, end) of the kernel flushed on every CPU by a batch later than `since`? For tests. */
bool tlb_log_covers(unsigned long since, vaddr_t start, vaddr_t end);
