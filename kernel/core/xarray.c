/* SPDX-License-Identifier: MIT */
/*
 * XArray: a radix tree of nodes with as many slots as a word has bits, 64 or 32 (the picture: 64).
 *
 *	xa_head -> [ shift 6 | used 0..0 1001 | marks ]		index 0x0c3 = 000011 000011
 *			| slot 0	   | slot 3			      slot 3 slot 3
 *		   [ shift 0 ]	      [ shift 0 | used 0..0 1000 | marks ]
 *						     | slot 3
 *						   the entry
 *
 * 1. A node of shift s spans 64 << s indices; its slots are nodes of shift s - 6, or, when s is 0, entries. The root is
 *    as high as the largest index needs. It grows by putting a new root on top, whose slot 0 is the old one, and gets
 *    lower again when nothing but slot 0 is in use. One entry takes one slot: no entry spans several indices, because
 *    then neither a slot nor a bit could be looked at without its neighbours, and nobody here needs it.
 * 2. A node has four bitmaps, each one word, one for a mark and one for "in use". In a leaf they are of entries; above, a
 *    mark says that somewhere below there is one, and in use is a slot with a child. So a search skips what has none, a
 *    node is empty when a word is 0, and no count is kept. No node of the tree is empty while the lock is free.
 * 3. A store that needs nodes counts them first, and gets them all before it links the first: failing leaves the tree as
 *    it was. It asks without waiting while it holds the lock; if that fails and the caller may wait, it lets the lock go,
 *    asks again, and then looks again, for the array may be another one by now.
 * 4. All writing is under xa_lock. Readers take nothing; they keep preemption off, which RCU takes for a read section, and
 *    which costs two instructions. A node is filled before the pointer to it is published (release), a reader follows
 *    pointers (acquire) and has the depth from the root that it has seen, so it reads as correctly in an old root as in
 *    the new one: below slot 0 they are the same tree.
 * 5. Bits and slots are two words; a reader may see one before the other. Thus a search takes a bit as a hint and
 *    believes the slot: set without an entry means "go on". An entry has its slot first and its bit second, and loses
 *    them in the other order, or both while it is no entry to anybody; so what was there during the whole search is found.
 * 6. A reader may stand in a node at any time, so a node that went empty is unlinked at once and freed a grace period
 *    later. Meanwhile it stays as it is: whoever stands in it finds nothing there, or, in an old root, the way on.
 * 7. In an allocating array (XA_FLAGS_ALLOC) mark 0 means "free": set where nothing is stored, also in new nodes, and
 *    above it means that somewhere below is a free index; what has no node is free. So the lowest free index is found in
 *    one way down, as any mark is. What is given out but NULL is XA_ZERO_ENTRY in its slot.
 *
 * Files: here the normal API, in terms of a leaf and a slot; xarray_node.c the tree; xas.c the cursor, which the slow part
 * of a store (3) is made with.
 */
#include "xarray_internal.h"

/* --- reading -------------------------------------------------------------------------------------------------------- */

/* Short sections: an xarray is never walked in one of them for longer than one search. */
static __always_inline void begin_reading(void) { preempt_disable(); }
static __always_inline void end_reading(void) { preempt_enable(); }

void *xa_load(const struct xarray *xa, unsigned long index)
{
	struct xa_node *leaf;
	void *entry;

	begin_reading();
	leaf = xa_leaf(xa, index);
	entry = leaf ? xa_zero_to_null(xa_slot(leaf, xa_offset(index))) : NULL;
	return (void *)preempt_enable_then((unsigned long)entry);
}

bool xa_get_mark(const struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf;
	bool marked;

	begin_reading();
	leaf = xa_leaf(xa, index);
	marked = leaf && (READ_ONCE(leaf->bits[mark]) & BIT(xa_offset(index)));
	end_reading();
	return marked;
}

bool xa_marked(const struct xarray *xa, xa_mark_t mark)
{
	struct xa_node *root;
	bool marked;

	begin_reading();
	root = xa_root(xa);
	marked = root && READ_ONCE(root->bits[mark]);
	end_reading();
	return marked;
}

