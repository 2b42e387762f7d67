/* SPDX-License-Identifier: MIT */
/* Batches of ranges, flushes under Linux's names, the log of executed flushes. No hardware: host tests use it too. */
#include "internal.h"

#include <asm/tlb.h>
#include <kernel/config.h>
#include <kernel/spinlock.h>
#include <kernel/trace.h>

void tlb_batch_init(struct tlb_batch *batch)
{
	batch->nr = 0;
	batch->all = false;
	batch->cause = TLB_UNMAP;
}

const char *tlb_cause_name(enum tlb_cause cause)
{
	static const char *const names[NR_TLB_CAUSES] = { "unmap", "protect", "aliases", "tables", "user" };

	return names[cause];
}

bool tlb_batch_empty(const struct tlb_batch *batch)
{
	return !batch->all && !batch->nr;
}

void tlb_batch_add_all(struct tlb_batch *batch)
{
	batch->nr = 0;
	batch->all = true;
}

static unsigned long batch_pages(const struct tlb_batch *batch)
{
	unsigned long pages = 0;

	for (unsigned int i = 0; i < batch->nr; i++)
		pages += (batch->range[i].end - batch->range[i].start) >> PAGE_SHIFT;
	return pages;
}

/* Grow a range that touches or overlaps the new one. False: there is none. */
static bool merge_range(struct tlb_batch *batch, vaddr_t start, vaddr_t end)
{
	for (unsigned int i = 0; i < batch->nr; i++) {
		struct tlb_range *r = &batch->range[i];

		if (start > r->end || end < r->start)
			continue;
		r->start = min(r->start, start);
		r->end = max(r->end, end);
		return true;
	}
	return false;
}

void tlb_batch_add(struct tlb_batch *batch, vaddr_t start, vaddr_t end)
{
	if (start >= end || !IS_ALIGNED(start | end, PAGE_SIZE))
		panic("tlb_batch_add: %lx-%lx is no range of pages", start, end);
	if (batch->all)
		return;
	if (!merge_range(batch, start, end)) {
		if (batch->nr == TLB_BATCH_RANGES) {
			tlb_batch_add_all(batch);
			return;
		}
		batch->range[batch->nr++] = (struct tlb_range){ start, end };
	}
	if (batch_pages(batch) > TLB_FLUSH_CEILING)
		tlb_batch_add_all(batch);
}

/* --- Linux's names ----------------------------------------------------------------------------------------------- */

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

void flush_tlb_user_range(struct pgtable *pt, vaddr_t start, vaddr_t end)
{
	struct tlb_batch batch;

	tlb_batch_init(&batch);
	batch.cause = TLB_USER;
	tlb_batch_add(&batch, start, end);
	tlb_batch_flush_user(pt, &batch);
}

void flush_tlb_user(struct pgtable *pt)
{
	struct tlb_batch batch;

	tlb_batch_init(&batch);
	batch.cause = TLB_USER;
	tlb_batch_add_all(&batch);
	tlb_batch_flush_user(pt, &batch);
}

/* --- the log ---------------------------------------------------------------------------------------------------- */

static struct tlb_log_entry tlb_log[TLB_LOG_SIZE];
static unsigned long log_seq;
static DEFINE_SPINLOCK(log_lock); /* rank 0, not checked: no other lock is taken inside */

static void log_entry(const struct tlb_batch *batch, unsigned int tree, struct tlb_range range)
{
	unsigned long seq = log_seq + 1;

	tlb_log[seq % TLB_LOG_SIZE] =
		(struct tlb_log_entry){ seq, range.start, range.end, batch->all, batch->cause, tree };
	WRITE_ONCE(log_seq, seq);
}

static void trace_batch(const struct tlb_batch *batch, unsigned int tree)
{
	if (batch->all)
		trace(TRACE_TLB_FLUSH, 0, 0, tree);
	for (unsigned int i = 0; i < batch->nr; i++)
		trace(TRACE_TLB_FLUSH, batch->range[i].start, batch->range[i].end, tree);
}

/* Called when every CPU has answered: the log has only flushes that have happened. */
void tlb_log_batch(const struct tlb_batch *batch, unsigned int tree)
{
	bool flags;

	trace_batch(batch, tree);
	if (!CONFIG_MM_LOGS)
		return;
	spin_lock_irqsave(&log_lock, flags);
	if (batch->all)
		log_entry(batch, tree, (struct tlb_range){ 0, 0 });
	for (unsigned int i = 0; i < batch->nr; i++)
		log_entry(batch, tree, batch->range[i]);
	spin_unlock_irqrestore(&log_lock, flags);
}

unsigned long tlb_log_seq(void)
{
	return READ_ONCE(log_seq);
}

bool tlb_log_read(unsigned long seq, struct tlb_log_entry *out)
{
	bool flags;

	spin_lock_irqsave(&log_lock, flags);
	*out = tlb_log[seq % TLB_LOG_SIZE];
	spin_unlock_irqrestore(&log_lock, flags);
	return seq && out->seq == seq;
}

bool tlb_log_covers(unsigned long since, vaddr_t start, vaddr_t end)
{
	struct tlb_log_entry entry;

	for (unsigned long seq = tlb_log_seq(); seq > since && tlb_log_read(seq, &entry); seq--)
		if (!entry.tree && (entry.all || (entry.start <= start && entry.end >= end)))
			return true;
	return false;
}
