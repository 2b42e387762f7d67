/* SPDX-License-Identifier: MIT */
/*
 * Flushes of a process's page, and CPUs that come and go (arch/x86/mm/pgtable_cpu.c, asid.c, tlb_local.c, user_root.c).
 * When a flush has returned, no program reads by what was cleared before it: whether its CPU ran the process, had lent
 * its tree to a kernel thread, or ran another process meanwhile.
 */
#include "tests/explore/port/port.h"

#include <arch/irq.h>
#include <arch/tlb.h>
#include <arch/x86/mm/internal.h>
#include <asm/pti.h>
#include <asm/tlb.h>

#define ADDR 0x1000000ul

static struct pgtable trees[3];
static pte_t *entry;
static unsigned int flushed;

static int give(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	(void)ctx, (void)addr, (void)n;
	entry = ptep;
	pte_store(ptep, pfn_pte(0x100, PAGE_USER));
	return 0;
}

/* CPU 0 runs the first process. */
static void machine(void)
{
	port_pgtable();
	for (unsigned int i = 0; i < 3; i++)
		port_tree(&trees[i]);
	MUST(!pgtable_for_each_run(&trees[0], NULL, ADDR, ADDR + PAGE_SIZE, true, give, NULL));
	port_cr3_watch(entry, ADDR, &trees[0]);
	tlb_init();
	pgtable_load(&trees[0]);
}
static void without_pcids(void)
{
	port_machine(2);
	machine();
}
static void with_pcids(void)
{
	port_machine(2);
	port_pcid = true;
	machine();
	this_cpu(cpu_mmu).asid.nr = 2;
}
static void isolated(void)
{
	port_machine(2);
	port_pcid = true;
	port_isolation();
	machine();
	this_cpu(cpu_mmu).asid.nr = 2;
}

/* --- who flushes -------------------------------------------------------------------------------------------- */

static void clear_and_flush(void)
{
	pte_store(entry, __pte(0));
	flush_tlb_user_range(&trees[0], ADDR, ADDR + PAGE_SIZE);
	smp_store_release(&flushed, 1);
}

/* --- whose program reads ------------------------------------------------------------------------------------ */

static void switch_to(struct pgtable *pt)
{
	bool flags = arch_local_irq_save();

	pgtable_switch(pt, NULL);
	local_irq_restore(flags);
}

static void read_it(void)
{
	bool gone = smp_load_acquire(&flushed);

	port_program(gone ? 0 : PTE_PRESENT | pfn_pte(0x100, PAGE_USER).val, "after the flush");
}
static void read_twice(void)
{
	read_it();
	read_it();
}
static void borrow_and_return(void)
{
	read_it();
	switch_to(NULL);
	switch_to(&trees[0]);
	read_it();
}
static void change_and_return(void)
{
	read_it();
	switch_to(&trees[1]);
	port_program(0, "another process");
	switch_to(&trees[0]);
	read_it();
}
/* Two slots: each process but the first gets that of one before it. */
static void change_twice(void)
{
	switch_to(&trees[1]);
	switch_to(&trees[2]);
	port_program(0, "another process");
	switch_to(&trees[0]);
	read_it();
}

XP_SCENARIO(lazy_runs) = { .name = "lazy.runs", .setup = without_pcids, .cpu = { read_it, clear_and_flush },
			   .irq = port_irq };
XP_SCENARIO(lazy_borrow) = { .name = "lazy.borrow", .setup = without_pcids,
			     .cpu = { borrow_and_return, clear_and_flush }, .irq = port_irq };
XP_SCENARIO(lazy_borrow_pcid) = { .name = "lazy.borrow_pcid", .setup = with_pcids,
				  .cpu = { borrow_and_return, clear_and_flush }, .irq = port_irq };
XP_SCENARIO(lazy_change) = { .name = "lazy.change", .setup = without_pcids,
			     .cpu = { change_and_return, clear_and_flush }, .irq = port_irq };
XP_SCENARIO(lazy_change_pcid) = { .name = "lazy.change_pcid", .setup = with_pcids,
				  .cpu = { change_and_return, clear_and_flush }, .irq = port_irq };
XP_SCENARIO(lazy_reuse) = { .name = "lazy.reuse_pcid", .setup = with_pcids, .cpu = { change_twice, clear_and_flush },
			    .irq = port_irq };
XP_SCENARIO(lazy_pti) = { .name = "lazy.runs_isolated", .setup = isolated, .cpu = { read_twice, clear_and_flush },
			  .irq = port_irq };
XP_SCENARIO(lazy_pti_borrow) = { .name = "lazy.borrow_isolated", .setup = isolated,
				 .cpu = { borrow_and_return, clear_and_flush }, .irq = port_irq };
XP_SCENARIO(lazy_pti_change) = { .name = "lazy.change_isolated", .setup = isolated,
				 .cpu = { change_and_return, clear_and_flush }, .irq = port_irq };
XP_SCENARIO(lazy_pti_reuse) = { .name = "lazy.reuse_isolated", .setup = isolated,
				.cpu = { change_twice, clear_and_flush }, .irq = port_irq };

/* Two who flush. Their requests may arrive in the wrong order (asid.c, 2). */
static void without_pcids_3(void)
{
	port_machine(3);
	machine();
}
static void flush_next_page(void) { flush_tlb_user_range(&trees[0], ADDR + PAGE_SIZE, ADDR + 2 * PAGE_SIZE); }
XP_SCENARIO(lazy_two) = { .name = "lazy.two_flush", .setup = without_pcids_3,
			  .cpu = { read_it, clear_and_flush, flush_next_page }, .irq = port_irq };
XP_SCENARIO(lazy_two_borrow) = { .name = "lazy.two_flush_borrow", .setup = without_pcids_3,
				 .cpu = { borrow_and_return, clear_and_flush, flush_next_page }, .irq = port_irq };

/* The process ends while a kernel thread has its tree. When the call has returned, its tables may be freed. */
static void borrowed(void)
{
	without_pcids();
	this_cpu(cpu_mmu).borrowed = &trees[0];
}
static void run_another(void) { switch_to(&trees[1]); }
static void end_it(void)
{
	pgtable_evict(&trees[0]);
	MUST(!port_cr3_is(0, &trees[0]));
}
XP_SCENARIO(lazy_evict) = { .name = "lazy.evict", .setup = borrowed, .cpu = { run_another, end_it }, .irq = port_irq };

/* Broken: only this CPU flushes. */
static void clear_and_flush_here(void)
{
	pte_store(entry, __pte(0));
	flush_tlb_local();
	smp_store_release(&flushed, 1);
}
XP_SCENARIO(lazy_broken) = { .name = "lazy.broken_only_here", .setup = without_pcids,
			     .cpu = { borrow_and_return, clear_and_flush_here }, .irq = port_irq,
			     .must_fail = "may read by" };

/* Broken: the other PCID of the slot, which ring 3 uses, keeps what it has. */
static void keep_user_root(void)
{
	read_it();
	if (smp_load_acquire(&flushed))
		this_cpu(cpu_roots).user_cr3 |= this_cpu(cpu_roots).keep;
	read_it();
}
XP_SCENARIO(lazy_broken_pti) = { .name = "lazy.broken_user_root_kept", .setup = isolated,
				 .cpu = { keep_user_root, clear_and_flush }, .irq = port_irq,
				 .must_fail = "may read by" };
