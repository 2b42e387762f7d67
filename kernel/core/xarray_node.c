/* SPDX-License-Identifier: MIT */
/* The tree of an XArray: its nodes, how it grows and shrinks, its marks, and searching. Theory: xarray.c. */
#include "xarray_internal.h"

#include <kernel/rcupdate.h>
#include <lib/atomic.h>
#include <lib/bitmap.h>
#include <lib/string.h>

static_assert(XA_CHUNK_SIZE == BITS_PER_LONG, "a bitmap of a node is one word");

static void *(*node_alloc)(size_t size, gfp_t gfp);
static void (*node_free)(void *node);
static atomic_long_t nr_nodes;

void xa_set_allocator(void *(*alloc)(size_t size, gfp_t gfp), void (*free)(void *node))
{
	node_alloc = alloc;
	node_free = free;
}

unsigned long xa_nr_nodes(void)
{
	return (unsigned long)atomic_long_read(&nr_nodes);
}

/* --- nodes ---------------------------------------------------------------------------------------------------------- */

struct xa_node *xa_node_alloc(gfp_t gfp)
{
	struct xa_node *node = node_alloc(sizeof(*node), gfp);

	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node));
	atomic_long_inc(&nr_nodes);
	return node;
}

void xa_node_free(struct xa_node *node)
{
	atomic_long_dec(&nr_nodes);
	node_free(node);
}

static void free_after_readers(struct rcu_head *head)
{
	node_free(container_of(head, struct xa_node, rcu));
}

/* It is unlinked, but readers may stand in it: what they look at stays as it is. */
static void retire(struct xa_node *node)
{
	atomic_long_dec(&nr_nodes);
	call_rcu(&node->rcu, free_after_readers);
}

/* A node out of the stock, with its place in the tree, to which nothing points yet. */
static struct xa_node *take(const struct xarray *xa, struct xa_node **stock, unsigned int shift, struct xa_node *parent,
			    unsigned int offset)
{
	struct xa_node *node = *stock;

	*stock = node->parent;
	node->shift = shift;
	node->offset = offset;
	node->parent = parent;
	if (xa_track_free(xa))
		node->bits[XA_FREE_MARK] = ~0UL;
	return node;
}

/* --- growing -------------------------------------------------------------------------------------------------------- */

/* The shift of a root that reaches as far as index. */
static unsigned int root_shift(unsigned long index)
{
	unsigned int shift = 0;

	while (index >> shift >= XA_CHUNK_SIZE)
		shift += XA_CHUNK_SHIFT;
	return shift;
}

/* If the root must be raised, index is not below the old one, so its whole path is new. */
unsigned int xa_tree_missing(const struct xarray *xa, unsigned long index)
{
	const struct xa_node *node = xa->xa_head;
	unsigned int levels = root_shift(index) / XA_CHUNK_SHIFT;

	if (!node)
		return levels + 1;
	if (!xa_spans(node, index))
		return levels - node->shift / XA_CHUNK_SHIFT + levels;
	for (levels = node->shift / XA_CHUNK_SHIFT; levels; levels--) {
		node = xa_slot(node, xa_offset(index >> node->shift));
		if (!node)
			break;
	}
	return levels;
}

/* A new root; slot 0 is the old one. */
static void raise_root(struct xarray *xa, struct xa_node **stock)
{
	struct xa_node *old = xa->xa_head;
	struct xa_node *root = take(xa, stock, old->shift + XA_CHUNK_SHIFT, NULL, 0);

	root->slots[0] = old;
	for (xa_mark_t mark = 0; mark <= XA_USED; mark++)
		root->bits[mark] = (root->bits[mark] & ~1UL) | (old->bits[mark] != 0);
	old->parent = root;
	smp_store_release(&xa->xa_head, root);
}

