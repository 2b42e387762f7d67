/* SPDX-License-Identifier: MIT */
/*
 * Kernel page tables and a list that says what should be in them, changed together. The model knows leaves and tables
 * as plain records and finds them by looking at all of them. After each operation the whole tree is read by recursion
 * and must hold exactly what the model holds: each leaf with its level, frame and rights, and each table page.
 */
#pragma once

#include "tests/host/port/host.h"
#include "tests/host/port/pgtable.h"

#include <arch/mmu_sync.h>

#define MAX_LEAVES 2400
#define MAX_TABLES 300

/* The window under test: part of vmalloc space, across the border of a top-level entry where it is that large. */
extern vaddr_t window, window_end;
extern unsigned int nr_leaves, nr_tables; /* of the model */
extern struct mmu_update update;	  /* of the operation that is going on */
extern unsigned long tables_before;	  /* pgtable_kernel_pages() when the model was empty */

static inline vaddr_t size_of(unsigned int level) { return 1ul << pt_level[level].shift; }
static inline vaddr_t base_of(unsigned int level, vaddr_t addr) { return addr & ~(size_of(level) - 1); }

/* A fresh machine and an empty model. */
void model_restart(void);

/* Is nothing mapped in it? How many leaves would a mapping take (small ones by the thousand would only be slow)? */
bool model_is_free(vaddr_t start, vaddr_t end);
unsigned int model_count(vaddr_t start, vaddr_t end, u64 phys, unsigned int max_shift);

/*
 * Both at once, compared afterwards. do_map and do_clear_tables: into free ranges only. do_unmap leaves large leaves
 * that are partly covered; do_protect expects -EINVAL at the first of them.
 */
void do_map(vaddr_t start, vaddr_t stop, u64 phys, pgprot_t prot, unsigned int max_shift);
/* The same in small pages, whose frames lie `step` bytes apart. */
void do_map_pages(vaddr_t start, vaddr_t stop, u64 phys, u64 step, pgprot_t prot);
/*
 * Mapping, while the nth table page that is wanted is refused. Then the range is unmapped, and the tables before it
 * stay.
 */
void do_map_failing(vaddr_t start, vaddr_t stop, u64 phys, unsigned int max_shift, unsigned int nth);
void do_unmap(vaddr_t start, vaddr_t stop);
void do_protect(vaddr_t start, vaddr_t stop, pgprot_t set, pgprot_t clear);
void do_clear_tables(vaddr_t start, vaddr_t stop, unsigned int shift);

/* Open the scope `update` for an operation that changes nothing in the model; close it and compare. */
void model_begin(vaddr_t start, vaddr_t end);
void model_end(void);
