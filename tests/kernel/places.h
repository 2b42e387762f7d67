/* SPDX-License-Identifier: MIT */
/* Finding the places where the historic bugs live: fresh top entries, RAM that the kernel does not use. */
#pragma once

#include <arch/mmu_sync.h>
#include <mm/vmalloc.h>

/* Bytes that one entry of the synchronised level spans. */
vaddr_t slot_size(void);

/*
 * The first slot of vmalloc space whose reference entry is empty and in which nothing is allocated; 0 if there is none.
 */
vaddr_t fresh_slot(void);
bool slot_is_fresh(vaddr_t slot);
#define NO_FRESH_SLOT "every top entry of vmalloc space has been used by earlier tests of this boot"

/* Two fresh slots side by side: the border between them, or 0. */
vaddr_t fresh_border(void);

/* An area of `size` bytes with pages, at the start of a fresh slot. NULL: no slot or no memory. Ends with vfree(). */
void *vmalloc_in_fresh_slot(unsigned long size);

/*
 * Address space of `size` bytes aligned to `align` inside vmalloc space; unmapped. NULL = none. Ends with
 * free_vm_area().
 */
struct vm_struct *area_at(vaddr_t start, vaddr_t end, unsigned long size, unsigned long flags);

/* RAM that exists but was left out with mem=: `size` bytes aligned to `align`; 0 = none. */
u64 left_out_ram(u64 size, u64 align);
#define NO_LEFT_OUT_RAM \
	"needs RAM that mem= leaves out: make run MEM=20G CMDLINE=mem=512M (32-bit: MEM=512M CMDLINE=mem=256M)"

/* A bitmap-like digest of the synchronised level of vmalloc space: how many entries differ between two snapshots. */
struct slot_snapshot {
	unsigned int nr;
	pte_t *entry;
};
bool slots_snapshot(struct slot_snapshot *s);
unsigned int slots_changed(const struct slot_snapshot *s); /* since; frees the snapshot */

/* EXPECTs that all trees agree, and that nothing waits to be carried. After every test, too. */
void expect_parity(void);

/* A naturally aligned piece of address space and of memory, each as large as a level-2 leaf can be. */
#define BLOCK_SIZE (PAGE_SIZE << MAX_PAGE_ORDER)

struct piece {
	struct vm_struct *area;
	vaddr_t addr;
	struct page *block;
};
bool piece_get(struct piece *p); /* EXPECTs success; piece_put() in any case */
void piece_put(struct piece *p);

/*
 * Map bytes [from, to) of the block at the same offset from addr, with leaves up to 1 << max_shift; unmap them,
 * flushed.
 */
int piece_map(const struct piece *p, vaddr_t from, vaddr_t to, unsigned int max_shift);
void piece_unmap(const struct piece *p, vaddr_t from, vaddr_t to);

/* The level at which the walk of an address ends. */
unsigned int level_at(vaddr_t addr);