void *xa_find(const struct xarray *xa, unsigned long *indexp, unsigned long max, xa_mark_t filter)
{
	unsigned long index = *indexp;
	struct xa_node *leaf;
	void *entry;

	do {
		begin_reading();
		entry = xa_tree_find(xa, &index, max, filter, &leaf);
		end_reading();
	} while (xa_is_zero(entry) && index++ < max);
	if (!entry || xa_is_zero(entry))
		return NULL;
	*indexp = index;
	return entry;
}

void *xa_find_after(const struct xarray *xa, unsigned long *indexp, unsigned long max, xa_mark_t filter)
{
	unsigned long next = *indexp + 1;
	void *entry = next ? xa_find(xa, &next, max, filter) : NULL;

	if (entry)
		*indexp = next;
	return entry;
}

unsigned int xa_extract(const struct xarray *xa, void **dst, unsigned long start, unsigned long max, unsigned int n,
			xa_mark_t filter)
{
	unsigned int found = 0;
	unsigned long index;
	void *entry;

	if (!n)
		return 0;
	xa_for_each_filtered(xa, index, entry, start, max, filter) {
		dst[found++] = entry;
		if (found == n)
			break;
	}
	return found;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

/*
 * The leaf of index where there is none; or what another has made of the array meanwhile, for the lock may have been
 * dropped: the slot may be taken. NULL: no memory. A leaf that is empty is filled by the caller.
 */
static __noinline struct xa_node *make_leaf(struct xarray *xa, unsigned long index, gfp_t gfp)
{
	XA_STATE(xas, xa, index);
	struct xa_node *leaf;

	do {
		leaf = xa_leaf(xa, index);
		if (!leaf)
			leaf = xas_create_leaf(&xas);
	} while (__xas_nomem(&xas, gfp));
	return leaf;
}

/* Whatever is there gives way. Returns it as it was, or an error. */
static void *replace(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	struct xa_node *leaf = xa_leaf(xa, index);
	unsigned int offset = xa_offset(index);
	void *old;

	xa_assert_locked(xa);
	if (unlikely(!leaf)) {
		leaf = entry ? make_leaf(xa, index, gfp) : NULL;
		if (!leaf)
			return entry ? XA_ERROR(-ENOMEM) : NULL;
	}
	old = xa_slot(leaf, offset);
	if (entry)
		xa_fill(xa, leaf, offset, entry);
	else if (old)
		xa_clear(xa, leaf, offset);
	return old;
}

static __noinline void *store_otherwise(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	if (unlikely(!xa_storable(entry)))
		return XA_ERROR(-EINVAL);
	if (!entry && xa_track_free(xa))
		entry = XA_ZERO_ENTRY;
	return xa_zero_to_null(replace(xa, index, entry, gfp));
}

/* In the ordinary case, of an entry where there is a leaf, nothing is called. */
void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	struct xa_node *leaf = xa_leaf(xa, index);
	void *old;

	xa_assert_locked(xa);
	if (unlikely(!leaf || !entry || xa_is_internal(entry) || xa_track_free(xa)))
		return store_otherwise(xa, index, entry, gfp);
	old = xa_slot(leaf, xa_offset(index));
	xa_put(leaf, xa_offset(index), entry);
	return xa_zero_to_null(old);
}

static __noinline void *erase_otherwise(struct xarray *xa, struct xa_node *leaf, unsigned int offset)
{
	void *old = xa_slot(leaf, offset);

	if (old)
		xa_clear(xa, leaf, offset);
	return xa_zero_to_null(old);
}

void *__xa_erase(struct xarray *xa, unsigned long index)
{
	struct xa_node *leaf = xa_leaf(xa, index);
	unsigned int offset = xa_offset(index);
	void *old;

	xa_assert_locked(xa);
	if (unlikely(!leaf))
		return NULL;
	old = xa_slot(leaf, offset);
	if (unlikely(!old || !xa_slot_alone(xa, leaf, offset)))
		return erase_otherwise(xa, leaf, offset);
	xa_vacate(leaf, offset);
	return xa_zero_to_null(old);
}

