/* SPDX-License-Identifier: MIT */
/* What the files of the XArray share: the way down, the tree's upkeep, and putting an entry into its slot. */
#pragma once

#include <kernel/bug.h>
#include <kernel/xarray.h>

#define XA_USED XA_PRESENT /* the bitmap of slots that are not NULL */

/* A rule of the callers': who writes holds the lock. */
static inline void xa_assert_locked(const struct xarray *xa)
{
	if (CONFIG_DEBUG_LOCKS)
		BUG_ON(!spin_is_held(&xa->xa_lock));
}

static inline void *xa_slot(const struct xa_node *node, unsigned int offset)
{
	return rcu_dereference(node->slots[offset]);
}

static inline struct xa_node *xa_root(const struct xarray *xa)
{
	return rcu_dereference(xa->xa_head);
}

static inline unsigned int xa_offset(unsigned long index)
{
	return index & XA_CHUNK_MASK;
}

/* Does the tree below this root reach as far as index? */
static inline bool xa_spans(const struct xa_node *root, unsigned long index)
{
	return index >> root->shift < XA_CHUNK_SIZE;
}

/*
 * The leaf that has the slot of index, or NULL. Under the lock, or inside a read section. The root's shift says it all:
 * each level below has one that is less by XA_CHUNK_SHIFT.
 */
static __always_inline struct xa_node *xa_leaf(const struct xarray *xa, unsigned long index)
{
	struct xa_node *node = xa_root(xa);
	unsigned long slot;
	unsigned int shift;

	if (unlikely(!node))
		return NULL;
	shift = node->shift;
	slot = index >> shift;
	if (unlikely(slot >= XA_CHUNK_SIZE))
		return NULL;
	if (unlikely(!shift))
		return node;
	for (;;) {
		node = xa_slot(node, xa_offset(slot));
		if (unlikely(!node))
			return NULL;
		shift -= XA_CHUNK_SHIFT;
		if (!shift)
			return node;
		slot = index >> shift;
	}
}

static inline void *xa_zero_to_null(void *entry)
{
	return unlikely(xa_is_zero(entry)) ? NULL : entry;
}

/* Low bits 10 may not be stored, the mark of a reservation aside. */
static inline bool xa_storable(const void *entry)
{
	return !xa_is_internal(entry) || xa_is_zero(entry);
}

/* --- xarray_node.c: the tree. Under the lock unless said otherwise ------------------------------------------------- */

struct xa_node *xa_node_alloc(gfp_t gfp); /* needs no lock */
void xa_node_free(struct xa_node *node);  /* one that no reader has seen; needs no lock */

/* Nodes that a store at index needs and that are not there. */
unsigned int xa_tree_missing(const struct xarray *xa, unsigned long index);
/* The leaf of index. What is missing comes from the stock, which has enough. The caller fills a slot before it unlocks. */
struct xa_node *xa_tree_extend(struct xarray *xa, unsigned long index, struct xa_node **stock);
/* A leaf has no entry left: unlink it and what it leaves empty, and lower the tree. */
void xa_tree_release(struct xarray *xa, struct xa_node *leaf);

/* A mark of a leaf's slot, and of the nodes above as far as they must follow. */
void xa_tree_set_mark(struct xa_node *leaf, unsigned int offset, xa_mark_t mark);
void xa_tree_clear_mark(struct xa_node *leaf, unsigned int offset, xa_mark_t mark);
/* The marks that an empty place has: none but XA_FREE_MARK in an allocating array. */
void xa_tree_init_marks(const struct xarray *xa, struct xa_node *leaf, unsigned int offset);

/*
 * The first entry with the mark in [*index, max], its index and its leaf; NULL: none, and nothing is changed. Reserved
 * places are entries here. Under the lock, or inside a read section.
 */
void *xa_tree_find(const struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter,
		   struct xa_node **leaf);
/* Of an allocating array: move *index to the first free one in [*index, max]. False: none. */
bool xa_tree_find_free(const struct xarray *xa, unsigned long *index, unsigned long max);

/* --- slots ---------------------------------------------------------------------------------------------------------- */

/* Put an entry into the slot. True: it was empty. */
static inline bool xa_put(struct xa_node *leaf, unsigned int offset, void *entry)
{
	unsigned long used = leaf->bits[XA_USED];

	smp_store_release(&leaf->slots[offset], entry);
	if (used & BIT(offset))
		return false;
	WRITE_ONCE(leaf->bits[XA_USED], used | BIT(offset));
	return true;
}

/* Fill an empty slot, or replace what is there and keep its marks. */
static inline void xa_fill(const struct xarray *xa, struct xa_node *leaf, unsigned int offset, void *entry)
{
	if (xa_put(leaf, offset, entry) && xa_track_free(xa))
		xa_tree_clear_mark(leaf, offset, XA_FREE_MARK);
}

/* Does nothing hang on a slot that is not empty: no mark, no index that would be free, no node? */
static inline bool xa_slot_alone(const struct xarray *xa, const struct xa_node *leaf, unsigned int offset)
{
	unsigned long marks = leaf->bits[XA_MARK_0] | leaf->bits[XA_MARK_1] | leaf->bits[XA_MARK_2];

	return !(marks & BIT(offset)) && (leaf->bits[XA_USED] & ~BIT(offset)) && !xa_track_free(xa);
}

static inline void xa_vacate(struct xa_node *leaf, unsigned int offset)
{
	WRITE_ONCE(leaf->bits[XA_USED], leaf->bits[XA_USED] & ~BIT(offset));
	smp_store_release(&leaf->slots[offset], NULL);
}

/* Empty a slot that is not. True: the leaf is still there. */
static inline bool xa_clear(struct xarray *xa, struct xa_node *leaf, unsigned int offset)
{
	bool alone = xa_slot_alone(xa, leaf, offset);

	if (!alone)
		xa_tree_init_marks(xa, leaf, offset);
	xa_vacate(leaf, offset);
	if (likely(alone || leaf->bits[XA_USED]))
		return true;
	xa_tree_release(xa, leaf);
	return false;
}

/* --- xas.c ------------------------------------------------------------------------------------------------------------ */

/* Make the leaf of xas->xa_index, which is not there. NULL: no memory, and the cursor has the error. */
struct xa_node *xas_create_leaf(struct xa_state *xas);
