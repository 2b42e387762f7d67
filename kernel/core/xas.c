/* SPDX-License-Identifier: MIT */
/*
 * The cursor of an XArray. Theory: xarray.c.
 *
 * A cursor remembers the leaf of its index, never a node above: one step in 64 has to come down from the root again, and
 * nothing has to be put right in a cursor when the tree grows or gets lower above it. A leaf that was unlinked while a
 * reader's cursor stands in it stays empty and stays readable until the reader's section ends.
 */
#include "xarray_internal.h"

/* --- stock ---------------------------------------------------------------------------------------------------------- */

void xas_destroy(struct xa_state *xas)
{
	while (xas->xa_alloc) {
		struct xa_node *node = xas->xa_alloc;

		xas->xa_alloc = node->parent;
		node->parent = NULL;
		xa_node_free(node);
	}
}

/* See to it that n nodes are in stock. False: there is no memory for them. */
static bool stock_up(struct xa_state *xas, unsigned int n, gfp_t gfp)
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

bool xas_nomem(struct xa_state *xas, gfp_t gfp)
{
	bool again = xas_error(xas) == -ENOMEM && stock_up(xas, xas->xa_missing, gfp);

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
	if (!xas_error(xas) || !gfpflags_allow_blocking(gfp))
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

struct xa_node *xas_create_leaf(struct xa_state *xas)
{
	struct xa_node *leaf;

	xas->xa_missing = xa_tree_missing(xas->xa, xas->xa_index);
	if (!stock_up(xas, xas->xa_missing, GFP_NOWAIT)) {
		xas_set_err(xas, -ENOMEM);
		return NULL;
	}
	leaf = xa_tree_extend(xas->xa, xas->xa_index, &xas->xa_alloc);
	xas->xa_node = leaf;
	return leaf;
}

/* --- entries -------------------------------------------------------------------------------------------------------- */

void *xas_load(struct xa_state *xas)
{
	if (xas_error(xas))
		return NULL;
	if (!xas_is_node(xas))
		xas->xa_node = xa_leaf(xas->xa, xas->xa_index);
	return xas->xa_node ? __xas_slot(xas) : NULL;
}

void *xas_store(struct xa_state *xas, void *entry)
{
	unsigned int offset = xa_offset(xas->xa_index);
	void *old;

	xa_assert_locked(xas->xa);
	if (!xa_storable(entry))
		xas_set_err(xas, -EINVAL);
	old = xas_load(xas);
	if (xas_error(xas))
		return NULL;
	if (entry) {
		struct xa_node *leaf = xas->xa_node ? xas->xa_node : xas_create_leaf(xas);

		if (leaf)
			xa_fill(xas->xa, leaf, offset, entry);
	} else if (old && !xa_clear(xas->xa, xas->xa_node, offset)) {
		xas->xa_node = NULL;
	}
	return old;
}

void *__xas_step(struct xa_state *xas, unsigned long distance)
{
	if (xas_error(xas))
		return NULL;
	if (xas->xa_node != XAS_RESTART)
		xas->xa_index += distance;
	xas_reset(xas);
	return xas_load(xas);
}

void xas_pause(struct xa_state *xas)
{
	if (xas_invalid(xas))
		return;
	xas->xa_node = ++xas->xa_index ? XAS_RESTART : XAS_BOUNDS;
}

/* --- searching ------------------------------------------------------------------------------------------------------ */

/* There is nothing up to max: stand behind it if the array goes on there, else behind the array. */
static void *stand_behind(struct xa_state *xas, unsigned long max)
{
	const struct xa_node *root = xa_root(xas->xa);
	unsigned long last = root ? ((unsigned long)XA_CHUNK_SIZE << root->shift) - 1 : 0;

	xas->xa_node = XAS_BOUNDS;
	if (xas->xa_index > max)
		return NULL;
	if (root && max != ~0UL && xa_spans(root, max))
		xas_set(xas, max + 1);
	else if (root && last != ~0UL && xas->xa_index <= last)
		xas->xa_index = last + 1;
	return NULL;
}

static void *find(struct xa_state *xas, unsigned long max, xa_mark_t filter)
{
	unsigned long index = xas->xa_index;
	void *entry = NULL;

	if (xas_error(xas) || xas->xa_node == XAS_BOUNDS)
		return NULL;
	if (xas->xa_node == XAS_RESTART || ++index)
		entry = xa_tree_find(xas->xa, &index, max, filter, &xas->xa_node);
	if (!entry)
		return stand_behind(xas, max);
	xas->xa_index = index;
	return entry;
}

void *xas_find(struct xa_state *xas, unsigned long max)
{
	return find(xas, max, XA_PRESENT);
}

void *xas_find_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark)
{
	return find(xas, max, mark);
}

/* --- marks ---------------------------------------------------------------------------------------------------------- */

bool xas_get_mark(const struct xa_state *xas, xa_mark_t mark)
{
	return xas_is_node(xas) && (READ_ONCE(xas->xa_node->bits[mark]) & BIT(xa_offset(xas->xa_index)));
}

/* Does the cursor stand on an entry, whose marks may be changed? */
static bool on_entry(const struct xa_state *xas)
{
	xa_assert_locked(xas->xa);
	return xas_is_node(xas) && __xas_slot(xas);
}

void xas_set_mark(const struct xa_state *xas, xa_mark_t mark)
{
	BUG_ON(mark >= XA_MAX_MARKS);
	if (on_entry(xas))
		xa_tree_set_mark(xas->xa_node, xa_offset(xas->xa_index), mark);
}

void xas_clear_mark(const struct xa_state *xas, xa_mark_t mark)
{
	BUG_ON(mark >= XA_MAX_MARKS);
	if (on_entry(xas))
		xa_tree_clear_mark(xas->xa_node, xa_offset(xas->xa_index), mark);
}

/* Its FREE mark, where there is one, stays clear: it is not free. */
void xas_init_marks(const struct xa_state *xas)
{
	for (xa_mark_t mark = xa_track_free(xas->xa) ? XA_MARK_1 : XA_MARK_0; mark < XA_MAX_MARKS; mark++)
		xas_clear_mark(xas, mark);
}
