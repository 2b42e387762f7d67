/* SPDX-License-Identifier: MIT */
/*
 * TLB invalidation, on this CPU and on all of them.
 *
 * 1. Work is an object. Whoever unmaps puts ranges into a tlb_batch; executing it once costs one interrupt a CPU however
 *    many ranges it has. A few short ranges go page by page with INVLPG; more than that, and everything goes, because
 *    walking a long range costs more than refilling a TLB.
 *
 * 2. Everything means everything: global pages too, which a CR3 load keeps. CR4.PGE is switched off and on; without PGE a
 *    CR3 load does it (Intel SDM vol. 3, 4.10.4). Either also drops the paging-structure caches.
 *
 * 3. The shootdown. One request is in flight at a time, under flush_lock:
 *
 *	initiator			every other online CPU
 *	request = batch
 *	pending = online - self
 *	IPI  ------------------------>	handler: execute request, leave `pending`
 *	execute request here
 *	wait until pending is empty
 *
 *    A CPU that waits for flush_lock serves requests meanwhile, so two that flush at each other, even with interrupts
 *    off, do not wait for ever. Nobody may wait with interrupts off for anything else that a flusher can hold.
 *
 * 4. A CPU that comes online enters cpu_online_mask first and flushes itself afterwards: what it cached before it could
 *    be asked is gone.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/cr.h>
#include <asm/tlb.h>
#include <kernel/cpumask.h>
#include <kernel/schedule_point.h>
#include <kernel/spinlock.h>

static DEFINE_SPINLOCK(flush_lock, 66);
static struct tlb_batch request;
static cpumask_t pending;
static struct tlb_counters counters;

/* --- this CPU --------------------------------------------------------------------------------------------------- */

void flush_tlb_local(void)
{
	bool flags = local_irq_save();
	unsigned long cr4 = cpu_has(FEATURE_GLOBAL) ? read_cr4() : 0; /* a 486 may have none */

	if (cr4 & CR4_PGE) {
		write_cr4(cr4 & ~CR4_PGE);
		write_cr4(cr4);
	} else {
		write_cr3(read_cr3());
	}
	local_irq_restore(flags);
}

void flush_tlb_local_page(vaddr_t addr)
{
	invlpg(addr);
}

static void flush_batch_local(const struct tlb_batch *batch)
{
	if (batch->all) {
		flush_tlb_local();
		return;
	}
	for (unsigned int i = 0; i < batch->nr; i++)
		for (vaddr_t addr = batch->range[i].start; addr != batch->range[i].end; addr += PAGE_SIZE)
			flush_tlb_local_page(addr);
}

/* --- all CPUs --------------------------------------------------------------------------------------------------- */

/*
 * Do this CPU's part of the request in flight, if there is one and it has not been done. Not to be interrupted by itself:
 * the interrupt would answer, the next request would begin, and this call would answer that one with the old ranges.
 */
static void serve_request(void)
{
	unsigned int me = smp_processor_id();
	bool flags = local_irq_save();

	if (cpumask_test(&pending, me)) {
		smp_rmb();
		flush_batch_local(&request);
		cpumask_clear(&pending, me);
	}
	local_irq_restore(flags);
}

static void tlb_ipi(struct trap_frame *frame)
{
	(void)frame;
	serve_request();
}

void tlb_init(void)
{
	arch_set_ipi_handler(IPI_TLB, tlb_ipi);
}

static void ask_others(const struct tlb_batch *batch)
{
	unsigned int cpu, me = smp_processor_id();

	request = *batch;
	smp_wmb();
	for_each_online_cpu(cpu) {
		if (cpu == me)
			continue;
		cpumask_set(&pending, cpu);
		arch_send_ipi(cpu, IPI_TLB);
		counters.ipis++;
	}
}

static bool others_are_done(void)
{
	return cpumask_weight(&pending) == 0;
}

void tlb_batch_flush(struct tlb_batch *batch)
{
	if (tlb_batch_empty(batch))
		return;
	BUG_ON(in_interrupt());
	schedule_point("tlb:flush");
	while (!spin_trylock(&flush_lock)) {
		serve_request();
		cpu_relax();
	}
	ask_others(batch);
	flush_batch_local(batch);
	while (!others_are_done())
		cpu_relax();
	if (batch->all)
		counters.full++;
	else
		counters.ranged++;
	tlb_log_batch(batch);
	spin_unlock(&flush_lock);
	tlb_batch_init(batch);
}

void flush_tlb_kernel_range(vaddr_t start, vaddr_t end)
{
	struct tlb_batch batch;

	tlb_batch_init(&batch);
	tlb_batch_add(&batch, start, end);
	tlb_batch_flush(&batch);
}

void flush_tlb_all(void)
{
	struct tlb_batch batch;

	tlb_batch_init(&batch);
	tlb_batch_add_all(&batch);
	tlb_batch_flush(&batch);
}

struct tlb_counters tlb_counters(void)
{
	return counters;
}
