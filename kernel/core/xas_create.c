/* SPDX-License-Identifier: MIT */
/*
 * Growing the tree of an XArray: the nodes that a store needs are counted, allocated, and only then linked, so a
 * failure changes nothing. Theory: xarray.c, 3.
 */
#include "xarray_internal.h"

/* --- stock -------------------------------------------------------------------------------------------------------- */

void xas_destroy(struct xa_state *xas)
{
	while (xas->xa_alloc) {
		struct xa_node *node = xas->xa_alloc;

		xas->xa_alloc = node->parent;
		xa_node_free(node);
	}
}

bool xas_stock_up(struct xa_state *xas, unsigned int n, gfp_t gfp)
{
	for (const struct xa_node *node = xas->xa_alloc; node && n; node = node->parent)
		n--;
	for (; n; n--) {
		struct xa_node *node = xa_node_alloc(gfp);

		if (!node)
			return false;
		node->parent = xas->xa_alloc;
		xas->xa_alloc = node;
	}
	return true;
}

struct xa_node *xas_take(struct xa_state *xas, unsigned int shift, struct xa_node *parent, unsigned int offset)
{
	struct xa_node *node = xas->xa_alloc;

	xas->xa_alloc = node->parent;
	node->shift = (unsigned char)shift;
	node->offset = (unsigned char)offset;
	node->parent = parent;
	node->array = xas->xa;
	if (shift || xa_track_free(xas->xa))
		node->care = ~0ul;
	return node;
}

bool xas_nomem(struct xa_state *xas, gfp_t gfp)
{
	bool again = xas_error(xas) == -ENOMEM && xas_stock_up(xas, xas->xa_missing, gfp);

	if (again)
		xas_reset(xas);
	else
		xas_destroy(xas);
	return again;
}

bool __xas_nomem(struct xa_state *xas, gfp_t gfp)
{
	bool irq = xas->xa->xa_flags & XA_FLAGS_LOCK_IRQ;
	bool again;

	if (likely(!xas_error(xas) && !xas->xa_alloc))
		return false;
	if (xas_error(xas) != -ENOMEM || !gfpflags_allow_blocking(gfp))
		return xas_nomem(xas, gfp);
	if (irq)
		xas_unlock_irq(xas);
	else
		xas_unlock(xas);
	again = xas_nomem(xas, gfp);
	if (irq)
		xas_lock_irq(xas);
	else
		xas_lock(xas);
	return again;
}

/* --- counting ----------------------------------------------------------------------------------------------------- */

/* How many nodes lie between a slot of shift `shift` and a slot of shift `to`. */
static unsigned int levels(unsigned int shift, unsigned int to)
{
	return shift > to ? (shift - to) / XA_CHUNK_SHIFT : 0;
}

/* How many nodes are missing below this slot, for the cursor's index and order. */
static unsigned int missing_below(const struct xa_state *xas, const void *entry, unsigned int shift)
{
	while (xa_is_node(entry) && shift > xas->xa_shift) {
		const struct xa_node *node = xa_to_node(entry);

		shift = node->shift;
		entry = node->slots[xa_slot_at(xas->xa_index, shift)];
	}
	return entry ? 0 : levels(shift, xas->xa_shift);
}

/* The shift that a root needs to reach index. */
static unsigned int root_shift(unsigned long index)
{
	unsigned int shift = 0;

	while (index >> shift >= XA_CHUNK_SIZE)
		shift += XA_CHUNK_SHIFT;
	return shift;
}

/*
 * The last index that the tree must reach. An entry of several indices that begins at 0 must not be the whole tree:
 * then the tree reaches one index more, unless the entry ends at the last index of all.
 */
static unsigned long last_index(const struct xa_state *xas)
{
	unsigned long mask = xas_size(xas) - 1, last = xas->xa_index | mask;

	return mask && last == mask && last != ~0ul ? last + 1 : last;
}

/*
 * Roots are added on top until one reaches the index; the old tree is below slot 0 of each. So, seen from the top:
 * below the first new root in which the index is not in slot 0, all nodes on the way are new.
 */
