/* SPDX-License-Identifier: MIT */
/*
 * An XArray beside a naive model: a list of places in ascending order, each with its entry and its marks. A step does
 * something to both, chosen by model_pick(), and compares what comes back; model_compare() compares everything.
 *
 * Whoever includes this says where choices come from (random numbers, a fuzzer's bytes) by defining model_pick().
 */
#pragma once

#include "tests/host/port/host.h"
#include "tests/host/xarray_check.h"

#include <kernel/rcupdate.h>

/* 0 <= result < n; n <= 65536 */
static unsigned int model_pick(unsigned int n);

#define MODEL_PLACES 320

static struct {
	unsigned long index;
	void *entry; /* XA_ZERO_ENTRY: reserved */
	bool mark[XA_MAX_MARKS];
} model[MODEL_PLACES];
static unsigned int model_places;

static struct xarray model_xa;
static bool model_alloc_kind; /* an allocating array: mark 0 is its own */

/* --- memory that runs out ----------------------------------------------------------------------------------------- */

static unsigned int model_fail_every; /* n: each n-th allocation fails; 0: none */
static unsigned int model_allocations;
static bool model_failed; /* one failed in this step */
static bool model_fail_nowait; /* those under the lock fail, all others do not */

static void *model_node_alloc(size_t size, gfp_t gfp)
{
	bool fail = model_fail_nowait ? !gfpflags_allow_blocking(gfp) :
					model_fail_every && ++model_allocations % model_fail_every == 0;

	MUST(!gfpflags_allow_blocking(gfp) || model_xa.xa_lock.cpu == -1);
	model_failed |= fail;
	return fail ? NULL : malloc(size);
}

static gfp_t model_gfp(void) { return model_pick(2) ? GFP_KERNEL : GFP_NOWAIT; }

