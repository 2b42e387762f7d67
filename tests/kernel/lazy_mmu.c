/* SPDX-License-Identifier: MIT */
/* What lazy MMU mode is for: however many pages change their rights, the CPUs are interrupted once. */
#include "worker.h"

#include <arch/context.h>
#include <arch/lazy_mmu.h>
#include <mm/vmalloc.h>

#define LAZY_PAGES 1024

struct change {
	char *at;
	unsigned int written; /* of LAZY_PAGES pages, one byte each */
};

static void try_to_write(void *arg)
{
	struct change *a = arg;

	a->written = 0;
	for (unsigned int i = 0; i < LAZY_PAGES; i++)
		a->written += probe_write(a->at + i * PAGE_SIZE) == PROBE_OK;
}

static unsigned long flushes_now(void)
{
	struct tlb_counters c = tlb_counters();

	return c.ranged + c.full;
}

static void change_by_set_memory(struct worker *other, struct change *a)
{
	unsigned long before = flushes_now();

	EXPECT_EQ(set_memory_ro((vaddr_t)a->at, LAZY_PAGES), 0);
	EXPECT_EQ(flushes_now() - before, 1);
	worker_call(other, try_to_write, a);
	EXPECT_EQ(a->written, 0);
	EXPECT_EQ(set_memory_rw((vaddr_t)a->at, LAZY_PAGES), 0);
	EXPECT_EQ(flushes_now() - before, 2);
	worker_call(other, try_to_write, a);
	EXPECT_EQ(a->written, LAZY_PAGES);
}

/* Entry by entry; returns the flushes that it took. */
static unsigned long change_by_hand(vaddr_t at, pgprot_t prot, bool lazy)
{
	unsigned long before = flushes_now();

	if (lazy)
		lazy_mmu_enter(&kernel_pgtable);
	for (unsigned int i = 0; i < LAZY_PAGES; i++, at += PAGE_SIZE) {
		pte_t *ptep = pgtable_entries(&kernel_pgtable, at, at + PAGE_SIZE, PAGE_SHIFT);

		pgtable_set_ptes(&kernel_pgtable, at, ptep, pfn_pte(pte_pfn(pte_peek(ptep)), pgprot_supported(prot)),
				 1);
	}
	if (lazy)
		lazy_mmu_leave(&kernel_pgtable);
	return flushes_now() - before;
}

KTEST(lazy_mmu, one_flush_for_many_pages)
{
	struct change a = { .at = vmalloc(LAZY_PAGES * PAGE_SIZE) };
	unsigned long without, with;
	struct worker other;

	ASSERT(a.at);
	ASSERT(worker_start(&other, another_cpu(), true));
	worker_call(&other, try_to_write, &a); /* now its TLB has them */
	EXPECT_EQ(a.written, LAZY_PAGES);
	/* leaves of the direct map are split once, and that has a flush of its own */
	EXPECT_EQ(set_memory_4k((vaddr_t)a.at, LAZY_PAGES), 0);
	change_by_set_memory(&other, &a);
	without = change_by_hand((vaddr_t)a.at, PAGE_KERNEL_RO, false);
	with = change_by_hand((vaddr_t)a.at, PAGE_KERNEL, true);
	EXPECT_EQ(without, LAZY_PAGES);
	EXPECT_EQ(with, 1);
	worker_call(&other, try_to_write, &a);
	EXPECT_EQ(a.written, LAZY_PAGES);
	ktest_note("rights of %u pages: %lu flushes without the mode, %lu with it", LAZY_PAGES, without, with);
	worker_stop(&other);
	vfree(a.at);
}
