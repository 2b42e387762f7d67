/* SPDX-License-Identifier: MIT */
/*
 * Translation lookaside buffers. Invalidation is an object: a batch collects ranges and is executed once.
 *
 * A flush of kernel ranges reaches every online CPU; one of a process's ranges reaches the CPUs that run on its tables.
 * The caller waits until each has done its part, and what it may hold meanwhile has one rule: nothing that another CPU
 * waits for with interrupts off. Locks that are taken with interrupts on are allowed, and so are interrupts off without a
 * lock, because whoever flushes serves the flushes that are asked of itself while it waits. Not in handlers.
 */
#pragma once

#include <arch/barrier.h>
#include <lib/atomic.h>
#include <lib/compiler.h>

#define TLB_BATCH_RANGES     4
#define TLB_FLUSH_CEILING    33 /* pages one by one; beyond, everything goes (Linux: tlb_single_page_flush_ceiling) */

struct pgtable;

/* Why somebody flushes: what the counters are kept by. */
enum tlb_cause {
	TLB_UNMAP,   /* kernel entries went away */
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
	bool all;	   /* too many or too long: flush everything, global pages too */
	enum tlb_cause cause;
	struct tlb_range range[TLB_BATCH_RANGES];
};

/* Empty, cause TLB_UNMAP. */
void tlb_batch_init(struct tlb_batch *batch);
void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, vaddr_t end);
void tlb_batch_add_all(struct tlb_batch *batch);
bool tlb_batch_empty(const struct tlb_batch *batch);

/* Execute on every online CPU and empty the batch. An empty batch costs a compare. Kernel ranges, one interrupt a CPU. */
void tlb_batch_flush(struct tlb_batch *batch);

/*
 * Execute on the CPUs that run on this process's tables, and empty the batch: ranges of its user half and of its private
 * slots; `all` means all of them. A CPU that merely borrows the tables is not interrupted: it catches up before it runs
 * the process again. The tables themselves stay (else: pgtable_evict).
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
 * Generations. Flushes of everything on every CPU are numbered when they begin, and recorded when the last CPU has
 * answered. Who unmaps without flushing takes a stamp afterwards; once it is covered, by whosever flush, no CPU remembers
 * what was unmapped before the stamp was taken. A flush of ranges covers no stamp. Any context.
 */
typedef struct {
	unsigned long gen;
} tlb_stamp_t;
extern struct tlb_gens { /* see tlb_gen.c; in a line of its own, since few write there and all read */
	atomic_long_t begun, completed;
} __aligned(64) tlb_gens;
static inline unsigned long tlb_gen_begun(void) { return (unsigned long)atomic_long_read(&tlb_gens.begun); }
static inline unsigned long tlb_gen_completed(void) { return (unsigned long)atomic_long_read(&tlb_gens.completed); }

/* The stamp of whoever has had a full barrier since his last store to page tables. */
static inline tlb_stamp_t tlb_stamp_ordered(void) { return (tlb_stamp_t){ tlb_gen_begun() }; }

/* The stamp; orders the caller's earlier stores to page tables before it. */
static inline tlb_stamp_t tlb_stamp(void)
{
	smp_mb();
	return tlb_stamp_ordered();
}

/* Numbers are compared by their distance, so that it does not matter when they wrap. */
static inline bool tlb_gen_later(unsigned long a, unsigned long b) { return (long)(b - a) < 0; }

static inline bool tlb_stamp_covered(tlb_stamp_t stamp)
{
	bool covered = tlb_gen_later(tlb_gen_completed(), stamp.gen);

	smp_rmb();
	return covered;
}

void tlb_stamp_raise(atomic_long_t *to, tlb_stamp_t stamp); /* *to, a stamp that many keep together, becomes the later one */

struct tlb_counters {
	unsigned long ranged, full; /* batches executed, by kind */
	unsigned long ipis;	    /* interrupts sent for them */
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

/* Was [start, end) of the kernel flushed on every CPU by a batch later than `since`? What a test asks. */
bool tlb_log_covers(unsigned long since, vaddr_t start, vaddr_t end);
