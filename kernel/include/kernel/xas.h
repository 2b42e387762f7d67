/* SPDX-License-Identifier: MIT */
/*
 * The cursor of an XArray (Linux's advanced API): a position in an array, from which several operations start, so that
 * the walk down is done once. It takes no lock: a writer holds xa_lock, a reader holds it or is inside rcu_read_lock().
 * Before that is dropped, call xas_pause() (to go on behind the entry) or xas_reset() (to start again at the root).
 * XA_ZERO_ENTRY and, for readers without the lock, XA_RETRY_ENTRY are returned as they are; xas_retry() tests for both.
 *
 *	XA_STATE(xas, &array, first);
 *
 *	rcu_read_lock();
 *	xas_for_each(&xas, entry, last)
 *		if (!xas_retry(&xas, entry))
 *			use(entry);
 *	rcu_read_unlock();
 *
 * An error stays in the cursor until xas_reset(), xas_set(), or an xas_nomem() that returns true. Every other function
 * does nothing while there is one:
 *
 *	do {
 *		xas_lock(&xas);
 *		xas_store(&xas, entry);
 *		xas_unlock(&xas);
 *	} while (xas_nomem(&xas, GFP_KERNEL));
 *	return xas_error(&xas);
 *
 * A cursor has an order (XA_STATE_ORDER, xas_set_order): what it stores spans 2^order indices. What it finds may span
 * more or fewer. The nodes behind it (slots, struct xa_node) are in <kernel/xa_node.h>.
 */
#pragma once

#include <kernel/xa_node.h>

struct list_lru;

struct xa_state {
	struct xarray *xa;
	unsigned long xa_index;
	unsigned char xa_shift;	 /* shift of the node into which a store goes */
	unsigned char xa_sibs;	 /* a store fills one slot of that node and this many more */
	unsigned char xa_offset; /* slot of xa_node; for a multi-index entry that was found, its first */
	unsigned char xa_pad;
	unsigned int xa_missing; /* nodes that the failed store needs */
	struct xa_node *xa_node; /* NULL: the entry at index 0 has none; or XAS_BOUNDS, XAS_RESTART, an error */
	struct xa_node *xa_alloc; /* nodes in stock, linked by their parent */
	xa_update_node_t xa_update;
	struct list_lru *xa_lru; /* no meaning here */
};
#define XAS_BOUNDS  ((struct xa_node *)1UL) /* beyond the last index that the tree reaches */
#define XAS_RESTART ((struct xa_node *)3UL) /* not walked yet */

#define __XA_STATE(array, index, shift, sibs) \
	{ .xa = (array), .xa_index = (index), .xa_shift = (shift), .xa_sibs = (sibs), .xa_node = XAS_RESTART }
#define XA_STATE(name, array, index) struct xa_state name = __XA_STATE(array, index, 0, 0)
/* order < BITS_PER_LONG; index: any index that the entry spans. */
#define XA_STATE_ORDER(name, array, index, order) \
	struct xa_state name = __XA_STATE(array, ((index) >> (order)) << (order), (order) - (order) % XA_CHUNK_SHIFT, \
					  (1u << ((order) % XA_CHUNK_SHIFT)) - 1)

#define xas_marked(xas, mark)		  xa_marked((xas)->xa, (mark))
#define xas_trylock(xas)		  xa_trylock((xas)->xa)
#define xas_lock(xas)			  xa_lock((xas)->xa)
#define xas_unlock(xas)			  xa_unlock((xas)->xa)
#define xas_lock_irq(xas)		  xa_lock_irq((xas)->xa)
#define xas_unlock_irq(xas)		  xa_unlock_irq((xas)->xa)
#define xas_lock_bh(xas)		  xas_lock_irq(xas)
#define xas_unlock_bh(xas)		  xas_unlock_irq(xas)
#define xas_lock_irqsave(xas, flags)	  xa_lock_irqsave((xas)->xa, flags)
#define xas_unlock_irqrestore(xas, flags) xa_unlock_irqrestore((xas)->xa, flags)

/* --- the cursor itself -------------------------------------------------------------------------------------------- */

static inline int xas_error(const struct xa_state *xas) { return xa_err(xas->xa_node); }
static inline void xas_set_err(struct xa_state *xas, long err) { xas->xa_node = XA_ERROR(err); }
static inline bool xas_invalid(const struct xa_state *xas) { return (unsigned long)xas->xa_node & 3; }
static inline bool xas_valid(const struct xa_state *xas) { return !xas_invalid(xas); } /* walked, and no error */
static inline bool xas_is_node(const struct xa_state *xas) { return xas_valid(xas) && xas->xa_node; }
/* The same for xa_node: no node; an error or not walked; the next walk begins at the root. */
static inline bool xas_not_node(const struct xa_node *node) { return ((unsigned long)node & 3) || !node; }
static inline bool xas_frozen(const struct xa_node *node) { return (unsigned long)node & 2; }
static inline bool xas_top(const struct xa_node *node) { return node <= XAS_RESTART; }

