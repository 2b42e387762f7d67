/* SPDX-License-Identifier: MIT */
/* The cursor of an XArray: walking down, one index on or back, pausing. Theory: xarray.c. */
#include "xarray_internal.h"

/* --- down --------------------------------------------------------------------------------------------------------- */

void *xas_start(struct xa_state *xas)
{
	void *head;

	if (xas_valid(xas))
		return xas_reload(xas);
	if (xas_error(xas))
		return NULL;
	head = xa_head(xas->xa);
	if (xas->xa_index > xa_reach(head))
		return xas_bounds(xas);
	xas->xa_node = NULL;
	return head;
}

/*
 * The entry of a slot that holds a sibling; *offset becomes its head's. A sibling whose head has become a node, or has
 * changed since, is out of date: the reader starts again.
 */
static __noinline void *entry_of_sibling(const struct xa_state *xas, const struct xa_node *node, unsigned int *offset)
{
	u32 changes = smp_load_acquire(&node->changes);
	void *entry = xa_entry(xas->xa, node, *offset);

	while (xa_is_sibling(entry)) {
		*offset = (unsigned int)xa_to_sibling(entry);
		entry = xa_entry(xas->xa, node, *offset);
		if (xa_is_node(entry))
			return XA_RETRY_ENTRY;
	}
	smp_rmb();
	return READ_ONCE(node->changes) == changes ? entry : XA_RETRY_ENTRY;
}

void *xas_descend(struct xa_state *xas, struct xa_node *node)
{
	unsigned int offset = xa_slot_at(xas->xa_index, node->shift);
	void *entry = xa_entry(xas->xa, node, offset);

	if (unlikely(xa_is_sibling(entry)))
		entry = entry_of_sibling(xas, node, &offset);
	xas->xa_node = node;
	xas->xa_offset = (unsigned char)offset;
	return entry;
}

void *xas_load(struct xa_state *xas)
{
	void *entry = xas_start(xas);

	while (xa_is_node(entry) && xas->xa_shift <= xa_to_node(entry)->shift)
		entry = xas_descend(xas, xa_to_node(entry));
	return entry;
}

/* The entry has 2^n slots; the order grows by one for each slot 1, 2, 4, ... that is a sibling. */
int xas_get_order(const struct xa_state *xas)
{
	const struct xa_node *node = xas->xa_node;
	unsigned int order = 0;

	if (!xas_is_node(xas))
		return 0;
	for (unsigned int next; (next = xas->xa_offset + (1u << order)) < XA_CHUNK_SIZE; order++)
		if (!xa_is_sibling(xa_entry(xas->xa, node, next)))
			break;
	return (int)(order + node->shift);
}

/* --- one index on or back ----------------------------------------------------------------------------------------- */

/* Go down from this node to the slot of xa_index. Siblings are not followed, so each index is met. */
static void *down_to_index(struct xa_state *xas, struct xa_node *node)
{
	for (;;) {
		unsigned int offset = xa_slot_at(xas->xa_index, node->shift);
		void *entry = xa_entry(xas->xa, node, offset);

		xas->xa_node = node;
		xas->xa_offset = (unsigned char)offset;
		if (!xa_is_node(entry))
			return entry;
		node = xa_to_node(entry);
	}
}

/*
 * Go up to a node that has a slot for the neighbour, then down. Within a slot that spans many indices the cursor stays.
 * A move past the first or last index leaves the tree, like one beyond its root.
 */
static void *step(struct xa_state *xas, int way)
{
	struct xa_node *node = xas->xa_node;
	unsigned long from = xas->xa_index;
	int offset;

	if (!xas_frozen(node))
		xas->xa_index += (unsigned long)(long)way;
	if (!node || (!xas_not_node(node) && xas->xa_index == (way > 0 ? 0 : ~0ul)))
		return xas_bounds(xas);
	if (xas_not_node(node))
		return xas_load(xas);
	offset = (int)xa_slot_at(from, node->shift);
	if ((unsigned int)offset != xa_slot_at(xas->xa_index, node->shift))
		offset += way;
	while (offset < 0 || offset == (int)XA_CHUNK_SIZE) {
		offset = node->offset + way;
		node = xa_parent(xas->xa, node);
		if (!node)
			return xas_bounds(xas);
	}
	return down_to_index(xas, node);
}

void *__xas_next(struct xa_state *xas) { return step(xas, 1); }
void *__xas_prev(struct xa_state *xas) { return step(xas, -1); }

/* --- pausing ------------------------------------------------------------------------------------------------------ */

/* The walk goes on behind the entry and all its siblings, whichever of its indices the cursor has. */
void xas_pause(struct xa_state *xas)
{
	const struct xa_node *node = xas->xa_node;
	unsigned int behind = xas->xa_offset + 1u;

	if (xas_invalid(xas))
		return;
	xas->xa_node = XAS_RESTART;
	if (!node) {
		xas->xa_index++;
		return;
	}
	while (behind < XA_CHUNK_SIZE && xa_is_sibling(xa_entry(xas->xa, node, behind)))
		behind++;
	xas->xa_index = xas_index_of(xas, node, behind);
	if (!xas->xa_index)
		xas->xa_node = XAS_BOUNDS;
}
