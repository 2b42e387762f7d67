/* SPDX-License-Identifier: MIT */
/* What the files of the XArray share: the way down, the upkeep of nodes, and the parts of a store. Theory: xarray.c. */
#pragma once

#include <kernel/bug.h>
#include <kernel/xarray.h>

/* A rule of the callers': who writes holds the lock. */
static inline void xa_assert_locked(const struct xarray *xa)
{
	if (CONFIG_DEBUG_LOCKS)
		BUG_ON(!spin_is_held(&xa->xa_lock));
}

static inline bool xa_track_free(const struct xarray *xa) { return xa->xa_flags & XA_FLAGS_TRACK_FREE; }
static inline bool xa_zero_busy(const struct xarray *xa) { return xa->xa_flags & XA_FLAGS_ZERO_BUSY; }

/* Slot of index in a node of that shift. */
static inline unsigned int xa_slot_at(unsigned long index, unsigned int shift)
{
	return (unsigned int)(index >> shift) & XA_CHUNK_MASK;
}

/* The last index that a tree with this head reaches. */
static inline unsigned long xa_reach(const void *head)
{
	return xa_is_node(head) ? (XA_CHUNK_SIZE << xa_to_node(head)->shift) - 1 : 0;
}

static inline void *xa_zero_to_null(void *entry)
{
	return xa_is_zero(entry) ? NULL : entry;
}

/*
 * The way down to the slot of index, as far as there are nodes: three instructions to tell a node from anything else.
 * False: the head is no node, or the tree does not reach as far. Under the lock, or inside a read section.
 */
static __always_inline bool xa_walk(const struct xarray *xa, unsigned long index, struct xa_node **nodep,
				    unsigned long *slotp, void **entryp)
{
	struct xa_node *node, *child = xa_to_node(xa_head(xa));
	unsigned long slot;

	if (unlikely((unsigned long)child & 7))
		return false;
	slot = index >> child->shift;
	if (unlikely(slot >= XA_CHUNK_SIZE))
		return false;
	for (;;) {
		node = child;
		*entryp = rcu_dereference(node->slots[slot]);
		child = xa_to_node(*entryp);
		if ((unsigned long)child & 7)
			break;
		slot = index >> child->shift & XA_CHUNK_MASK;
	}
	*nodep = node;
	*slotp = slot;
	return true;
}

/* --- nodes: xarray_node.c ------------------------------------------------------------------------------------------- */

struct xa_node *xa_node_alloc(gfp_t gfp);  /* needs no lock */
void xa_node_free(struct xa_node *node);   /* one that no reader has seen; needs no lock */
void xa_node_retire(struct xa_node *node); /* unlinked, but readers may stand in it */

static inline void xas_updated(const struct xa_state *xas, struct xa_node *node)
{
	if (xas->xa_update)
		xas->xa_update(node);
}

/* --- marks of slots: xas_mark.c. Each bit stands in the nodes above too, and in xa_flags ----------------------------- */

void xa_node_set_mark(struct xarray *xa, struct xa_node *node, unsigned int offset, xa_mark_t mark);
void xa_node_clear_mark(struct xarray *xa, struct xa_node *node, unsigned int offset, xa_mark_t mark);

static inline void xa_flag_mark(struct xarray *xa, xa_mark_t mark, bool set)
{
	gfp_t flags = set ? xa->xa_flags | XA_FLAGS_MARK(mark) : xa->xa_flags & ~XA_FLAGS_MARK(mark);

	if (flags != xa->xa_flags)
		WRITE_ONCE(xa->xa_flags, flags);
}

static inline bool xa_node_marked(const struct xa_node *node, unsigned int offset, xa_mark_t mark)
{
	return READ_ONCE(node->marks[mark][0]) & BIT(offset);
}

/* --- the cursor: xas.c, xas_create.c, xas_store.c --------------------------------------------------------------------- */

/* Where a walk begins: what the cursor stands on, or the head; NULL and XAS_BOUNDS if the tree does not reach as far. */
void *xas_start(struct xa_state *xas);
/* From a node into its slot of xa_index; a sibling leads to its entry. */
void *xas_descend(struct xa_state *xas, struct xa_node *node);

/* See to it that n nodes are in stock. False: there is no memory for them. */
bool xas_stock_up(struct xa_state *xas, unsigned int n, gfp_t gfp);
/* A blank node out of the stock, with its place in the tree, to which nothing points yet. */
struct xa_node *xas_take(struct xa_state *xas, unsigned int shift, struct xa_node *parent, unsigned int offset);
/* The slot for the cursor's order, with all nodes above it, and what is there. in_head: an entry at 0 may do without a node. */
void *xas_create(struct xa_state *xas, bool in_head);

static inline unsigned long xas_size(const struct xa_state *xas)
{
	return (xas->xa_sibs + 1ul) << xas->xa_shift;
}

/* The first index of a slot of the node on the way to xa_index; of XA_CHUNK_SIZE: behind the node, 0 at the end of all. */
static inline unsigned long xas_index_of(const struct xa_state *xas, const struct xa_node *node, unsigned int offset)
{
	unsigned long first = xas->xa_index & ~((XA_CHUNK_SIZE << node->shift) - 1);

	return first + ((unsigned long)offset << node->shift);
}

static inline void *xas_bounds(struct xa_state *xas)
{
	xas->xa_node = XAS_BOUNDS;
	return NULL;
}