/* Start again at the root; clears an error. */
static inline void xas_reset(struct xa_state *xas) { xas->xa_node = XAS_RESTART; }
static inline void xas_set(struct xa_state *xas, unsigned long index)
{
	xas->xa_index = index;
	xas_reset(xas);
}
/* The same with an order, up to BITS_PER_LONG. */
static inline void xas_set_order(struct xa_state *xas, unsigned long index, unsigned int order)
{
	xas_set(xas, order < BITS_PER_LONG ? (index >> order) << order : 0);
	xas->xa_shift = (unsigned char)(order - order % XA_CHUNK_SHIFT);
	xas->xa_sibs = (unsigned char)((1u << (order % XA_CHUNK_SHIFT)) - 1);
}
/* Move to another index of the multi-index entry that was found, such as its last: a walk then goes on behind that. */
static inline void xas_advance(struct xa_state *xas, unsigned long index)
{
	xas->xa_index = index;
	xas->xa_offset = (unsigned char)(index >> (xas_is_node(xas) ? xas->xa_node->shift : 0) & XA_CHUNK_MASK);
}
/*
 * Must the reader skip this entry? True: it is reserved, or from a node that has left the tree; then the cursor starts
 * again.
 */
static inline bool xas_retry(struct xa_state *xas, const void *entry)
{
	if (xa_is_retry(entry))
		xas_reset(xas);
	return xa_is_zero(entry) || xa_is_retry(entry);
}
/* Call before dropping the lock or the read section inside a walk. The walk then goes on behind this entry. */
void xas_pause(struct xa_state *xas);

/* Call after xas_unlock. True: the error was -ENOMEM and there is memory now, so try again. May sleep as gfp says. */
bool xas_nomem(struct xa_state *xas, gfp_t gfp);
/* The same with xa_lock held. Drops it meanwhile if gfp may wait. */
bool __xas_nomem(struct xa_state *xas, gfp_t gfp);
/* Free the nodes in stock. xas_nomem() does it after the operation has succeeded. */
void xas_destroy(struct xa_state *xas);

/* Call update(node) after each change of a node's count or nr_values through this cursor; see <kernel/xa_node.h>. */
static inline void xas_set_update(struct xa_state *xas, xa_update_node_t update) { xas->xa_update = update; }
static inline void xas_set_lru(struct xa_state *xas, struct list_lru *lru) { xas->xa_lru = lru; }

/* --- reading: xa_lock, or an RCU read section --------------------------------------------------------------------- */

/* The entry at xa_index. A cursor with an order stops at its own level, where it may find a node, or NULL. */
void *xas_load(struct xa_state *xas);
/* The order of the entry at the cursor: it spans 2^order indices. */
int xas_get_order(const struct xa_state *xas);

/* What is now in the slot where the cursor found an entry. */
static inline void *xas_reload(const struct xa_state *xas)
{
	const struct xa_node *node = xas->xa_node;
	void *entry;

	if (!node)
		return xa_head(xas->xa);
	entry = xa_entry(xas->xa, node, (unsigned int)(xas->xa_index >> node->shift & XA_CHUNK_MASK));
	while (xa_is_sibling(entry))
		entry = xa_entry(xas->xa, node, (unsigned int)xa_to_sibling(entry));
	return entry;
}

/*
 * The first entry (with the mark) up to max: from xa_index on, or behind xa_index if the cursor has been there already.
 * XA_FREE_MARK in an allocating array finds the first free index: it returns NULL, with the cursor there.
 *
 * If there is none, xas_find() leaves the cursor where its search ended, ready for a store (XAS_BOUNDS: behind the
 * array). xas_find_marked() leaves XAS_BOUNDS behind the array, and XAS_RESTART if max came first.
 */
void *xas_find(struct xa_state *xas, unsigned long max);
void *xas_find_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark);

/* The same for a cursor that is at an entry; fast if the next index has one. */
static inline void *xas_next_entry(struct xa_state *xas, unsigned long max)
{
	const struct xa_node *node = xas->xa_node;

	if (likely(!xas_not_node(node)) && !node->shift && xas->xa_index < max && xas->xa_offset < XA_CHUNK_MASK &&
	    xas->xa_offset == (xas->xa_index & XA_CHUNK_MASK)) {
		void *entry = xa_entry(xas->xa, node, xas->xa_offset + 1u);

		if (entry && !xa_is_internal(entry)) {
			xas->xa_offset++;
			xas->xa_index++;
			return entry;
		}
	}
	return xas_find(xas, max);
}