/* Hang a new node into an empty slot. */
static struct xa_node *add_child(struct xarray *xa, struct xa_node *parent, unsigned int offset, struct xa_node **stock)
{
	struct xa_node *child = take(xa, stock, parent->shift - XA_CHUNK_SHIFT, parent, offset);

	smp_store_release(&parent->slots[offset], child);
	WRITE_ONCE(parent->bits[XA_USED], parent->bits[XA_USED] | BIT(offset));
	return child;
}

struct xa_node *xa_tree_extend(struct xarray *xa, unsigned long index, struct xa_node **stock)
{
	struct xa_node *node;

	if (!xa->xa_head)
		smp_store_release(&xa->xa_head, take(xa, stock, root_shift(index), NULL, 0));
	while (!xa_spans(xa->xa_head, index))
		raise_root(xa, stock);
	for (node = xa->xa_head; node->shift;) {
		unsigned int offset = xa_offset(index >> node->shift);
		struct xa_node *child = xa_slot(node, offset);

		node = child ? child : add_child(xa, node, offset, stock);
	}
	return node;
}

/* --- shrinking ------------------------------------------------------------------------------------------------------ */

/* While everything lies below slot 0 of the root, that is root enough. */
static void lower_root(struct xarray *xa)
{
	struct xa_node *root = xa->xa_head;

	while (root->shift && root->bits[XA_USED] == 1) {
		struct xa_node *child = xa_slot(root, 0);

		child->parent = NULL;
		smp_store_release(&xa->xa_head, child);
		retire(root);
		root = child;
	}
}

void xa_tree_release(struct xarray *xa, struct xa_node *node)
{
	while (!node->bits[XA_USED]) {
		struct xa_node *parent = node->parent;

		if (!parent) {
			smp_store_release(&xa->xa_head, NULL);
			retire(node);
			return;
		}
		WRITE_ONCE(parent->bits[XA_USED], parent->bits[XA_USED] & ~BIT(node->offset));
		smp_store_release(&parent->slots[node->offset], NULL);
		retire(node);
		node = parent;
	}
	lower_root(xa);
}

/* Bottom up without recursion: a node goes when none of its bits leads further down any more. */
void xa_destroy(struct xarray *xa)
{
	struct xa_node *node;
	bool flags;

	xa_lock_irqsave(xa, flags);
	node = xa->xa_head;
	smp_store_release(&xa->xa_head, NULL);
	while (node) {
		struct xa_node *parent = node->parent;
		unsigned long used = node->bits[XA_USED];

		if (node->shift && used) {
			WRITE_ONCE(node->bits[XA_USED], used & (used - 1));
			node = xa_slot(node, (unsigned int)__builtin_ctzl(used));
			continue;
		}
		retire(node);
		node = parent;
	}
	xa_unlock_irqrestore(xa, flags);
}

/* --- marks ---------------------------------------------------------------------------------------------------------- */

/* Set a bit of a leaf and, as far as they are not yet, of the nodes above it. */
void xa_tree_set_mark(struct xa_node *node, unsigned int offset, xa_mark_t mark)
{
	while (!(node->bits[mark] & BIT(offset))) {
		WRITE_ONCE(node->bits[mark], node->bits[mark] | BIT(offset));
		if (!node->parent)
			return;
		offset = node->offset;
		node = node->parent;
	}
}

/* Clear a bit of a leaf and those above it that stood for it alone. */
void xa_tree_clear_mark(struct xa_node *node, unsigned int offset, xa_mark_t mark)
{
	while (node->bits[mark] & BIT(offset)) {
		WRITE_ONCE(node->bits[mark], node->bits[mark] & ~BIT(offset));
		if (!node->parent || node->bits[mark])
			return;
		offset = node->offset;
		node = node->parent;
	}
}

void xa_tree_init_marks(const struct xarray *xa, struct xa_node *leaf, unsigned int offset)
{
	for (xa_mark_t mark = 0; mark < XA_MAX_MARKS; mark++)
		if (mark == XA_FREE_MARK && xa_track_free(xa))
			xa_tree_set_mark(leaf, offset, mark);
		else
			xa_tree_clear_mark(leaf, offset, mark);
}

