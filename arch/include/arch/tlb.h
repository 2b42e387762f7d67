/* SPDX-License-Identifier: MIT */
/*
 * Translation lookaside buffers. Invalidation is an object: a batch collects ranges and is executed once.
 *
 * A flush reaches every online CPU: the caller waits until each has done its part, so it must not hold a lock that
 * another CPU may wait for with interrupts off. While it waits it serves flushes that are asked of itself; therefore two
 * CPUs may flush at each other, and interrupts may be off. Not from NMI.
 */
#pragma once

#include <lib/compiler.h>

#define TLB_BATCH_RANGES     4
#define TLB_FLUSH_CEILING    33 /* pages one by one; beyond, everything goes (Linux: tlb_single_page_flush_ceiling) */

struct tlb_range {
	vaddr_t start, end; /* page-aligned, end exclusive, start < end */
};

struct tlb_batch {
	unsigned int nr;   /* ranges in use */
	bool all;	   /* too many or too long: flush everything, global pages too */
	struct tlb_range range[TLB_BATCH_RANGES];
};

void tlb_batch_init(struct tlb_batch *batch);
void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, vaddr_t end);
void tlb_batch_add_all(struct tlb_batch *batch);
bool tlb_batch_empty(const struct tlb_batch *batch);

/* Execute on every online CPU and empty the batch. An empty batch costs a compare. */
void tlb_batch_flush(struct tlb_batch *batch);

/* Linux's names for the common cases. Asserts start < end. */
void flush_tlb_kernel_range(vaddr_t start, vaddr_t end);
void flush_tlb_all(void);

/* This CPU only: everything, global pages and paging-structure caches included. */
void flush_tlb_local(void);
void flush_tlb_local_page(vaddr_t addr);

struct tlb_counters {
	unsigned long ranged, full; /* batches executed, by kind */
	unsigned long ipis;	    /* interrupts sent */
};
struct tlb_counters tlb_counters(void);

/* The log of executed batches (CONFIG_MM_LOGS): a ring of the last TLB_LOG_SIZE, oldest overwritten. */
#define TLB_LOG_SIZE 256
struct tlb_log_entry {
	unsigned long seq; /* 1, 2, 3, ... */
	vaddr_t start, end;
	bool all;
};
unsigned long tlb_log_seq(void);
bool tlb_log_read(unsigned long seq, struct tlb_log_entry *out); /* false: overwritten or not yet written */

/* Was [start, end) flushed on every CPU by a batch later than `since`? What a test asks. */
bool tlb_log_covers(unsigned long since, vaddr_t start, vaddr_t end);
