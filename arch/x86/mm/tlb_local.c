/* SPDX-License-Identifier: MIT */
/*
 * What one CPU does to its own TLB. (Intel SDM vol. 3, 4.10.4.)
 *
 *	INVLPG		one page: global, or under the PCID in CR3; all paging-structure caches of that PCID
 *	load of CR3	what is not global: under the PCID that is loaded; with PCIDs off, all of it
 *	CR4.PGE changes everything: global pages, every PCID
 *	INVPCID, type 2	the same, in one instruction
 */
#include "internal.h"

#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/cr.h>
#include <asm/invlpg.h>
#include <asm/pti.h>
#include <asm/tlb.h>
#include <kernel/percpu.h>

static bool invpcid_in_use __ro_after_init;
DEFINE_PER_CPU(struct cpu_roots, cpu_roots);

void pti_forget(void)
{
	struct cpu_roots *roots = raw_cpu_ptr(&cpu_roots);

	if (pti_on)
		roots->user_cr3 &= ~roots->keep;
}

void tlb_use_invpcid(void)
{
	invpcid_in_use = true;
}

/* Reports to the oracle stand beside the instructions: they say what was executed, not what was asked for. */
static void drop_pages(vaddr_t start, vaddr_t end)
{
	unsigned long since = tlb_oracle_now();
	vaddr_t addr = start;

	for (; addr != end; addr += PAGE_SIZE)
		invlpg(addr);
	tlb_oracle(flushed(start, addr, since));
}

void tlb_flush_loaded(void)
{
	unsigned long since = tlb_oracle_now();

	write_cr3(read_cr3());
	pti_forget();
	tlb_oracle(flushed_nonglobal(since));
}

void flush_tlb_local(void)
{
	bool flags = arch_local_irq_save();
	unsigned long cr4 = cpu_has(FEATURE_GLOBAL) ? read_cr4() : 0; /* a 486 may have no CR4 */
	unsigned long since = tlb_oracle_now();

	if (invpcid_in_use) {
		invpcid_all();
		tlb_oracle(flushed_all(since));
	} else if (cr4 & CR4_PGE) {
		write_cr4(cr4 & ~CR4_PGE);
		write_cr4(cr4);
		tlb_oracle(flushed_all(since));
	} else {
		tlb_flush_loaded();
		asid_others_stale(&this_cpu(cpu_mmu).asid);
		if (!(cr4 & CR4_PGE))
			tlb_oracle(flushed_all(since)); /* without global pages a load of CR3 drops everything */
	}
	local_irq_restore(flags);
}

/* A kernel page that is not global may be cached under other PCIDs too. */
static void page_of_every_tree(void)
{
	if (!(pte_supported & PTE_GLOBAL))
		asid_others_stale(&this_cpu(cpu_mmu).asid);
}

static void flush_ranges(const struct tlb_batch *batch)
{
	for (unsigned int i = 0; i < batch->nr; i++)
		drop_pages(batch->range[i].start, batch->range[i].end);
}

void flush_tlb_local_page(vaddr_t addr)
{
	bool flags = arch_local_irq_save();

	drop_pages(addr, addr + PAGE_SIZE);
	page_of_every_tree();
	local_irq_restore(flags);
}

void tlb_flush_kernel_here(const struct tlb_batch *batch)
{
	bool flags = arch_local_irq_save();

	if (batch->all) {
		flush_tlb_local();
	} else {
		flush_ranges(batch);
		page_of_every_tree();
	}
	local_irq_restore(flags);
}

/* A CPU that has left the tree, or only borrows it, does nothing now: it compares the numbers when it comes back. */
void tlb_flush_user_here(struct pgtable *pt, unsigned long nr, const struct tlb_batch *batch)
{
	bool flags = arch_local_irq_save();
	struct cpu_mmu *mmu = this_cpu_ptr(&cpu_mmu);
	enum asid_work work = ASID_NOTHING;

	if (mmu->loaded == pt && mmu->borrowed != pt)
		work = asid_catch_up(&mmu->asid, nr, (unsigned long)atomic_long_read(&pt->flushes));
	if (work == ASID_RANGES && !batch->all) {
		flush_ranges(batch);
		pti_forget();
	} else if (work != ASID_NOTHING) {
		tlb_flush_loaded();
	}
	local_irq_restore(flags);
}

unsigned long cr3_keep(void)
{
	return cpu_has(FEATURE_PCID) ? 1ul << (BITS_PER_LONG - 1) : 0;
}

/* PCIDs exist with 64 bits only. If the top bit is set, loading CR3 keeps what the CPU holds under the PCID. */
unsigned long cr3_value(const struct cpu_mmu *mmu, const struct pgtable *pt, bool flush)
{
	unsigned long cr3 = (unsigned long)pt->root_phys;

	if (mmu->asid.nr > 1)
		cr3 |= (mmu->asid.here + 1) | (unsigned long)!flush << (BITS_PER_LONG - 1);
	return cr3;
}

unsigned long user_cr3_value(const struct cpu_mmu *mmu, const struct pgtable *pt, bool flush)
{
	unsigned long cr3 = (unsigned long)(pt->user_root ? pt->user_root_phys : pt->root_phys);

	if (mmu->asid.nr > 1)
		cr3 |= (mmu->asid.here + 1 + ASID_SLOTS) | (unsigned long)!flush << (BITS_PER_LONG - 1);
	return cr3;
}
