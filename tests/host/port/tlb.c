/* SPDX-License-Identifier: MIT */
/* A TLB that holds nothing: executing a batch is an entry in the log, so that tests can ask what was flushed. */
#include <arch/mmu_sync.h>
#include <asm/tlb.h>
#include <kernel/bug.h>
#include <kernel/schedule_point.h>
#include <kernel/spinlock.h>

static struct tlb_counters counters;
static DEFINE_SPINLOCK(flush_lock, 66);

void tlb_batch_flush(struct tlb_batch *batch)
{
	if (tlb_batch_empty(batch))
		return;
	schedule_point("tlb:flush");
	spin_lock(&flush_lock);
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

void flush_tlb_local(void) { }
void flush_tlb_local_page(vaddr_t addr) { (void)addr; }
struct tlb_counters tlb_counters(void) { return counters; }