static unsigned int missing_from_head(const struct xa_state *xas, bool in_head)
{
	unsigned long last = last_index(xas);
	unsigned int order = xas->xa_shift, top = root_shift(last), old;
	const void *head = xas->xa->xa_head;

	if (!head && xa_zero_busy(xas->xa) && last)
		head = XA_ZERO_ENTRY;
	if (!head)
		return last || !in_head ? levels(top + XA_CHUNK_SHIFT, order) : 0;
	old = xa_is_node(head) ? xa_to_node(head)->shift + XA_CHUNK_SHIFT : 0;
	if (last <= xa_reach(head))
		return missing_below(xas, head, old);
	for (unsigned int s = top; s >= old && s > order; s -= XA_CHUNK_SHIFT)
		if (xa_slot_at(xas->xa_index, s))
			return levels(top + XA_CHUNK_SHIFT, old) + levels(s, order);
	return levels(top + XA_CHUNK_SHIFT, old) + missing_below(xas, head, old);
}

static unsigned int nodes_missing(const struct xa_state *xas, bool in_head)
{
	const struct xa_node *node = xas->xa_node;

	if (xas_is_node(xas))
		return missing_below(xas, node->slots[xas->xa_offset], node->shift);
	return missing_from_head(xas, in_head);
}

/* --- growing ------------------------------------------------------------------------------------------------------ */

/* Put the old head into slot 0 of a new root, with its marks. */
static void raise_root(struct xa_state *xas, void *head)
{
	struct xarray *xa = xas->xa;
	struct xa_node *old = xa_is_node(head) ? xa_to_node(head) : NULL;
	struct xa_node *root = xas_take(xas, old ? old->shift + XA_CHUNK_SHIFT : 0, NULL, 0);

	root->slots[0] = head;
	root->count = 1;
	root->nr_values = xa_is_value(head);
	root->heads = 1;
	for (xa_mark_t mark = XA_MARK_0; mark < XA_MAX_MARKS; mark++)
		root->marks[mark][0] = xa_marked(xa, mark);
	if (xa_track_free(xa)) {
		root->marks[XA_FREE_MARK][0] |= ~1ul;
		xa_flag_mark(xa, XA_FREE_MARK, true);
	}
	root->care |= root->marks[0][0] | root->marks[1][0] | root->marks[2][0];
	if (old)
		smp_store_release(&old->parent, root);
	smp_store_release(&xa->xa_head, xa_mk_node(root));
	xas_updated(xas, root);
}

/* Add a node in an empty slot, or as the first root. */
static struct xa_node *add_node(struct xa_state *xas, struct xa_node *parent, unsigned int offset, unsigned int shift)
{
	struct xa_node *node = xas_take(xas, shift, parent, offset);

	if (xa_track_free(xas->xa))
		node->marks[XA_FREE_MARK][0] = ~0ul;
	if (!parent) {
		if (xa_track_free(xas->xa))
			xa_flag_mark(xas->xa, XA_FREE_MARK, true);
		smp_store_release(&xas->xa->xa_head, xa_mk_node(node));
		return node;
	}
	smp_store_release(&parent->slots[offset], xa_mk_node(node));
	WRITE_ONCE(parent->heads, parent->heads | BIT(offset));
	parent->count++;
	xas_updated(xas, parent);
	return node;
}

/*
 * Make the tree reach the last index. Returns the shift of a slot that would hold its root; 0: an entry at 0 needs no
 * node.
 */
static unsigned int reach_out(struct xa_state *xas, bool in_head)
{
	unsigned long last = last_index(xas);
	void *head = xas->xa->xa_head;

	if (!head && xa_zero_busy(xas->xa) && last)
		head = XA_ZERO_ENTRY;
	if (!head)
		return last || !in_head ? root_shift(last) + XA_CHUNK_SHIFT : 0;
	while (last > xa_reach(head)) {
		raise_root(xas, head);
		head = xas->xa->xa_head;
	}
	return xa_is_node(head) ? xa_to_node(head)->shift + XA_CHUNK_SHIFT : 0;
}

