/* SPDX-License-Identifier: MIT */
/*
 * A TLB that holds nothing: executing a batch is an entry in the log, so that tests can ask what was flushed and when.
 * CR3 is a pointer a CPU. The oracle is told in the name of each CPU.
 */
#include <arch/mmu_sync.h>
#include <arch/x86/mm/oracle.h>
#include <asm/tlb.h>
#include <kernel/bug.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/schedule_point.h>

static struct {
	atomic_long_t ranged, full;
} counters;
static DEFINE_PER_CPU(struct pgtable *, loaded);
static DEFINE_PER_CPU(bool, borrowed);

void flush_tlb_local(void)
{
	tlb_oracle(flushed_all(tlb_oracle_now()));
}

void flush_tlb_local_page(vaddr_t addr)
{
	tlb_oracle(flushed(addr, addr + PAGE_SIZE, tlb_oracle_now()));
}

static void flush_everywhere(const struct tlb_batch *batch)
{
	unsigned long since = tlb_oracle_now();
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		if (batch->all)
			tlb_oracle(flushed_all_by(cpu, since));
		for (unsigned int i = 0; i < batch->nr; i++)
			tlb_oracle(flushed_by(cpu, batch->range[i].start, batch->range[i].end, since));
	}
}

static void execute(struct tlb_batch *batch, unsigned int tree)
{
	unsigned long gen = batch->all && !tree ? tlb_gen_begin() : 0;

	schedule_point("tlb:flush");
	atomic_long_inc(batch->all ? &counters.full : &counters.ranged);
	flush_everywhere(batch);
	if (gen)
		tlb_gen_complete(gen);
	tlb_log_batch(batch, tree);
	batch->nr = 0;
	batch->all = false;
}

void tlb_batch_flush(struct tlb_batch *batch)
{
	if (!tlb_batch_empty(batch))
		execute(batch, 0);
}

void tlb_batch_flush_user(struct pgtable *pt, struct tlb_batch *batch)
{
	if (tlb_batch_empty(batch))
		return;
	atomic_long_inc(&pt->flushes);
	execute(batch, pt->id);
	atomic_long_inc(&pt->flushed);
}

struct tlb_counters tlb_counters(void)
{
	return (struct tlb_counters){
		.ranged = (unsigned long)atomic_long_read(&counters.ranged),
		.full = (unsigned long)atomic_long_read(&counters.full),
	};
}

/* --- CR3 ---------------------------------------------------------------------------------------------------------- */

struct pgtable *pgtable_current(void)
{
	struct pgtable *pt = this_cpu_read(loaded);

	return pt ? pt : &kernel_pgtable;
}

void pgtable_load(struct pgtable *pt)
{
	tlb_oracle(loading(pt));
	clear_bit(smp_processor_id(), pgtable_current()->cpus);
	this_cpu_write(loaded, pt);
	this_cpu_write(borrowed, false);
	if (pt != &kernel_pgtable)
		set_bit(smp_processor_id(), pt->cpus);
	tlb_oracle(loaded(pt, 0, ORACLE_DROPS_ALL, tlb_oracle_now()));
}

void pgtable_switch(struct pgtable *next, const void *next_sp)
{
	(void)next_sp;
	if (next)
		pgtable_load(next);
	else
		tlb_oracle(lazy(true));
	this_cpu_write(borrowed, !next);
}

bool pgtable_is_loaded(const struct pgtable *pt)
{
	return !bitmap_empty(pt->cpus, MAX_CPUS);
}

void pgtable_evict(struct pgtable *pt)
{
	unsigned int cpu, here = smp_processor_id();

	for_each_set_bit(cpu, pt->cpus, MAX_CPUS) {
		BUG_ON(!per_cpu(borrowed, cpu));
		host_cpu = cpu;
		pgtable_load(&kernel_pgtable);
		host_cpu = here;
	}
}