/* The function that suits the array's lock. */
#define MODEL_XA(name, ...) \
	(model_xa.xa_flags & XA_FLAGS_LOCK_IRQ ? xa_##name##_irq(&model_xa, __VA_ARGS__) \
					       : xa_##name(&model_xa, __VA_ARGS__))

/* May a step have failed by lack of memory? */
static bool model_may_fail(void) { return model_failed; }

/* --- the model ---------------------------------------------------------------------------------------------------- */

static bool model_free(unsigned int i) { return !model[i].entry; }
static void *model_seen(unsigned int i) { return xa_is_zero(model[i].entry) ? NULL : model[i].entry; }

static void model_put(unsigned int i, void *entry)
{
	for (xa_mark_t m = 0; m < XA_MAX_MARKS; m++)
		model[i].mark[m] &= entry != NULL;
	model[i].entry = entry;
	xarray_check_0_reserved |= xa_is_zero(entry) && !model[i].index;
}

static bool model_has(unsigned int i, xa_mark_t filter)
{
	return filter == XA_PRESENT ? model[i].entry != NULL : model[i].mark[filter];
}

/* First place with the mark from index on; model_places: none. raw: reserved ones count. */
static unsigned int model_find(unsigned long index, unsigned long max, xa_mark_t filter, bool raw)
{
	unsigned int i = 0;

	while (i < model_places && (model[i].index < index || !model_has(i, filter) || (!raw && !model_seen(i))))
		i++;
	return i < model_places && model[i].index <= max ? i : model_places;
}

/* Its place if it is one of ours. */
static unsigned int model_place_of(unsigned long index)
{
	unsigned int i = 0;

	while (i < model_places && model[i].index != index)
		i++;
	return i;
}

static bool model_used(unsigned long index)
{
	unsigned int i = model_place_of(index);

	return i < model_places && !model_free(i);
}

static void *model_new_entry(void) { return xa_mk_value(model_pick(65536)); }

/* --- comparing everything ----------------------------------------------------------------------------------------- */

static void model_compare_search(unsigned long start, unsigned long max, xa_mark_t filter)
{
	unsigned long index = start;
	unsigned int i = model_find(start, max, filter, false);

	MUST(xa_find(&model_xa, &index, max, filter) == (i < model_places ? model_seen(i) : NULL));
	MUST(index == (i < model_places ? model[i].index : start));
	index = start;
	i = start == ~0ul ? model_places : model_find(start + 1, max, filter, false);
	MUST(xa_find_after(&model_xa, &index, max, filter) == (i < model_places ? model_seen(i) : NULL));
	MUST(index == (i < model_places ? model[i].index : start));
}

/* The last one up to `last`. */
static void model_compare_below(unsigned long last)
{
	unsigned long index = last;
	unsigned int i = model_places;

	while (i && (model[i - 1].index > last || !model_seen(i - 1)))
		i--;
	MUST(xa_find_below(&model_xa, &index) == (i ? model_seen(i - 1) : NULL));
	MUST(index == (i ? model[i - 1].index : last));
}

static void model_compare_walk(xa_mark_t filter, unsigned long max)
{
	unsigned int i = model_find(0, max, filter, false);
	unsigned long index;
	void *entry;

	xa_for_each_filtered(&model_xa, index, entry, 0, max, filter) {
		MUST(i < model_places && index == model[i].index && entry == model_seen(i));
		i = index == ~0ul ? model_places : model_find(index + 1, max, filter, false);
	}
	MUST(i == model_places);
}

/* The cursor sees reserved places too. */
static void model_compare_cursor(xa_mark_t filter, unsigned long start, unsigned long max)
{
	unsigned int i = model_find(start, max, filter, true);
	XA_STATE(xas, &model_xa, start);
	void *entry;

	for (entry = filter == XA_PRESENT ? xas_find(&xas, max) : xas_find_marked(&xas, max, filter); entry;
	     entry = filter == XA_PRESENT ? xas_next_entry(&xas, max) : xas_next_marked(&xas, max, filter)) {
		MUST(i < model_places && xas.xa_index == model[i].index && entry == model[i].entry);
		MUST(xas_reload(&xas) == entry && xas_retry(&xas, entry) == !model_seen(i));
		for (xa_mark_t m = model_alloc_kind; m < XA_MAX_MARKS; m++)
			MUST(xas_get_mark(&xas, m) == model[i].mark[m]);
		i = xas.xa_index == ~0ul ? model_places : model_find(xas.xa_index + 1, max, filter, true);
		if (xas.xa_index % 5 == 0)
			xas_pause(&xas);
	}
	MUST(i == model_places && !xas_error(&xas));
	/* A cursor that found nothing lies behind the search (0: behind the last index), or has not moved. */
	MUST(xas.xa_index > max || !xas.xa_index || xas.xa_index == start || xas.xa_node == XAS_BOUNDS);
}

static void model_compare(void)
{
	MUST(xarray_check(&model_xa) == xa_nr_nodes());
	for (unsigned int i = 0; i < model_places; i++) {
		MUST(xa_load(&model_xa, model[i].index) == model_seen(i));
		for (xa_mark_t m = model_alloc_kind; m < XA_MAX_MARKS; m++)
			MUST(xa_get_mark(&model_xa, model[i].index, m) == model[i].mark[m]);
	}
	for (xa_mark_t filter = model_alloc_kind; filter <= XA_PRESENT; filter++) {
		unsigned long start = model[model_pick(model_places)].index - model_pick(2);
		unsigned long max = model[model_pick(model_places)].index - model_pick(2);

		MUST(xa_marked(&model_xa, filter) == (model_find(0, ~0ul, filter, true) < model_places));
		model_compare_search(start, max, filter);
		model_compare_search(start, ~0ul, filter);
		model_compare_below(max);
		model_compare_walk(filter, max);
		model_compare_cursor(filter, start, max);
		model_compare_cursor(filter, 0, ~0ul);
	}
	for (unsigned int i = 0; i < model_places; i++)
		model_compare_below(model[i].index - 1);
	MUST(xa_empty(&model_xa) == (model_find(0, ~0ul, XA_PRESENT, true) == model_places));
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static void model_store(unsigned int i, void *entry)
{
	void *old = MODEL_XA(store, model[i].index, entry, model_gfp());

	if (xa_is_err(old)) {
		MUST(xa_err(old) == -ENOMEM && model_may_fail() && model_free(i));
		return;
	}
	MUST(old == model_seen(i));
	model_put(i, entry || !model_alloc_kind ? entry : XA_ZERO_ENTRY);
}

static void model_insert(unsigned int i, void *entry)
{
	int err = MODEL_XA(insert, model[i].index, entry, model_gfp());

	if (err == -ENOMEM) {
		MUST(model_may_fail() && model_free(i));
		return;
	}
	MUST(err == (model_free(i) ? 0 : -EBUSY));
	if (!err)
		model_put(i, entry ? entry : XA_ZERO_ENTRY);
}

static void model_cmpxchg(unsigned int i, void *old, void *entry)
{
	bool match = model[i].entry == old;
	void *was = MODEL_XA(cmpxchg, model[i].index, old, entry, model_gfp());

	if (xa_is_err(was)) {
		MUST(xa_err(was) == -ENOMEM && model_may_fail() && model_free(i) && match);
		return;
	}
	MUST(was == model_seen(i));
	if (match)
		model_put(i, entry);
}

static void model_reserve(unsigned int i)
{
	int err = MODEL_XA(reserve, model[i].index, model_gfp());

	MUST(!err || (err == -ENOMEM && model_may_fail() && model_free(i)));
	if (!err && model_free(i))
		model_put(i, XA_ZERO_ENTRY);
}

static void model_release(unsigned int i)
{
	xa_release(&model_xa, model[i].index);
	if (xa_is_zero(model[i].entry))
		model_put(i, NULL);
}

static void model_mark(unsigned int i, xa_mark_t mark, bool set)
{
	if (set)
		xa_set_mark(&model_xa, model[i].index, mark);
	else
		xa_clear_mark(&model_xa, model[i].index, mark);
	model[i].mark[mark] = set && model[i].entry;
}

/* What was allocated somewhere between the places goes at once. */
static void model_allocated(u32 id, void *entry)
{
	unsigned int i = model_place_of(id);

	if (i < model_places)
		model_put(i, entry ? entry : XA_ZERO_ENTRY);
	else
		MUST(xa_erase(&model_xa, id) == entry);
}

/* The lowest free index from min to max; false: none. */
static bool model_lowest_free(u32 *id, u32 min, u32 max)
{
	u64 index = min;

	if (!index && (model_xa.xa_flags & XA_FLAGS_ZERO_BUSY) && model_find(0, ~0ul, XA_PRESENT, true) == model_places)
		index = 1;
	while (index <= max && model_used((unsigned long)index))
		index++;
	*id = (u32)index;
	return index <= max;
}

static struct xa_limit model_limit(void)
{
	u32 min = (u32)model[model_pick(model_places)].index, max = min + model_pick(100);

	return XA_LIMIT(min, max < min ? ~0u : max);
}

static void model_alloc(void *entry)
{
	struct xa_limit limit = model_limit();
	u32 id, expected;
	int err = MODEL_XA(alloc, &id, entry, limit, model_gfp());

	if (err == -ENOMEM) {
		MUST(model_may_fail());
	} else if (!model_lowest_free(&expected, limit.min, limit.max)) {
		MUST(err == -EBUSY);
	} else {
		MUST(err == 0 && id == expected);
		model_allocated(id, entry);
	}
}

static void model_alloc_cyclic(void *entry)
{
	static u32 next;
	struct xa_limit limit = model_limit();
	u32 id, expected, from = max(next, limit.min);
	bool wrapped = model_xa.xa_flags & XA_FLAGS_ALLOC_WRAPPED, fits = model_lowest_free(&expected, from, limit.max);
	int err = MODEL_XA(alloc_cyclic, &id, entry, limit, &next, model_gfp());

	if (err == -ENOMEM) {
		MUST(model_may_fail());
		return;
	}
	if (!fits) {
		fits = model_lowest_free(&expected, limit.min, limit.max);
		wrapped = true;
	}
	MUST(fits ? err == wrapped && id == expected && next == id + 1 : err == -EBUSY);
	if (fits)
		model_allocated(id, entry);
}

/*
 * Place 0 of an array that numbers from 1 is reserved when the first other entry comes, and free when that goes:
 * whether it is reserved or empty just now is the array's own affair.
 */
static void model_settle_zero(void)
{
	XA_STATE(xas, &model_xa, 0);
	void *there = xas_load(&xas);

	if (!(model_xa.xa_flags & XA_FLAGS_ZERO_BUSY) || model_seen(0))
		return;
	MUST(!there || xa_is_zero(there));
	model[0].entry = there;
	for (xa_mark_t m = XA_MARK_1; m < XA_MAX_MARKS; m++)
		model[0].mark[m] = there && xas_get_mark(&xas, m);
}

/* A store by the cursor, the whole loop of it; and the neighbours on both sides. */
static void model_cursor_store(unsigned int i, void *entry)
{
	XA_STATE(xas, &model_xa, model[i].index);
	void *old;
	bool flags;

	do {
		xas_lock_irqsave(&xas, flags);
		old = xas_store(&xas, entry);
		if (!xas_error(&xas) && entry)
			MUST(xas_load(&xas) == entry);
		if (model_alloc_kind && entry)
			xas_clear_mark(&xas, XA_FREE_MARK); /* the cursor leaves that to its user */
		xas_unlock_irqrestore(&xas, flags);
	} while (xas_nomem(&xas, model_gfp()));
	if (xas_error(&xas)) {
		MUST(xas_error(&xas) == -ENOMEM && model_may_fail() && model_free(i));
		return;
	}
	MUST(old == model[i].entry);
	model_put(i, entry);
	model_settle_zero();
	for (int steps = model_pick(4); steps; steps--) {
		bool forth = model_pick(2);
		unsigned long index = xas.xa_index + (forth ? 1 : ~0ul);
		unsigned int j = model_place_of(index);

		bool round = index == (forth ? 0 : ~0ul);
		void *there = forth ? xas_next(&xas) : xas_prev(&xas);

		MUST(there == (j < model_places ? model[j].entry : NULL) || (round && !there));
		MUST(xas.xa_index == index);
	}
}

/* A walk under the lock that changes what it walks over. */
static void model_cursor_walk(unsigned int first, unsigned int last)
{
	XA_STATE(xas, &model_xa, model[first].index);
	xa_mark_t mark = XA_MARK_1 + model_pick(2);
	unsigned int erased = model_pick(3);
	void *entry;

	xas_lock(&xas);
	xas_for_each(&xas, entry, model[last].index) {
		unsigned int i = model_place_of(xas.xa_index);

		MUST(i < model_places && entry == model[i].entry);
		switch (model_pick(3)) {
		case 0: xas_set_mark(&xas, mark); model[i].mark[mark] = true; break;
		case 1:
			xas_init_marks(&xas);
			if (model_alloc_kind)
				xas_clear_mark(&xas, XA_FREE_MARK);
			model[i].mark[0] = model[i].mark[1] = model[i].mark[2] = false;
			break;
		default:
			if (erased) {
				MUST(xas_store(&xas, NULL) == entry);
				model_put(i, NULL);
			}
		}
	}
	xas_unlock(&xas);
}

static void model_extract(unsigned int i, unsigned int n, xa_mark_t filter)
{
	void *dst[16];
	unsigned int got = xa_extract(&model_xa, dst, model[i].index, ~0ul, n, filter);

	i = model_find(model[i].index, ~0ul, filter, false);
	for (unsigned int k = 0; k < got; k++) {
		MUST(i < model_places && dst[k] == model_seen(i));
		i = model[i].index == ~0ul ? model_places : model_find(model[i].index + 1, ~0ul, filter, false);
	}
	MUST(got == n || i == model_places);
}

static void model_step(void)
{
	/* Now in all places, now in a few neighbours, so that nodes fill and empty. */
	unsigned int i = model_pick(2) ? model_pick(model_places) : model_pick(min(model_places, 8u));
	void *entry = model_new_entry();
	xa_mark_t mark = (xa_mark_t)(model_alloc_kind + model_pick(XA_MAX_MARKS - model_alloc_kind));

	model_failed = false;
	switch (model_pick(20)) {
	case 0: case 1: model_store(i, entry); break;
	case 2: model_store(i, NULL); break;
	case 3: model_insert(i, model_pick(4) ? entry : NULL); break;
	case 4: model_cmpxchg(i, model_pick(2) ? model_seen(i) : xa_mk_value(1), entry); break;
	case 5: model_cmpxchg(i, model[i].entry, model_pick(2) ? NULL : XA_ZERO_ENTRY); break;
	case 6: model_reserve(i); break;
	case 7: model_release(i); break;
	case 8: case 9: case 10: model_mark(i, mark, model_pick(4)); break;
	case 11: case 12:
		if (model_alloc_kind)
			model_pick(2) ? model_alloc(model_pick(4) ? entry : NULL) : model_alloc_cyclic(entry);
		break;
	case 13: model_cursor_store(i, model_pick(3) ? entry : NULL); break;
	case 14: model_cursor_walk(i, model_pick(model_places)); break;
	case 15: model_extract(i, model_pick(17), mark); break;
	default:
		MUST(xa_erase(&model_xa, model[i].index) == model_seen(i));
		model_put(i, NULL);
	}
	model_settle_zero();
	rcu_barrier(); /* what was unlinked is freed, so that nobody may come back to it */
}

/* --- beginning and end -------------------------------------------------------------------------------------------- */

static void model_add_place(unsigned long index)
{
	unsigned int i = model_places;

	if (i == MODEL_PLACES || model_place_of(index) < i)
		return;
	for (; i && model[i - 1].index > index; i--)
		model[i].index = model[i - 1].index;
	model[i].index = index;
	model_places++;
}

/* Places are added before. */
static void model_begin(gfp_t flags)
{
	if (flags & XA_FLAGS_ZERO_BUSY)
		model_add_place(0);
	for (unsigned int i = 0; i < model_places; i++)
		model_put(i, NULL);
	model_alloc_kind = flags & XA_FLAGS_TRACK_FREE;
	xarray_check_0_reserved = false;
	xa_set_allocator(model_node_alloc, free);
	xa_init_flags(&model_xa, flags);
}

static void model_end(void)
{
	xa_destroy(&model_xa);
	MUST(xa_nr_nodes() == 0 && xa_empty(&model_xa));
	rcu_barrier();
	model_places = 0;
	model_fail_every = 0;
	model_fail_nowait = false;
}
