/* SPDX-License-Identifier: MIT */
/* Storing entries in an XArray, and shrinking the tree. Theory: xarray.c, 4 to 9. */
#include "xarray_internal.h"

/* --- nodes that leave the tree ------------------------------------------------------------------------------------ */

/* The node has left the tree: tell its user, then retire it. */
static void let_go(const struct xa_state *xas, struct xa_node *node)
{
	node->count = 0;
	node->nr_values = 0;
	xas_updated(xas, node);
	xa_node_retire(node);
}

/*
 * Free an unlinked subtree, bottom up and without recursion. Visit the slots of a node in order: go down into a node
 * that a slot holds, and write RETRY over an entry. After the last slot free the node, and go on in its parent. RETRY
 * sends readers and cursors that are there back to the root.
 */
static void free_below(const struct xa_state *xas, struct xa_node *top)
{
	struct xa_node *node = top, *parent;

	for (unsigned int offset = 0;;) {
		void *entry = offset < XA_CHUNK_SIZE ? node->slots[offset] : NULL;

		if (xa_is_node(entry)) {
			node = xa_to_node(entry);
			offset = 0;
			continue;
		}
		if (entry)
			smp_store_release(&node->slots[offset], XA_RETRY_ENTRY);
		if (offset++ < XA_CHUNK_SIZE)
			continue;
		parent = node->parent;
		offset = node->offset + 1u;
		let_go(xas, node);
		if (node == top)
			return;
		node = parent;
	}
}

/* The array is empty: clear all marks of xa_flags, but set "free" in an allocating array that counts from 0. */
static void forget_marks(struct xarray *xa)
{
	for (xa_mark_t mark = XA_MARK_0; mark < XA_MAX_MARKS; mark++)
		xa_flag_mark(xa, mark, mark == XA_FREE_MARK && xa_track_free(xa) && !xa_zero_busy(xa));
}

/*
 * While everything lies below slot 0 of the root, the node there becomes the root. An entry at 0 that is alone needs no
 * node; its old slot becomes RETRY, since the entry is in xa_head now. In an array that counts from 1, the reserved
 * index 0 goes when it is alone.
 */
static void lower_root(struct xa_state *xas, struct xa_node *root)
{
	struct xarray *xa = xas->xa;

	while (root->count == 1 && root->slots[0] && (xa_is_node(root->slots[0]) || !root->shift)) {
		void *entry = root->slots[0];
		struct xa_node *child = xa_is_node(entry) ? xa_to_node(entry) : NULL;

		if (xa_is_zero(entry) && xa_zero_busy(xa))
			entry = NULL;
		if (child)
			WRITE_ONCE(child->parent, NULL);
		smp_store_release(&xa->xa_head, entry);
		if (!entry)
			forget_marks(xa);
		else if (xa_track_free(xa) && !xa_node_marked(root, 0, XA_FREE_MARK))
			xa_flag_mark(xa, XA_FREE_MARK, false);
		if (!child)
			smp_store_release(&root->slots[0], XA_RETRY_ENTRY);
		xas->xa_node = XAS_BOUNDS;
		let_go(xas, root);
		if (!child)
			return;
		root = child;
	}
}

/* Free empty nodes, from the cursor's node up, then lower the root. */
static void release_empty(struct xa_state *xas)
{
	struct xa_node *node = xas->xa_node, *parent;

	for (; !node->count; node = parent) {
		parent = node->parent;
		xas->xa_node = parent;
		xas->xa_offset = node->offset;
		if (!parent) {
			smp_store_release(&xas->xa->xa_head, NULL);
			forget_marks(xas->xa);
			xas->xa_node = XAS_BOUNDS;
			xa_node_retire(node);
			return;
		}
		WRITE_ONCE(parent->heads, parent->heads & ~BIT(node->offset));
		smp_store_release(&parent->slots[node->offset], NULL);
		parent->count--;
		xa_node_retire(node);
		xas_updated(xas, parent);
	}
	if (!node->parent)
		lower_root(xas, node);
}

/* --- slots -------------------------------------------------------------------------------------------------------- */

/* Slots that become one entry: move all their marks to the first one. */
static void gather_marks(const struct xa_state *xas)
{
	struct xa_node *node = xas->xa_node;
	unsigned int first = xas->xa_offset;
	unsigned long others = ((BIT(xas->xa_sibs) << 1) - 2) << first;

	for (xa_mark_t mark = XA_MARK_0; mark < XA_MAX_MARKS; mark++)
		if (node->marks[mark][0] & others) {
			WRITE_ONCE(node->marks[mark][0], (node->marks[mark][0] & ~others) | BIT(first));
			node->care |= BIT(first);
		}
}

