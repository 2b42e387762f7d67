/* SPDX-License-Identifier: MIT */
/*
 * Multi-index entries against a naive model: a window of indices, each of which knows the span that it belongs to.
 * Random stores of every order over and under each other, erases, marks and divisions, with allocations that fail; each
 * answer, each index and each walk is compared. (Chosen cases: unit_xarray_multi.c; readers beside a writer:
 * race_xarray.c.)
 */
#include "tests/host/port/host.h"
#include "tests/host/xarray_check.h"
#include "tests/kernel/xarray_store.h"

#include <kernel/rcupdate.h>

#define ORDERS 10u
#define WINDOW (1ul << (ORDERS - 1))
#define STEPS  6000

struct span {
	unsigned int order;
	void *entry;
	bool mark[XA_MAX_MARKS];
};
static struct span spans[WINDOW]; /* at their first index; entry NULL: none begins here */

static DEFINE_XARRAY(xa);
static unsigned long base; /* index of the window's first */
static unsigned int fail_every, allocations;
static bool failed; /* an allocation has, in this step */

static void *alloc_node(size_t size, gfp_t gfp __maybe_unused)
{
	bool fail = fail_every && ++allocations % fail_every == 0;

	failed |= fail;
	return fail ? NULL : malloc(size);
}

static unsigned int pick(unsigned int n) { return (unsigned int)host_random_below(n); }

/* --- the model ---------------------------------------------------------------------------------------------------- */

static unsigned long align_down(unsigned long i, unsigned int order) { return i >> order << order; }

/* The span that i belongs to; NULL: none. */
static struct span *span_at(unsigned long i)
{
	for (unsigned int order = 0; order < ORDERS; order++) {
		struct span *s = &spans[align_down(i, order)];

		if (s->entry && s->order >= order)
			return s;
	}
	return NULL;
}

static void *entry_at(unsigned long i) { return span_at(i) ? span_at(i)->entry : NULL; }
static bool mark_at(unsigned long i, xa_mark_t mark) { return span_at(i) && span_at(i)->mark[mark]; }

/* The first span from i on that begins there, with the mark (XA_PRESENT: any); WINDOW: none. */
static unsigned long next_span(unsigned long i, xa_mark_t filter)
{
	while (i < WINDOW && !(spans[i].entry && (filter == XA_PRESENT || spans[i].mark[filter])))
		i++;
	return i;
}

/* A larger span is replaced, or emptied, as a whole; smaller ones become one, which has the marks of all. */
static void model_store(unsigned long i, unsigned int order, void *entry)
{
	struct span *s = span_at(i), new = { .order = order, .entry = entry };

	if (s && s->order >= order) {
		new = entry ? (struct span){ s->order, entry, { s->mark[0], s->mark[1], s->mark[2] } }
			    : (struct span){};
		*s = new;
		return;
	}
	i = align_down(i, order);
	for (unsigned long k = i; k < i + (1ul << order); k++) {
		for (xa_mark_t m = 0; m < XA_MAX_MARKS; m++)
			new.mark[m] |= spans[k].mark[m] && entry;
		spans[k] = (struct span) {};
	}
	spans[i] = entry ? new : (struct span) {};
}

static void model_divide(unsigned long i, unsigned int to, void *entry)
{
	struct span new = *span_at(i);
	unsigned long first = align_down(i, new.order), end = first + (1ul << new.order);

	new.entry = entry;
	new.order = to;
	for (unsigned long k = first; k < end; k += 1ul << to)
		spans[k] = new;
}

/* --- comparing everything ----------------------------------------------------------------------------------------- */

static void compare_walks(xa_mark_t filter)
{
	unsigned long index, i = next_span(0, filter), start = pick(WINDOW), after;
	bool inside = filter == XA_PRESENT ? entry_at(start) != NULL : mark_at(start, filter);
	void *entry;

	xa_for_each_filtered(&xa, index, entry, 0, ~0ul, filter) {
		MUST(i < WINDOW && index == base + i && entry == spans[i].entry);
		i = next_span(i + 1, filter);
	}
	MUST(i == WINDOW);
	index = base + start;
	after = next_span(start + 1, filter);
	entry = xa_find_after(&xa, &index, base + WINDOW - 1, filter);
	MUST(after == WINDOW ? !entry : entry == spans[after].entry && index == base + after);
	index = base + start;
	entry = xa_find(&xa, &index, base + WINDOW - 1, filter);
	MUST(inside ? entry == entry_at(start) && span_at(index - base) == span_at(start) :
		      entry == (after == WINDOW ? NULL : spans[after].entry));
}