/* What is at index, as it is. The lock is held, and stays so. */
static inline void *peek(const struct xarray *xa, unsigned long index)
{
	const struct xa_node *leaf = xa_leaf(xa, index);

	return leaf ? xa_slot(leaf, xa_offset(index)) : NULL;
}

/* Put an entry where nothing is. Returns what was there (then nothing is changed), or an error. */
static void *fill_empty(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void *old = peek(xa, index);
	struct xa_node *leaf;

	xa_assert_locked(xa);
	if (old)
		return old;
	leaf = xa_leaf(xa, index);
	if (!leaf)
		leaf = make_leaf(xa, index, gfp);
	if (!leaf)
		return XA_ERROR(-ENOMEM);
	old = xa_slot(leaf, xa_offset(index));
	if (!old)
		xa_fill(xa, leaf, xa_offset(index), entry);
	return old;
}

void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp)
{
	void *curr = peek(xa, index);

	if (unlikely(!xa_storable(entry)))
		return XA_ERROR(-EINVAL);
	if (!curr && !old && entry) {
		curr = fill_empty(xa, index, entry, gfp);
		if (!xa_is_zero(curr)) /* or else it was reserved while the lock was dropped */
			return curr;
	}
	if (curr == old || (xa_is_zero(curr) && !old))
		curr = replace(xa, index, entry, gfp);
	return xa_zero_to_null(curr);
}

int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void *old;

	if (unlikely(!xa_storable(entry)))
		return -EINVAL;
	old = fill_empty(xa, index, entry ? entry : XA_ZERO_ENTRY, gfp);
	if (xa_is_err(old))
		return xa_err(old);
	return old ? -EBUSY : 0;
}

/* --- allocating ----------------------------------------------------------------------------------------------------- */

int __xa_alloc(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, gfp_t gfp)
{
	unsigned long min = limit.min ? limit.min : (xa->xa_flags & XA_FLAGS_ZERO_BUSY) != 0;
	unsigned long index;
	void *old;

	if (WARN_ON_ONCE(!xa_track_free(xa)) || !xa_storable(entry))
		return -EINVAL;
	do {
		index = min;
		if (!xa_tree_find_free(xa, &index, limit.max))
			return -EBUSY;
		old = fill_empty(xa, index, entry ? entry : XA_ZERO_ENTRY, gfp);
	} while (old && !xa_is_err(old)); /* while the lock was dropped, another has taken it */
	if (!old)
		*id = (u32)index;
	return xa_err(old);
}

int __xa_alloc_cyclic(struct xarray *xa, u32 *id, void *entry, struct xa_limit limit, u32 *next, gfp_t gfp)
{
	struct xa_limit rest = { .min = max(limit.min, *next), .max = limit.max };
	int err = __xa_alloc(xa, id, entry, rest, gfp);
	bool wrapped = err == 0 && (xa->xa_flags & XA_FLAGS_ALLOC_WRAPPED);

	if (err == -EBUSY && rest.min > limit.min) {
		err = __xa_alloc(xa, id, entry, limit, gfp);
		wrapped = true;
	}
	if (err)
		return err;
	xa->xa_flags &= ~XA_FLAGS_ALLOC_WRAPPED;
	*next = *id + 1;
	if (!*next) /* the number has gone round the end; the next call will say so */
		xa->xa_flags |= XA_FLAGS_ALLOC_WRAPPED;
	return wrapped;
}

/* --- marks ---------------------------------------------------------------------------------------------------------- */

void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	XA_STATE(xas, xa, index);

	if (xas_load(&xas))
		xas_set_mark(&xas, mark);
}

void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	XA_STATE(xas, xa, index);

	if (xas_load(&xas))
		xas_clear_mark(&xas, mark);
}

void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	xa_lock(xa);
	__xa_set_mark(xa, index, mark);
	xa_unlock(xa);
}

void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	xa_lock(xa);
	__xa_clear_mark(xa, index, mark);
	xa_unlock(xa);
}
