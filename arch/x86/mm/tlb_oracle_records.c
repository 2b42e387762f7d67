/* SPDX-License-Identifier: MIT */
/*
 * The oracle's records: a fixed pool, searched by address or by frame.
 *
 * A record is hashed by the page or larger unit that its entry spans. So a search for a range asks the hash once for
 * each unit of each level. If that is more questions than there are records, it looks at all records instead.
 */
#include "oracle.h"

#include <lib/string.h>

#define NR_RECORDS (CONFIG_TLB_ORACLE ? 4096 : 1)

static struct stale pool[NR_RECORDS];
static unsigned int pool_used;	  /* records of the pool that were ever used */
static struct stale *free_chain; /* free records, linked by same_va */

static struct stale *by_va[ORACLE_BUCKETS], *by_frame[ORACLE_BUCKETS];
static LIST_HEAD(live_shared); /* of the kernel, oldest first */
static LIST_HEAD(live_own);    /* of processes, oldest first */

unsigned int stale_live, stale_own;
unsigned long stale_overflow;

static struct list_head *live_list(bool shared)
{
	return shared ? &live_shared : &live_own;
}

static struct stale **va_chain(vaddr_t va, unsigned int level)
{
	return &by_va[oracle_bucket(va >> PAGE_SHIFT, level)];
}

static struct stale **frame_chain(unsigned long pfn, unsigned int level)
{
	return &by_frame[oracle_bucket(pfn, level)];
}

static unsigned long leaf_pages(unsigned int level)
{
	return (unsigned long)(pt_size(level) >> PAGE_SHIFT);
}

unsigned long stale_pfn(const struct stale *r)
{
	return (unsigned long)(leaf_phys(r->pte, r->slot.level) >> PAGE_SHIFT);
}

/* --- in and out --------------------------------------------------------------------------------------------------- */

static struct stale *take_record(void)
{
	struct stale *r = free_chain;

	if (r)
		free_chain = r->same_va;
	else if (pool_used < NR_RECORDS)
		r = &pool[pool_used++];
	return r;
}

struct stale *stale_add(const struct stale *model)
{
	struct stale *r = take_record(), **chain = va_chain(model->slot.va, model->slot.level);

	if (!r) {
		stale_overflow++;
		return NULL;
	}
	*r = *model;
	list_add_tail(&r->live, live_list(stale_is_shared(r)));
	r->same_va = *chain;
	WRITE_ONCE(*chain, r);
	if (!r->link) {
		chain = frame_chain(stale_pfn(r), r->slot.level);
		r->same_frame = *chain;
		WRITE_ONCE(*chain, r);
	}
	WRITE_ONCE(stale_live, stale_live + 1);
	if (!stale_is_shared(r))
		WRITE_ONCE(stale_own, stale_own + 1);
	return r;
}

void stale_remove(struct stale *r)
{
	struct stale **at = va_chain(r->slot.va, r->slot.level);

	while (*at != r)
		at = &(*at)->same_va;
	WRITE_ONCE(*at, r->same_va);
	for (at = r->link ? NULL : frame_chain(stale_pfn(r), r->slot.level); at; at = &(*at)->same_frame) {
		if (*at != r)
			continue;
		WRITE_ONCE(*at, r->same_frame);
		break;
	}
	list_del(&r->live);
	if (!stale_is_shared(r))
		WRITE_ONCE(stale_own, stale_own - 1);
	r->same_va = free_chain;
	free_chain = r;
	WRITE_ONCE(stale_live, stale_live - 1);
}

struct stale *stale_find(const struct oracle_slot *slot, pte_t pte, bool link)
{
	struct stale *r = *va_chain(slot->va, slot->level);

	for (; r; r = r->same_va)
		if (r->slot.tree == slot->tree && r->slot.va == slot->va && r->slot.level == slot->level &&
		    r->link == link && r->pte.val == pte.val)
			break;
	return r;
}

