/* SPDX-License-Identifier: MIT */
/* The marks of an XArray: a bit of a slot, of the slots above that lead to it, and of xa_flags. Theory: xarray.c. */
#include "xarray_internal.h"

void xa_node_set_mark(struct xarray *xa, struct xa_node *node, unsigned int offset, xa_mark_t mark)
{
	for (; node; offset = node->offset, node = node->parent) {
		if (xa_node_marked(node, offset, mark))
			return;
		WRITE_ONCE(node->marks[mark][0], node->marks[mark][0] | BIT(offset));
		node->care |= BIT(offset);
	}
	xa_flag_mark(xa, mark, true);
}

/* Clears the bit above as well, as far up as no other slot has the mark. */
void xa_node_clear_mark(struct xarray *xa, struct xa_node *node, unsigned int offset, xa_mark_t mark)
{
	for (; node; offset = node->offset, node = node->parent) {
		if (!xa_node_marked(node, offset, mark))
			return;
		WRITE_ONCE(node->marks[mark][0], node->marks[mark][0] & ~BIT(offset));
		if (node->marks[mark][0])
			return;
	}
	xa_flag_mark(xa, mark, false);
}

bool xas_get_mark(const struct xa_state *xas, xa_mark_t mark)
{
	if (xas_invalid(xas))
		return false;
	return xas->xa_node ? xa_node_marked(xas->xa_node, xas->xa_offset, mark) : xa_marked(xas->xa, mark);
}

/* Can the cursor's slot have this mark: does it have an entry, or may it be free? */
static bool may_mark(const struct xa_state *xas, xa_mark_t mark)
{
	const void *entry;

	BUG_ON(mark >= XA_MAX_MARKS);
	xa_assert_locked(xas->xa);
	if (xas_invalid(xas))
		return false;
	entry = xas->xa_node ? xas->xa_node->slots[xas->xa_offset] : xas->xa->xa_head;
	return (entry && !xa_is_sibling(entry)) || (mark == XA_FREE_MARK && xa_track_free(xas->xa));
}

void xas_set_mark(const struct xa_state *xas, xa_mark_t mark)
{
	if (may_mark(xas, mark))
		xa_node_set_mark(xas->xa, xas->xa_node, xas->xa_offset, mark);
}

void xas_clear_mark(const struct xa_state *xas, xa_mark_t mark)
{
	BUG_ON(mark >= XA_MAX_MARKS);
	xa_assert_locked(xas->xa);
	if (xas_valid(xas))
		xa_node_clear_mark(xas->xa, xas->xa_node, xas->xa_offset, mark);
}

/* Index 0 of an array that counts from 1 is never free. Without a node for it, xa_flags has its mark. */
void xas_init_marks(const struct xa_state *xas)
{
	for (xa_mark_t mark = XA_MARK_0; mark < XA_MAX_MARKS; mark++)
		if (mark == XA_FREE_MARK && xa_track_free(xas->xa) && (xas->xa_node || !xa_zero_busy(xas->xa)))
			xas_set_mark(xas, mark);
		else
			xas_clear_mark(xas, mark);
}