/* --- searching ------------------------------------------------------------------------------------------------------ */

/* The first index behind the slot `offset` of the node on the way to index; 0 when that is beyond the last index. */
static unsigned long index_behind(const struct xa_node *node, unsigned long index, unsigned int offset)
{
	unsigned long slot = (index >> node->shift & ~(unsigned long)XA_CHUNK_MASK) | offset;

	return (slot + 1) << node->shift;
}

/*
 * Move *index to the first slot of the node, from its own on, that has the bit. XA_CHUNK_SIZE: none, and *index is
 * behind the node.
 */
static unsigned int next_slot(const struct xa_node *node, unsigned long *index, xa_mark_t filter)
{
	unsigned int offset = xa_offset(*index >> node->shift);
	unsigned long bits = READ_ONCE(node->bits[filter]) >> offset;

	if (bits & 1)
		return offset;
	offset = bits ? offset + (unsigned int)__builtin_ctzl(bits) : XA_CHUNK_SIZE;
	*index = index_behind(node, *index, offset - 1);
	return offset;
}

/*
 * One way down, to the first promising place at or after *index: the entry and its leaf, or NULL with *index moved on
 * behind a region that has nothing (0: that was the last region).
 */
static void *descend(struct xa_node *node, unsigned long *index, xa_mark_t filter, struct xa_node **leaf)
{
	for (;;) {
		unsigned int offset = next_slot(node, index, filter);
		void *entry;

		if (offset == XA_CHUNK_SIZE)
			return NULL;
		entry = xa_slot(node, offset);
		if (!entry)
			*index = index_behind(node, *index, offset);
		*leaf = node;
		if (!entry || !node->shift)
			return entry;
		node = entry;
	}
}

/* Most often what is sought is in the same leaf. NULL: it may be, or elsewhere. */
static void *find_in_leaf(struct xa_node *leaf, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	unsigned long next = *index;
	unsigned int offset = next_slot(leaf, &next, filter);
	void *entry = offset < XA_CHUNK_SIZE && next <= max ? xa_slot(leaf, offset) : NULL;

	if (entry)
		*index = next;
	return entry;
}

void *xa_tree_find(const struct xarray *xa, unsigned long *indexp, unsigned long max, xa_mark_t filter,
		   struct xa_node **leafp)
{
	struct xa_node *same = *indexp <= max ? xa_leaf(xa, *indexp) : NULL;
	void *found = same ? find_in_leaf(same, indexp, max, filter) : NULL;
	unsigned long index = *indexp;

	if (found) {
		*leafp = same;
		return found;
	}

	while (index <= max) {
		struct xa_node *root = xa_root(xa), *leaf;
		unsigned long next = index;
		void *entry;

		if (!root || !xa_spans(root, index))
			return NULL;
		entry = descend(root, &next, filter, &leaf);
		if (entry && next <= max) {
			*indexp = next;
			*leafp = leaf;
			return entry;
		}
		if (entry || next <= index) /* too far, or behind the last index, where numbers wrap */
			return NULL;
		index = next;
	}
	return NULL;
}

/* Where no node is, everything is free. */
bool xa_tree_find_free(const struct xarray *xa, unsigned long *indexp, unsigned long max)
{
	const struct xa_node *node = xa->xa_head;
	unsigned long index = *indexp;

	while (index <= max && node && (node != xa->xa_head || xa_spans(node, index))) {
		unsigned long from = index;
		unsigned int offset = next_slot(node, &index, XA_FREE_MARK);

		if (offset < XA_CHUNK_SIZE && !node->shift)
			break;
		if (offset < XA_CHUNK_SIZE)
			node = xa_slot(node, offset);
		else if (index > from)
			node = xa->xa_head;
		else
			return false;
	}
	*indexp = index;
	return index <= max;
}