void stale_reset(void)
{
	pool_used = stale_live = stale_own = 0;
	free_chain = NULL;
	INIT_LIST_HEAD(&live_shared);
	INIT_LIST_HEAD(&live_own);
	memset(by_va, 0, sizeof(by_va));
	memset(by_frame, 0, sizeof(by_frame));
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

void stale_for_each(bool shared, stale_fn fn, void *ctx)
{
	struct stale *r, *next;

	list_for_each_entry_safe(r, next, live_list(shared), live)
		fn(r, ctx);
}

static unsigned long units(unsigned long first, unsigned long last, unsigned int level)
{
	unsigned int shift = pt_level[level].shift - PAGE_SHIFT;

	return (last >> shift) - (first >> shift) + 1;
}

/* Is it quicker to look at every record than to ask the hashes for each page and unit of [first, last]? */
static bool better_all(unsigned long first, unsigned long last)
{
	unsigned long questions = 0;

	for (unsigned int level = 1; level <= pt_top(); level++)
		questions += units(first, last, level);
	return questions >= stale_live;
}

static void all_in(const struct pgtable *tree, vaddr_t start, vaddr_t last, stale_fn fn, void *ctx)
{
	struct stale *r, *next;

	list_for_each_entry_safe(r, next, live_list(tree == &kernel_pgtable), live)
		if (r->slot.tree == tree && r->slot.va <= last && slot_last(&r->slot) >= start)
			fn(r, ctx);
}

static void chain_in(const struct pgtable *tree, vaddr_t va, unsigned int level, stale_fn fn, void *ctx)
{
	struct stale *next;

	for (struct stale *r = *va_chain(va, level); r; r = next) {
		next = r->same_va;
		if (r->slot.tree == tree && r->slot.va == va && r->slot.level == level)
			fn(r, ctx);
	}
}

void stale_for_each_in(const struct pgtable *tree, vaddr_t start, vaddr_t last, stale_fn fn, void *ctx)
{
	if (better_all(start >> PAGE_SHIFT, last >> PAGE_SHIFT)) {
		all_in(tree, start, last, fn, ctx);
		return;
	}
	for (unsigned int level = 1; level <= pt_top(); level++) {
		vaddr_t va = start & ~(pt_size(level) - 1);

		for (unsigned long n = units(start >> PAGE_SHIFT, last >> PAGE_SHIFT, level); n;
		     n--, va += pt_size(level))
			chain_in(tree, va, level, fn, ctx);
	}
}

bool stale_maybe_at(vaddr_t va)
{
	bool any = false;

	for (unsigned int level = 1; level <= pt_top() && !any; level++)
		any = READ_ONCE(*va_chain(va & ~(pt_size(level) - 1), level)) != NULL;
	return any;
}

bool stale_maybe_frame(unsigned long pfn)
{
	bool any = false;

	for (unsigned int level = 1; level <= pt_top() && !any; level++)
		any = READ_ONCE(*frame_chain(pfn & ~(leaf_pages(level) - 1), level)) != NULL;
	return any;
}

static bool holds_frame(const struct stale *r, unsigned long first, unsigned long last)
{
	unsigned long pfn = stale_pfn(r);

	return !r->link && pfn <= last && pfn + leaf_pages(r->slot.level) - 1 >= first;
}

static void all_frames(bool shared, unsigned long first, unsigned long last, stale_fn fn, void *ctx)
{
	struct stale *r, *next;

	list_for_each_entry_safe(r, next, live_list(shared), live)
		if (holds_frame(r, first, last))
			fn(r, ctx);
}

static void chain_frames(unsigned long pfn, unsigned int level, stale_fn fn, void *ctx)
{
	struct stale *next;

	for (struct stale *r = *frame_chain(pfn, level); r; r = next) {
		next = r->same_frame;
		if (stale_pfn(r) == pfn && r->slot.level == level)
			fn(r, ctx);
	}
}

void stale_for_each_frame(unsigned long pfn, unsigned long count, stale_fn fn, void *ctx)
{
	unsigned long last = pfn + count - 1;

	if (better_all(pfn, last)) {
		all_frames(true, pfn, last, fn, ctx);
		all_frames(false, pfn, last, fn, ctx);
		return;
	}
	for (unsigned int level = 1; level <= pt_top(); level++) {
		unsigned long unit = pfn & ~(leaf_pages(level) - 1);

		for (unsigned long n = units(pfn, last, level); n; n--, unit += leaf_pages(level))
			chain_frames(unit, level, fn, ctx);
	}
}
