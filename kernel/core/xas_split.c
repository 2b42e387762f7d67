/* SPDX-License-Identifier: MIT */
/* Splitting multi-index entries, and storing one entry for a whole range. Theory: xarray.c, 8 to 10. */
#include "xarray_internal.h"

/* --- dividing ----------------------------------------------------------------------------------------------------- */

/* How many slots an entry of that order has in its node. */
static unsigned int slots_of(unsigned int order)
{
	return 1u << (order % XA_CHUNK_SHIFT);
}

/* Only allocates; xas_split() gets the entry again and writes it. */
void xas_split_alloc(struct xa_state *xas, void *entry __maybe_unused, unsigned int order, gfp_t gfp)
{
	unsigned int shift = order - order % XA_CHUNK_SHIFT;

	if (shift <= xas->xa_shift)
		return;
	if (!WARN_ON_ONCE(shift > xas->xa_shift + XA_CHUNK_SHIFT) && xas_stock_up(xas, slots_of(order), gfp))
		return;
	xas_destroy(xas);
	xas_set_err(xas, -ENOMEM);
}

/* Split the slots first to last into entries of the cursor's number of slots. The last one is written first. */
static void divide_slots(const struct xa_state *xas, struct xa_node *node, unsigned int first, unsigned int last,
			 void *entry)
{
	unsigned int slots = xas->xa_sibs + 1u;

	for (unsigned int head = last + 1; head > first;) {
		head -= slots;
		smp_store_release(&node->slots[head], entry);
		WRITE_ONCE(node->heads, node->heads | BIT(head));
		for (unsigned int i = head + slots - 1; i > head; i--)
			smp_store_release(&node->slots[i], xa_mk_sibling(head));
		if (slots == 1 && !node->shift && !xa_track_free(node->array))
			node->care &= ~BIT(head);
	}
}

/* Replace one slot by a node full of entries. */
static void push_down(struct xa_state *xas, struct xa_node *node, unsigned int offset, void *entry)
{
	struct xa_node *child = xas_take(xas, node->shift - XA_CHUNK_SHIFT, node, offset);

	if (xas->xa_sibs)
		child->care = ~0ul;
	divide_slots(xas, child, 0, XA_CHUNK_MASK, entry);
	child->count = XA_CHUNK_SIZE;
	child->nr_values = xa_is_value(entry) ? XA_CHUNK_SIZE : 0;
	for (xa_mark_t mark = XA_MARK_0; mark < XA_MAX_MARKS; mark++)
		if (xa_node_marked(node, xas->xa_offset, mark)) {
			child->marks[mark][0] = child->heads;
			child->care |= child->heads;
		}
	smp_store_release(&node->slots[offset], xa_mk_node(child));
	WRITE_ONCE(node->heads, node->heads | BIT(offset));
	xas_updated(xas, child);
}

/* Give every new head in the node the marks of the old one. */
static void spread_marks(const struct xa_state *xas, struct xa_node *node, unsigned long slots)
{
	for (xa_mark_t mark = XA_MARK_0; mark < XA_MAX_MARKS; mark++)
		if (xa_node_marked(node, xas->xa_offset, mark)) {
			WRITE_ONCE(node->marks[mark][0], node->marks[mark][0] | (slots & node->heads));
			node->care |= slots & node->heads;
		}
}

void xas_split(struct xa_state *xas, void *entry, unsigned int order)
{
	void *old = xas_load(xas);
	struct xa_node *node = xas->xa_node;
	unsigned int first = xas->xa_offset, last = first + slots_of(order) - 1;
	int values = -(int)(last - first + 1) * xa_is_value(old);

	xa_assert_locked(xas->xa);
	if (xas_top(node) || xas_error(xas))
		return;
	xa_node_changes(node);
	if (xas->xa_shift < node->shift) {
		for (unsigned int i = last + 1; i-- > first;)
			push_down(xas, node, i, entry);
	} else {
		divide_slots(xas, node, first, last, entry);
		values += (int)(last - first + 1) * xa_is_value(entry);
	}
	xa_node_changes(node);
	spread_marks(xas, node, (BIT(last) << 1) - BIT(first));
	node->nr_values = (unsigned char)(node->nr_values + values);
	xas_updated(xas, node);
}

/* --- ranges ------------------------------------------------------------------------------------------------------- */

/* Set the cursor to the largest slots that begin at first and end by last: as many as one node and the range have. */
static void set_range(struct xa_state *xas, unsigned long first, unsigned long last)
{
	unsigned long slots = last - first; /* whole slots, less one */
	unsigned int shift = 0;

	while (!xa_slot_at(first, shift) && slots >= XA_CHUNK_MASK) {
		unsigned long mask = (XA_CHUNK_SIZE << shift) - 1;

		shift += XA_CHUNK_SHIFT;
		slots = ((last - first) >> shift) - (((last - first) & mask) != mask);
	}
	xas_set(xas, first);
	xas->xa_shift = (unsigned char)shift;
	xas->xa_sibs = (unsigned char)min(slots, (unsigned long)(XA_CHUNK_MASK - xa_slot_at(first, shift)));
}

/* Make the tree reach the last index before anything is stored. */
static void reach_last(struct xa_state *xas, unsigned long last)
{
	xas_set_order(xas, last, last == ~0ul ? BITS_PER_LONG : (unsigned int)__builtin_ctzl(last + 1));
	xas_create(xas, true);
}

void *xa_store_range(struct xarray *xa, unsigned long first, unsigned long last, void *entry, gfp_t gfp)
{
	XA_STATE(xas, xa, first);
	bool done;

	if (WARN_ON_ONCE(xa_is_internal(entry)) || last < first)
		return XA_ERROR(-EINVAL);
	xa_might_alloc(gfp);
	do {
		xas_lock(&xas);
		if (entry)
			reach_last(&xas, last);
		for (done = xas_error(&xas); !done;) {
			set_range(&xas, first, last);
			xas_store(&xas, entry);
			done = xas_error(&xas) || last - first < xas_size(&xas) || !xas_size(&xas);
			first += done ? 0 : xas_size(&xas);
		}
		xas_unlock(&xas);
	} while (xas_nomem(&xas, gfp));
	return xas_error(&xas) ? XA_ERROR(xas_error(&xas)) : NULL;
}