/* First slot of the node with the mark, from xa_offset on (or behind it); XA_CHUNK_SIZE: none. */
static inline unsigned int xas_find_chunk(const struct xa_state *xas, bool advance, xa_mark_t mark)
{
	unsigned int first = xas->xa_offset + advance;
	unsigned long bits = READ_ONCE(xas->xa_node->marks[mark][0]);

	if (first >= XA_CHUNK_SIZE || !(bits >> first))
		return XA_CHUNK_SIZE;
	return first + (unsigned int)__builtin_ctzl(bits >> first);
}

static inline void *xas_next_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark)
{
	const struct xa_node *node = xas->xa_node;

	if (likely(!xas_not_node(node)) && !node->shift) {
		unsigned int offset = xas_find_chunk(xas, true, mark);
		unsigned long index = (xas->xa_index & ~XA_CHUNK_MASK) + offset;
		void *entry = offset < XA_CHUNK_SIZE && index <= max ? xa_entry(xas->xa, node, offset) : NULL;

		if (entry && !xa_is_internal(entry)) {
			xas->xa_offset = (unsigned char)offset;
			xas->xa_index = index;
			return entry;
		}
	}
	return xas_find_marked(xas, max, mark);
}

enum { XA_CHECK_SCHED = 4096 }; /* a long walk pauses after this many entries */
#define xas_for_each(xas, entry, max) \
	for ((entry) = xas_find(xas, max); (entry); (entry) = xas_next_entry(xas, max))
#define xas_for_each_marked(xas, entry, max, mark) \
	for ((entry) = xas_find_marked(xas, max, mark); (entry); (entry) = xas_next_marked(xas, max, mark))

/*
 * The entries that a store would replace, one a call: each entry in the cursor's range, or the one that spans all of
 * it; then NULL, with the cursor ready for the store. xa_lock.
 */
void *xas_find_conflict(struct xa_state *xas);
#define xas_for_each_conflict(xas, entry) while (((entry) = xas_find_conflict(xas)))

/*
 * Move one index forward or back, wrapping at the ends, and return the entry there (at all but the first index of a
 * multi-index entry: an internal entry). A cursor that has not walked yet stays at xa_index. NULL behind the end of the
 * array.
 */
void *__xas_next(struct xa_state *xas);
void *__xas_prev(struct xa_state *xas);
static inline void *xas_next(struct xa_state *xas)
{
	const struct xa_node *node = xas->xa_node;

	if (unlikely(xas_not_node(node)) || node->shift || xas->xa_offset == XA_CHUNK_MASK ||
	    xas->xa_offset != (xas->xa_index & XA_CHUNK_MASK))
		return __xas_next(xas);
	xas->xa_index++;
	return xa_entry(xas->xa, node, ++xas->xa_offset);
}
static inline void *xas_prev(struct xa_state *xas)
{
	const struct xa_node *node = xas->xa_node;

	if (unlikely(xas_not_node(node)) || node->shift || xas->xa_offset == 0 ||
	    xas->xa_offset != (xas->xa_index & XA_CHUNK_MASK))
		return __xas_prev(xas);
	xas->xa_index--;
	return xa_entry(xas->xa, node, --xas->xa_offset);
}

/* The mark of the entry at the cursor; false if there is none (except XA_FREE_MARK). */
bool xas_get_mark(const struct xa_state *xas, xa_mark_t mark);

/* --- writing: xa_lock --------------------------------------------------------------------------------------------- */

/*
 * Store an entry at all indices that the cursor spans; NULL empties them. Returns what was at xa_index. If the old
 * entry has a higher order than the cursor, all of it is replaced (or emptied). If the cursor has the higher order, the
 * new entry replaces all that it covers, and gets every mark that one of these had. NULL sets XA_FREE_MARK; nothing
 * else changes that. On failure (-ENOMEM; -EINVAL: an internal entry) only the cursor's error changes.
 */
void *xas_store(struct xa_state *xas, void *entry);

/*
 * Make all leaf nodes in the cursor's range, so that stores of single indices there cannot fail. The cursor is then at
 * the first index, with order 0. Empty leaves are freed by xa_destroy(), or when an entry in them is stored and erased.
 * -ENOMEM in the cursor: nothing has changed.
 */
void xas_create_range(struct xa_state *xas);

/*
 * Split the entry of order `order` at xa_index into entries of the cursor's order n: each 2^n indices get `entry`, with
 * the marks of the old one. Call xas_split_alloc() first, without the lock: it allocates the nodes, and may sleep as
 * gfp says. -ENOMEM in the cursor: no memory, or n is more than one level of nodes lower.
 */
void xas_split_alloc(struct xa_state *xas, void *entry, unsigned int order, gfp_t gfp);
void xas_split(struct xa_state *xas, void *entry, unsigned int order);

/* Marks of the entry at the cursor. Without an entry they do nothing (except XA_FREE_MARK). */
void xas_set_mark(const struct xa_state *xas, xa_mark_t mark);
void xas_clear_mark(const struct xa_state *xas, xa_mark_t mark);
void xas_init_marks(const struct xa_state *xas); /* as for an empty index: none, or XA_FREE_MARK if allocating */
