/* SPDX-License-Identifier: MIT */
/* Collecting ranges into a batch, and the log of batches that were executed. No hardware here: the host tests use it too. */
#include "internal.h"

#include <asm/tlb.h>
#include <kernel/config.h>

void tlb_batch_init(struct tlb_batch *batch)
{
	batch->nr = 0;
	batch->all = false;
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

/* Grow a range that touches or overlaps the new one; false if there is none. */
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

/* --- the log ---------------------------------------------------------------------------------------------------- */

static struct tlb_log_entry log[TLB_LOG_SIZE];
static unsigned long log_seq;

static void log_entry(vaddr_t start, vaddr_t end, bool all)
{
	unsigned long seq = log_seq + 1;

	log[seq % TLB_LOG_SIZE] = (struct tlb_log_entry){ seq, start, end, all };
	WRITE_ONCE(log_seq, seq);
}

/* Under the lock that serialises flushes, once every CPU has answered. */
void tlb_log_batch(const struct tlb_batch *batch)
{
	if (!CONFIG_MM_LOGS)
		return;
	if (batch->all)
		log_entry(0, 0, true);
	for (unsigned int i = 0; i < batch->nr; i++)
		log_entry(batch->range[i].start, batch->range[i].end, false);
}

unsigned long tlb_log_seq(void)
{
	return READ_ONCE(log_seq);
}

bool tlb_log_read(unsigned long seq, struct tlb_log_entry *out)
{
	*out = log[seq % TLB_LOG_SIZE];
	return seq && out->seq == seq;
}

bool tlb_log_covers(unsigned long since, vaddr_t start, vaddr_t end)
{
	struct tlb_log_entry entry;

	for (unsigned long seq = tlb_log_seq(); seq > since && tlb_log_read(seq, &entry); seq--)
		if (entry.all || (entry.start <= start && entry.end >= end))
			return true;
	return false;
}
