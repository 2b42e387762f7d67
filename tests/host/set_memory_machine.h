/* SPDX-License-Identifier: MIT */
/*
 * A machine on which memory changes while it is in use, for the programs unit_set_memory*.c.
 *
 * Two judges look on all the time. At every schedule point each frame must be reachable in every process as it was
 * before the call or as it will be after it. And the TLB oracle is a TLB that remembers whatever a CPU may remember: a
 * verdict ends the program.
 */
#pragma once

#include "tests/host/vm_machine.h"

#include "mm/kva/map/direct_map.h"

#include <arch/mmu_sync.h>
#include <kernel/inject.h>
#include <kernel/schedule_point.h>
#include <mm/ioremap.h>

#define P      PAGE_SIZE
#define RAM    ((u64)3072 * MIB) /* leaves of 1 GiB, and highmem on 32-bit */
#define DEVICE 0xd0000000ull
#define TREES  3

static struct pgtable process[TREES];

static __maybe_unused vaddr_t direct(unsigned long pfn)
{
	return layout.direct_start + (vaddr_t)((u64)pfn << PAGE_SHIFT);
}
static __maybe_unused vaddr_t direct_of(const struct page *page) { return direct(page_to_pfn(page)); }
static __maybe_unused struct pgtable_leaf leaf_at(vaddr_t addr) { return pgtable_query(&kernel_pgtable, addr); }
static __maybe_unused bool small(vaddr_t addr) { return leaf_at(addr).level == 1; }
static __maybe_unused bool present(vaddr_t addr) { return leaf_at(addr).present; }
static __maybe_unused bool writable(vaddr_t addr) { return pte_writable(leaf_at(addr).pte); }
static __maybe_unused bool executable(vaddr_t addr) { return !(leaf_at(addr).pte.val & PTE_NX) || !PTE_NX; }
static __maybe_unused enum memtype type_of(vaddr_t addr)
{
	return pte_memtype(pte_show(leaf_at(addr).pte), leaf_at(addr).level);
}

/* --- the first judge ---------------------------------------------------------------------------------------------- */

#define WATCHED (1ul << MAX_PAGE_ORDER) /* frames: a leaf or two */
struct look {
	bool present, writable;
	enum memtype type;
};
static unsigned long watched; /* the first one; 0: nobody looks */
static struct look before[WATCHED], after[WATCHED];
static unsigned long looks;

static __maybe_unused struct look look_at(const struct pgtable *pt, unsigned long pfn)
{
	struct pgtable_leaf leaf = pgtable_query(pt, direct(pfn));
	pte_t pte = pte_show(leaf.pte);

	if (leaf.present)
		assert_int_equal(leaf.phys, (u64)pfn << PAGE_SHIFT);
	return (struct look){ leaf.present, pte_writable(pte), pte_memtype(pte, leaf.level) };
}

static __maybe_unused bool same(struct look a, struct look b)
{
	return a.present == b.present && a.writable == b.writable && a.type == b.type;
}

static __maybe_unused void watch_frame(unsigned int i)
{
	for (unsigned int t = 0; t <= TREES; t++) {
		struct look now = look_at(t ? &process[t - 1] : &kernel_pgtable, watched + i);

		looks++;
		if (!same(now, before[i]) && !same(now, after[i]))
			fail_msg("frame %lx in tree %u: present %d writable %d type %d", watched + i, t, now.present,
				 now.writable, now.type);
	}
}

/* A look comes by schedule points itself. */
static __maybe_unused void watch(void)
{
	static __thread bool watching;

	if (watching)
		return;
	watching = true;
	for (unsigned int i = 0; watched && i < WATCHED; i++)
		watch_frame(i);
	watching = false;
}

static __maybe_unused void watch_begin(unsigned long pfn)
{
	for (unsigned int i = 0; i < WATCHED; i++)
		before[i] = after[i] = look_at(&kernel_pgtable, pfn + i);
	watched = pfn;
}

/* Everything has become what was announced. */
static __maybe_unused void watch_end(void)
{
	memcpy(before, after, sizeof(before));
	watch();
	watched = 0;
}

/* --- machines ----------------------------------------------------------------------------------------------------- */

static __maybe_unused int machine(void **state)
{
	(void)state;
	vm_machine(RAM, 0xf);
	for (unsigned int i = 0; i < TREES; i++)
		assert_int_equal(pgtable_init_process(&process[i]), 0);
	schedule_point_set_visitor(watch);
	sched_hold("nobody comes here"); /* so that the points are looked at */
	return 0;
}

static __maybe_unused int end(void **state)
{
	(void)state;
	sched_release("nobody comes here");
	for (unsigned int i = 0; i < TREES; i++)
		pgtable_exit_process(&process[i]);
	return 0;
}

/* After each test. */
static __maybe_unused int quiet(void **state)
{
	struct pgd_parity parity = pgd_parity_check();

	(void)state;
	watched = 0;
	assert_int_equal(parity.differs + parity.missing, 0);
	assert_int_equal(page_alloc_check(), 0);
	assert_int_equal(pages_marked, 0);
	assert_int_equal(pages_retyped, 0);
	assert_int_equal(oracle_counters().unexpected, 0);
	return 0;
}

/* The frames of a leaf of level 2, whole, without neighbours. */
#define BLOCK_ORDER MAX_PAGE_ORDER

/* One that no test before has split, if there are large leaves. */
static __maybe_unused struct page *new_block(void)
{
	struct page *block[64], *found = NULL;
	unsigned int n = 0;

	while (!found && n < ARRAY_SIZE(block)) {
		block[n] = alloc_pages(GFP_KERNEL, BLOCK_ORDER);
		assert_non_null(block[n]);
		if (small(direct_of(block[n])))
			n++;
		else
			found = block[n];
	}
	while (n)
		__free_pages(block[--n], BLOCK_ORDER);
	assert_non_null(found);
	return found;
}

/* A page in the middle of a leaf of level 2, if that has not been split yet. */
static __maybe_unused struct page *page_in_leaf(struct page **block)
{
	*block = new_block();
	set_memory_ro(direct_of(*block), 1 << BLOCK_ORDER); /* no leaf of 1 GiB any more */
	set_memory_rw(direct_of(*block), 1 << BLOCK_ORDER);
	return *block + 77;
}