/* Write a slot and its bit in `heads`: for an entry the slot first; for NULL or a sibling the bit first. */
static void put_slot(struct xa_node *node, unsigned int offset, void *entry)
{
	bool head = entry && !xa_is_sibling(entry);

	if (!head)
		WRITE_ONCE(node->heads, node->heads & ~BIT(offset));
	smp_store_release(&node->slots[offset], entry);
	if (head)
		WRITE_ONCE(node->heads, node->heads | BIT(offset));
	if (xa_is_sibling(entry))
		node->care |= BIT(offset) | BIT(xa_to_sibling(entry));
	else if (!entry && !node->shift && !xa_track_free(node->array))
		node->care &= ~BIT(offset);
}

/* When an entry of several slots is emptied, its other slots become free in an allocating array. */
static void note_free(const struct xa_state *xas, unsigned int offset)
{
	if (offset != xas->xa_offset && xa_track_free(xas->xa))
		xa_node_set_mark(xas->xa, xas->xa_node, offset, XA_FREE_MARK);
}

/*
 * Put the entry into the cursor's first slot and siblings into its others; NULL empties them. Siblings that follow
 * belonged to the last old entry: they go too, or become siblings of the new one. Old nodes are freed with all below.
 */
static void put_slots(struct xa_state *xas, void *entry)
{
	struct xa_node *node = xas->xa_node;
	unsigned int first = xas->xa_offset, last = first + xas->xa_sibs;
	int count = 0, values = 0;
	void *owner = NULL; /* the entry that the slot belongs to */
	bool several = xas->xa_sibs || (first < XA_CHUNK_MASK && xa_is_sibling(node->slots[first + 1]));

	if (several)
		xa_node_changes(node);
	for (unsigned int i = first; i < XA_CHUNK_SIZE; i++) {
		void *old = node->slots[i];

		if (i > last && !xa_is_sibling(old))
			break;
		owner = xa_is_sibling(old) && i > first ? owner : old;
		count += !!entry - !!old;
		values += xa_is_value(entry) - xa_is_value(owner);
		put_slot(node, i, entry && i > first ? xa_mk_sibling(first) : entry);
		if (!entry)
			note_free(xas, i);
		if (xa_is_node(old))
			free_below(xas, xa_to_node(old));
	}
	if (several)
		xa_node_changes(node);
	if (!count && !values)
		return;
	node->count = (unsigned char)(node->count + count);
	node->nr_values = (unsigned char)(node->nr_values + values);
	xas_updated(xas, node);
	if (count < 0)
		release_empty(xas);
}

/* xas_next() may have moved the cursor to a sibling. A store replaces the whole entry. */
static void stand_on_head(struct xa_state *xas)
{
	const struct xa_node *node = xas->xa_node;

	while (xas_is_node(xas) && xa_is_sibling(node->slots[xas->xa_offset]))
		xas->xa_offset = (unsigned char)xa_to_sibling(node->slots[xas->xa_offset]);
}

void *xas_store(struct xa_state *xas, void *entry)
{
	void *old;

	xa_assert_locked(xas->xa);
	if (xa_is_advanced(entry) && !xa_is_retry(entry))
		xas_set_err(xas, -EINVAL);
	stand_on_head(xas);
	old = entry ? xas_create(xas, !xa_is_zero(entry)) : xas_load(xas);
	if (xas_invalid(xas))
		return NULL;
	if (xas->xa_node && xas->xa_shift < xas->xa_node->shift)
		xas->xa_sibs = 0;
	if (old == entry && !xas->xa_sibs)
		return old;
	if (xas->xa_node && xas->xa_sibs)
		gather_marks(xas);
	if (!entry)
		xas_init_marks(xas);
	if (xas->xa_node) {
		put_slots(xas, entry);
	} else {
		smp_store_release(&xas->xa->xa_head, entry);
		if (xa_is_node(old))
			free_below(xas, xa_to_node(old));
	}
	return xa_is_node(old) ? NULL : old;
}

/* Store NULL in the parent's slot of the node, as over one entry of that slot's size. The store frees the node. */
void xa_delete_node(struct xa_node *node, xa_update_node_t update)
{
	struct xa_state xas = __XA_STATE(node->array, 0, (unsigned char)(node->shift + XA_CHUNK_SHIFT), 0);

	xas.xa_index = (unsigned long)node->offset << xas.xa_shift;
	xas.xa_offset = node->offset;
	xas.xa_node = node->parent;
	xas.xa_update = update;
	xas_store(&xas, NULL);
}

void xa_destroy(struct xarray *xa)
{
	struct xa_state xas = __XA_STATE(xa, 0, 0, 0);
	bool flags;
	void *head;

	xa_lock_irqsave(xa, flags);
	head = xa->xa_head;
	smp_store_release(&xa->xa_head, NULL);
	forget_marks(xa);
	if (xa_is_node(head))
		free_below(&xas, xa_to_node(head));
	xa_unlock_irqrestore(xa, flags);
}
