/* SPDX-License-Identifier: MIT */
/*
 * The cursor of an XArray (Linux's advanced API): a place in an array that several operations in a row start from, so
 * that the way down is walked once. It takes no lock and hides nothing: whoever writes holds xa_lock, whoever reads holds
 * it or is inside rcu_read_lock(); before either is given up, xas_pause() (to go on behind) or xas_reset() (to look again).
 * XA_ZERO_ENTRY is returned as it is; xas_retry() knows it.
 *
 *	XA_STATE(xas, &array, first);
 *
 *	rcu_read_lock();
 *	xas_for_each(&xas, entry, last)
 *		if (!xas_retry(&xas, entry))
 *			use(entry);
 *	rcu_read_unlock();
 *
 * Errors stay in the cursor until xas_reset() or xas_set(), and every function does nothing while there is one:
 *
 *	do {
 *		xas_lock(&xas);
 *		xas_store(&xas, entry);
 *		xas_unlock(&xas);
 *	} while (xas_nomem(&xas, GFP_KERNEL));
 *	return xas_error(&xas);
 */
#pragma once

#include <kernel/rcupdate.h>
#include <kernel/xarray.h>

/* As many slots as a word has bits: then a mark of all of them is one word. */
#define XA_CHUNK_SHIFT (BITS_PER_LONG == 64 ? 6u : 5u)
#define XA_CHUNK_SIZE  (1u << XA_CHUNK_SHIFT)
#define XA_CHUNK_MASK  (XA_CHUNK_SIZE - 1)

struct xa_node {
	void *slots[XA_CHUNK_SIZE];	    /* first: no displacement on the way down */
	unsigned int shift;		    /* each slot spans 1 << shift indices */
	unsigned int offset;		    /* of this node in its parent */
	struct xa_node *parent;		    /* NULL: root. Writers' only */
	unsigned long bits[XA_PRESENT + 1]; /* the slots' marks; those in use */
	struct rcu_head rcu;		    /* on the way out */
};

struct xa_state {
	struct xarray *xa;
	unsigned long xa_index;
	struct xa_node *xa_node;  /* the leaf of xa_index, NULL (walked: it has none), or one of these: */
	struct xa_node *xa_alloc; /* nodes in stock, linked by their parent */
	unsigned int xa_missing;  /* nodes that the store which failed needs */
};
#define XAS_BOUNDS  ((struct xa_node *)1UL) /* a search has gone beyond the last entry */
#define XAS_RESTART ((struct xa_node *)3UL) /* not walked yet */

#define __XA_STATE(array, index)    { .xa = (array), .xa_index = (index), .xa_node = XAS_RESTART }
#define XA_STATE(name, array, index) struct xa_state name = __XA_STATE(array, index)

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

/* --- the cursor itself ---------------------------------------------------------------------------------------------------- */

static inline int xas_error(const struct xa_state *xas) { return xa_err(xas->xa_node); }
static inline void xas_set_err(struct xa_state *xas, long err) { xas->xa_node = XA_ERROR(err); }
static inline bool xas_invalid(const struct xa_state *xas) { return (unsigned long)xas->xa_node & 3; }
static inline bool xas_valid(const struct xa_state *xas) { return !xas_invalid(xas); } /* walked, and no error */
static inline bool xas_is_node(const struct xa_state *xas) { return xas_valid(xas) && xas->xa_node; }
static inline int xas_get_order(const struct xa_state *xas __maybe_unused) { return 0; } /* see xa_get_order() */

/* Look again from the root; an error is forgotten. */
static inline void xas_reset(struct xa_state *xas) { xas->xa_node = XAS_RESTART; }
static inline void xas_set(struct xa_state *xas, unsigned long index)
{
	xas->xa_index = index;
	xas_reset(xas);
}
/* Must the reader pass over this? (True: reserved.) */
static inline bool xas_retry(struct xa_state *xas, const void *entry)
{
	if (xa_is_retry(entry))
		xas_reset(xas);
	return xa_is_zero(entry) || xa_is_retry(entry);
}
/* Before the lock or the read section is given up inside a walk, which then goes on behind this place. */
void xas_pause(struct xa_state *xas);