void *xas_create(struct xa_state *xas, bool in_head)
{
	struct xa_node *node = xas->xa_node;
	unsigned int shift;
	void *entry;

	if (xas_error(xas))
		return NULL;
	xas->xa_missing = nodes_missing(xas, in_head);
	if (!xas_stock_up(xas, xas->xa_missing, GFP_NOWAIT)) {
		xas_set_err(xas, -ENOMEM);
		return NULL;
	}
	if (xas_top(node)) {
		shift = reach_out(xas, in_head);
		entry = xas->xa->xa_head;
		xas->xa_node = node = NULL;
	} else {
		shift = node->shift;
		entry = node->slots[xas->xa_offset];
	}
	while (shift > xas->xa_shift && (!entry || xa_is_node(entry))) {
		shift -= XA_CHUNK_SHIFT;
		node = entry ? xa_to_node(entry) : add_node(xas, node, node ? xas->xa_offset : 0, shift);
		entry = xas_descend(xas, node);
	}
	return entry;
}

/* --- ranges ------------------------------------------------------------------------------------------------------- */

/* How many nodes an empty slot of that shift needs below it to have all leaves. */
static unsigned int all_below(unsigned int shift)
{
	unsigned int nodes = 0;

	for (; shift; shift -= XA_CHUNK_SHIFT)
		nodes = nodes * XA_CHUNK_SIZE + 1;
	return nodes;
}

/* How many more nodes a slot needs for that. The recursion is as deep as the tree. */
static unsigned int leaves_missing(const void *entry, unsigned int shift)
{
	unsigned int nodes = 0;

	if (!shift || (entry && !xa_is_node(entry)))
		return 0;
	if (!entry)
		return all_below(shift);
	for (unsigned int i = 0; i < XA_CHUNK_SIZE; i++)
		nodes += leaves_missing(xa_to_node(entry)->slots[i], xa_to_node(entry)->shift);
	return nodes;
}

/* At least as many nodes as a range of the cursor's order needs. */
static unsigned int range_missing(const struct xa_state *xas)
{
	struct xa_state at = __XA_STATE(xas->xa, xas->xa_index, xas->xa_shift, xas->xa_sibs);
	unsigned int nodes = missing_from_head(xas, true);
	const void *entry = xas_load(&at);

	if (entry && xas_is_node(&at) && at.xa_node->shift > xas->xa_shift) /* one entry spans the range and stays */
		return nodes;
	for (unsigned int i = 0; i <= xas->xa_sibs; i++)
		if (xas_is_node(&at) && at.xa_node->shift == xas->xa_shift)
			nodes += leaves_missing(at.xa_node->slots[at.xa_offset + i], xas->xa_shift);
		else
			nodes += all_below(xas->xa_shift);
	return nodes;
}

/*
 * Works from the last index down: so the first step makes the tree as high as all others need. At the end the cursor is
 * at the first index.
 */
void xas_create_range(struct xa_state *xas)
{
	unsigned long first = xas->xa_index, index = first | (xas_size(xas) - 1);

	if (xas_error(xas))
		return;
	xa_assert_locked(xas->xa);
	xas_reset(xas);
	xas->xa_missing = range_missing(xas);
	if (!xas_stock_up(xas, xas->xa_missing, GFP_NOWAIT)) {
		xas_set_err(xas, -ENOMEM);
		return;
	}
	xas->xa_shift = 0;
	xas->xa_sibs = 0;
	for (;; index -= XA_CHUNK_SIZE) {
		xas_set(xas, index);
		xas_create(xas, true);
		BUG_ON(xas_error(xas));
		if (index - first < XA_CHUNK_SIZE)
			break;
	}
	xas->xa_index = first;
	if (xas->xa_node)
		xas->xa_offset = (unsigned char)xa_slot_at(first, xas->xa_node->shift);
}