/* A cursor that lets go now and then. */
static void compare_cursor(void)
{
	unsigned long i = next_span(0, XA_PRESENT);
	XA_STATE(xas, &xa, base);
	void *entry;

	xas_for_each(&xas, entry, base + WINDOW - 1) {
		MUST(i < WINDOW && xas.xa_index == base + i && entry == spans[i].entry);
		MUST(xas_get_order(&xas) == (int)spans[i].order && xas_reload(&xas) == entry);
		if (pick(4) == 0)
			xas_advance(&xas, base + i + (1ul << spans[i].order) - 1);
		if (pick(4) == 0)
			xas_pause(&xas);
		i = next_span(i + 1, XA_PRESENT);
	}
	MUST(i == WINDOW);
}

static void compare(void)
{
	MUST(xarray_check(&xa) == xa_nr_nodes());
	for (unsigned long i = 0; i < WINDOW; i++) {
		MUST(xa_load(&xa, base + i) == entry_at(i));
		MUST(xa_get_order(&xa, base + i) == (span_at(i) ? (int)span_at(i)->order : 0));
		for (xa_mark_t m = 0; m < XA_MAX_MARKS; m++)
			MUST(xa_get_mark(&xa, base + i, m) == mark_at(i, m));
	}
	for (xa_mark_t filter = 0; filter <= XA_PRESENT; filter++)
		compare_walks(filter);
	compare_cursor();
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static void store_order(unsigned long i, unsigned int order, void *entry)
{
	XA_STATE_ORDER(xas, &xa, base + i, order);
	void *at_first = entry_at(align_down(i, order)), *old = store_at(&xas, entry);

	if (xas_error(&xas)) {
		MUST(xas_error(&xas) == -ENOMEM && failed);
		return;
	}
	MUST(!old || old == at_first);
	model_store(i, order, entry);
}

static void store(unsigned long i, void *entry)
{
	void *old = xa_store(&xa, base + i, entry, GFP_KERNEL);

	if (xa_is_err(old)) {
		MUST(xa_err(old) == -ENOMEM && failed && !entry_at(i));
		return;
	}
	MUST(old == entry_at(i));
	model_store(i, 0, entry);
}

static void divide(unsigned long i, void *entry)
{
	unsigned int order = span_at(i) ? span_at(i)->order : 0, to = order ? pick(order) : 0;
	XA_STATE_ORDER(xas, &xa, align_down(base + i, order), to);

	if (!order)
		return;
	xas_split_alloc(&xas, entry, order, GFP_KERNEL);
	if (xas_error(&xas)) {
		MUST(failed);
		return;
	}
	xas_lock(&xas);
	xas_split(&xas, entry, order);
	xas_unlock(&xas);
	xas_destroy(&xas);
	model_divide(i, to, entry);
}

static void mark(unsigned long i, xa_mark_t mark, bool set)
{
	if (set)
		xa_set_mark(&xa, base + i, mark);
	else
		xa_clear_mark(&xa, base + i, mark);
	if (span_at(i))
		span_at(i)->mark[mark] = set;
}

static void step(void)
{
	static int thing;
	unsigned long i = pick(WINDOW);
	unsigned int order = pick(ORDERS);
	void *entry = pick(2) ? xa_mk_value(pick(1000)) : &thing;

	failed = false;
	switch (pick(10)) {
	case 0: case 1: case 2: store_order(i, order, entry); break;
	case 3: store_order(i, order / 2, NULL); break;
	case 4: store(i, entry); break;
	case 5:
		MUST(xa_erase(&xa, base + i) == entry_at(i));
		model_store(i, 0, NULL);
		break;
	case 6: divide(i, entry); break;
	default: mark(i, pick(XA_MAX_MARKS), pick(4)); break;
	}
	rcu_barrier();
}

static void play(unsigned int fail)
{
	static const unsigned long bases[] = { 0, 4096 - WINDOW, 1ul << 30, -WINDOW };

	for (size_t b = 0; b < ARRAY_SIZE(bases); b++) {
		base = bases[b];
		fail_every = fail;
		for (unsigned int n = 0; n < STEPS; n++) {
			step();
			if (n % 16 == 0)
				compare();
		}
		compare();
		xa_destroy(&xa);
		for (unsigned long i = 0; i < WINDOW; i++)
			spans[i] = (struct span) {};
		assert_int_equal(xa_nr_nodes(), 0);
		rcu_barrier();
	}
}

static void spans_of_all_orders(void **state) { (void)state; play(0); }
static void allocations_fail(void **state) { (void)state; play(2); play(5); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_of_all_orders),
		cmocka_unit_test(allocations_fail),
	};

	host_machine(0x1000, 1);
	xa_set_allocator(alloc_node, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
