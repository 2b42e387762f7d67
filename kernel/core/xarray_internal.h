/* SPDX-License-Identifier: MIT */
/* Shared by the files of the XArray: walking down, managing nodes, and the parts of a store. Theory: xarray.c. */
#pragma once

#include <kernel/bug.h>
#include <kernel/xarray.h>

/* A writer must hold the lock. */
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

/* The last index for which a tree with this head has a slot. */
static inline unsigned long xa_reach(const void *head)
{
	return xa_is_node(head) ? (XA_CHUNK_SIZE << xa_to_node(head)->shift) - 1 : 0;
}

static inline void *xa_zero_to_null(void *entry)
{
	return xa_is_zero(entry) ? NULL : entry;
}

/* A change of the slots of a multi-index entry begins, or ends: readers compare the number (xarray.c, 9). */
static inline void xa_node_changes(struct xa_node *node)
{
	smp_wmb(); /* at the end: after its slots */
	WRITE_ONCE(node->changes, node->changes + 1);
	smp_wmb(); /* at the beginning: before its slots */
}

/*
 * Walk down to the slot of index, as far as there are nodes. It takes three instructions to tell a node from anything
 * else. False: the head is no node, or the tree does not reach the index. Under the lock, or inside a read section.
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

/* --- nodes: xarray_node.c ----------------------------------------------------------------------------------------- */

struct xa_node *xa_node_alloc(gfp_t gfp);  /* needs no lock */
void xa_node_free(struct xa_node *node);   /* the node has never been linked; needs no lock */
void xa_node_retire(struct xa_node *node); /* the node is unlinked, but readers may be in it */

static inline void xas_updated(const struct xa_state *xas, struct xa_node *node)
{
	if (xas->xa_update)
		xas->xa_update(node);
}

/* --- marks of slots: xas_mark.c. Each bit is also set in the nodes above and in xa_flags -------------------------- */

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

/* --- the cursor: xas.c, xas_create.c, xas_store.c ----------------------------------------------------------------- */

/*
 * The entry where a walk begins: in the cursor's slot, or the head. NULL and XAS_BOUNDS if the tree does not reach
 * xa_index.
 */
void *xas_start(struct xa_state *xas);
/* Go from a node to its slot for xa_index. From a sibling, go on to its head. */
void *xas_descend(struct xa_state *xas, struct xa_node *node);

/* Allocate nodes until n are in stock. False: no memory. */
bool xas_stock_up(struct xa_state *xas, unsigned int n, gfp_t gfp);
/* A blank node from the stock, with its place in the tree set, not yet linked. */
struct xa_node *xas_take(struct xa_state *xas, unsigned int shift, struct xa_node *parent, unsigned int offset);
/*
 * Make the slot for the cursor's order, and all nodes above it. Returns what is there. in_head: an entry at 0 needs no
 * node.
 */
void *xas_create(struct xa_state *xas, bool in_head);

static inline unsigned long xas_size(const struct xa_state *xas)
{
	return (xas->xa_sibs + 1ul) << xas->xa_shift;
}

/*
 * The first index of a slot of this node on the way to xa_index. offset XA_CHUNK_SIZE: the first index behind the node;
 * it is 0 at the end of all indices.
 */
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
