/* SPDX-License-Identifier: MIT */
/* A host machine with processes, changes of its kernel mappings, and the judge who says whether everybody has them. */
#pragma once

#include "tests/host/port/host.h"
#include "tests/host/port/pgtable.h"

#include <arch/mmu_sync.h>

#define NR_PROCESSES 5
#define SLOTS	     12 /* of the shared level, from the start of vmalloc space on */

extern struct pgtable process[NR_PROCESSES]; /* three of them to begin with */
extern bool alive[NR_PROCESSES];
extern vaddr_t slot_size; /* what an entry of the shared level spans */

static inline vaddr_t slot(unsigned int i) { return ALIGN(layout.vmalloc_start, slot_size) + i * slot_size; }

/* The entry of the shared level for addr, as it stands in a tree. */
static inline pteval_t shared_entry(const struct pgtable *pt, vaddr_t addr)
{
	return pgtable_read_entry(pt, addr, pt_sync_level()).val;
}

/* Every shared slot of the kernel's half is equal in all trees and without a mark; nobody's private slot is shared. */
void assert_parity(void);

/* Map with leaves up to 1 << max_shift, unmapping on failure, and unmap: each in a scope of its own, flushed. */
int map(vaddr_t start, vaddr_t end, phys_addr_t phys, unsigned int max_shift);
void unmap(vaddr_t start, vaddr_t end);
/* One page at physical 0x5000. */
void map_page(vaddr_t addr);

void create(unsigned int i);
void destroy(unsigned int i);

/* Around each test: a fresh machine of five CPUs and three processes; at the end parity, and all processes go. */
int setup(void **state);
int teardown(void **state);