/* After xas_unlock: was there no memory, and is there now, so that the operation is worth another try? May sleep as gfp says. */
bool xas_nomem(struct xa_state *xas, gfp_t gfp);
/* The same with xa_lock held; drops it if gfp lets it wait. */
bool __xas_nomem(struct xa_state *xas, gfp_t gfp);
/* Give back what is in stock. xas_nomem() does it when the operation has succeeded. */
void xas_destroy(struct xa_state *xas);

/* --- reading: xa_lock, or an RCU read section -------------------------------------------------------------------------------- */

/* The entry at xa_index. */
void *xas_load(struct xa_state *xas);

static inline void *__xas_slot(const struct xa_state *xas)
{
	return rcu_dereference(xas->xa_node->slots[xas->xa_index & XA_CHUNK_MASK]);
}
/* What is there now, where the cursor has found something before? */
static inline void *xas_reload(struct xa_state *xas) { return xas_is_node(xas) ? __xas_slot(xas) : xas_load(xas); }

/*
 * The first entry (with the mark) from xa_index on, or behind it if the cursor has been there already; up to max. If there
 * is none the cursor stands behind max to look there, or, where the array ends before, behind its end (XAS_BOUNDS); a
 * store puts an entry there.
 */
void *xas_find(struct xa_state *xas, unsigned long max);
void *xas_find_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark);

/* The same where the cursor has been already; quick if the next index has what is sought. */
static inline void *xas_next_entry(struct xa_state *xas, unsigned long max)
{
	if (xas_is_node(xas) && xas->xa_index < max && (xas->xa_index & XA_CHUNK_MASK) != XA_CHUNK_MASK) {
		void *entry = rcu_dereference(xas->xa_node->slots[(xas->xa_index & XA_CHUNK_MASK) + 1]);

		if (entry) {
			xas->xa_index++;
			return entry;
		}
	}
	return xas_find(xas, max);
}
static inline void *xas_next_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark)
{
	return xas_find_marked(xas, max, mark);
}

#define XA_CHECK_SCHED 4096 /* a long walk pauses after so many */
#define xas_for_each(xas, entry, max) \
	for ((entry) = xas_find(xas, max); (entry); (entry) = xas_next_entry(xas, max))
#define xas_for_each_marked(xas, entry, max, mark) \
	for ((entry) = xas_find_marked(xas, max, mark); (entry); (entry) = xas_next_marked(xas, max, mark))

/*
 * What stands where a store would put its entry, to be looked at before the store: first the entry at xa_index, if there
 * is one; then, since that is all the store covers, NULL.
 */
static inline void *xas_find_conflict(struct xa_state *xas)
{
	return xas->xa_node == XAS_RESTART ? xas_load(xas) : NULL;
}
#define xas_for_each_conflict(xas, entry) while (((entry) = xas_find_conflict(xas)))

/* One index on or back, round the ends, and what is there; at xa_index itself if the cursor has not been there. */
void *__xas_step(struct xa_state *xas, unsigned long distance);
static inline void *xas_next(struct xa_state *xas)
{
	if (!xas_is_node(xas) || (xas->xa_index & XA_CHUNK_MASK) == XA_CHUNK_MASK)
		return __xas_step(xas, 1);
	xas->xa_index++;
	return __xas_slot(xas);
}
static inline void *xas_prev(struct xa_state *xas)
{
	if (!xas_is_node(xas) || (xas->xa_index & XA_CHUNK_MASK) == 0)
		return __xas_step(xas, ~0UL);
	xas->xa_index--;
	return __xas_slot(xas);
}

/* Where the cursor has been; false where nothing is. */
bool xas_get_mark(const struct xa_state *xas, xa_mark_t mark);

/* --- writing: xa_lock ------------------------------------------------------------------------------------------------------- */

/* Put an entry; NULL empties. Returns the old one. Failing (-ENOMEM) leaves the error in the cursor and nothing else. */
void *xas_store(struct xa_state *xas, void *entry);

/* Marks of the entry where the cursor has been. */
void xas_set_mark(const struct xa_state *xas, xa_mark_t mark);
void xas_clear_mark(const struct xa_state *xas, xa_mark_t mark);
void xas_init_marks(const struct xa_state *xas); /* as of a fresh entry: none */
