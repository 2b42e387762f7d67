/* SPDX-License-Identifier: MIT */
/*
 * XArray: a radix tree of nodes with as many slots as a word has bits, 64 or 32 (the picture: 64).
 *
 *	xa_head -> [ shift 6 | heads 0..0 1001 | marks ]	index 0x0c3 = 000011 000011
 *			| slot 0	   | slot 3			      slot 3 slot 3
 *		   [ shift 0 ]	      [ shift 0 | heads 0..0 1001 | slots: A . . B <3 <3 ]
 *
 * 1. A node of shift s spans 64 << s indices; a slot of it holds a node of shift s - 6, an entry, or nothing. The root
 *    is as high as the largest index needs. It grows by putting a new root on top, whose slot 0 is the old one, and
 *    gets lower again when nothing but slot 0 is in use. An entry at index 0 that is alone stands in xa_head without a
 *    node. The low bits tell what a slot holds. Only a pointer to a node ends in 010, so the walk down needs one test a
 *    node.
 * 2. A node has words with a bit for each slot: `heads` (an entry or node begins here) and one for each of the three
 *    marks. Above the leaves a mark bit means "somewhere below"; xa_flags has the bit for the whole array. So a search
 *    skips subtrees without the mark. `count` and `nr_values` are for users with hooks (xas_set_update). A node is
 *    freed when its count is 0; only xas_create_range() leaves empty nodes.
 * 3. A store that needs nodes counts them, and allocates them all before it links the first: if it fails, the tree is
 *    unchanged. While it holds the lock it allocates without waiting. If that fails and the caller may wait, it drops
 *    the lock, allocates, and starts again, since the array may have changed.
 * 4. All writing is under xa_lock. Readers take no lock; they turn preemption off, which is an RCU read section and
 *    costs a few instructions. A node is filled before the pointer to it is published (release), and a reader follows
 *    pointers (acquire). It takes the depth from the nodes that it meets, so it may start at an old root: below slot 0
 *    of the new root is the same tree.
 * 5. Bits and slots are separate words; a reader may see one change before the other. So for a search a bit is a hint:
 *    if its slot has no entry, the search goes on. A store writes the slot first and the bit second; an erase clears
 *    the bit first. So a search finds every entry that was there all the time.
 * 6. A reader may be in a node at any time. So a node that leaves the tree is first unlinked; then each slot that still
 *    holds an entry becomes RETRY; a grace period later the node is freed. A reader in it finds nothing, or RETRY, or,
 *    in an old root, the node that is the root now. A reader that finds RETRY starts again at the root. RETRY is
 *    written only after no walk from the root leads to the node. So a reader, even an NMI in the middle of the write,
 *    does not meet it twice.
 * 7. In an allocating array (XA_FLAGS_ALLOC) mark 0 means "free". It is set for every empty slot, also in new nodes;
 *    above the leaves it means that some index below is free. Indices without a node are free. So the lowest free index
 *    is found by one walk down, like any mark. An index that is allocated with a NULL entry has XA_ZERO_ENTRY in its
 *    slot; so has index 0 of an array that counts from 1, once it has a node. The cursor's xas_store() sets the mark
 *    for NULL, but does not clear it for an entry: its user may keep many numbers in one entry.
 * 8. An entry of order n is in a node of shift s = n - n % 6, in 2^(n % 6) slots: the first one (the head, B) holds it,
 *    the others (siblings, <3) point to the head. So one write changes the entry for all its indices. Only the head has
 *    marks and a bit in `heads`. All slots of an entry are in one node: 64 of them would be one slot of the node above.
 * 9. A multi-index entry may be stored over smaller ones: the head first, then the siblings upward. At each index a
 *    reader meets the old entry or the new one; an old sibling whose head has become a sibling leads on to the new
 *    head. An erase empties the slots from the head on. A node replaces such an entry only after NULL, or in
 *    xas_split(), which works downward. So a sibling's head is a node only for a reader that has read an old sibling:
 *    it starts again. Between its two reads, of the sibling and of the head, one entry may go and another, smaller one
 *    may come to the head. So a reader compares `changes`, which counts the beginnings and the ends of such changes. An
 *    NMI in the middle of one does not see it move.
 * 10. A cursor (struct xa_state) has a node and a slot; if it has found an entry, the slot is the head's, and its index
 *     may be any index of the entry. A search goes on by way of the parents. These are right for readers too: a parent
 *     changes only when a root is added or removed above, and both trees are the same below.
 * 11. `care` has a bit for each slot that needs more than a pointer write: marked, in an entry of several slots, in an
 *     allocating array, or above the leaves. It may have too many bits. The common store and erase test only this word
 *     and call nothing.
 *
 * Files: here the normal API; xarray_alloc.c its allocating part; xarray_node.c nodes; xas.c the cursor's moves, and by
 * what they do xas_find.c, xas_create.c, xas_store.c, xas_split.c, xas_mark.c.
 */
#include "xarray_internal.h"

#include <lib/math.h>

static __always_inline bool is_pointer(const void *entry) { return entry && !((unsigned long)entry & 3); }

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A section lasts for one search at most. */
static __always_inline void begin_reading(void) { preempt_disable(); }
static __always_inline void end_reading(void) { preempt_enable(); }

/* Load the entry at the cursor's index. A reserved place is returned as XA_ZERO_ENTRY. */
static void *load_again(struct xa_state *xas)
{
	void *entry;

	do {
		entry = xas_load(xas);
		if (!xa_is_retry(entry))
			return entry;
		xas_reset(xas);
	} while (true);
}

/*
 * The slow cases of a load: no node, a sibling, a reserved place, or a node that has left the tree. Ends the section.
 */
static __noinline void *load_otherwise(const struct xarray *xa, unsigned long index)
{
	XA_STATE(xas, (struct xarray *)xa, index);
	void *entry = xa_zero_to_null(load_again(&xas));

	end_reading();
	return entry;
}

void *xa_load(const struct xarray *xa, unsigned long index)
{
	struct xa_node *node;
	unsigned long slot;
	void *entry;

	begin_reading();
	/* the last test: an internal entry */
	if (unlikely(!xa_walk(xa, index, &node, &slot, &entry) || !((unsigned long)xa_to_node(entry) & 3)))
		return load_otherwise(xa, index);
	return (void *)preempt_enable_then((unsigned long)entry);
}

bool xa_get_mark(const struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	XA_STATE(xas, (struct xarray *)xa, index);
	bool marked;

	begin_reading();
	load_again(&xas);
	marked = xas_get_mark(&xas, mark);
	end_reading();
	return marked;
}

int xa_get_order(const struct xarray *xa, unsigned long index)
{
	XA_STATE(xas, (struct xarray *)xa, index);
	int order;

	begin_reading();
	order = load_again(&xas) ? xas_get_order(&xas) : 0;
	end_reading();
	return order;
}

static void *find(struct xa_state *xas, unsigned long max, xa_mark_t filter)
{
	return filter < XA_MAX_MARKS ? xas_find_marked(xas, max, filter) : xas_find(xas, max);
}

/* The first index of the entry that was found. */
static unsigned long first_index(const struct xa_state *xas)
{
	return xas_is_node(xas) ? xas_index_of(xas, xas->xa_node, xas->xa_offset) : xas->xa_index;
}

/* One search, in a section of its own. Skips reserved places, and entries that begin before `from`. */
static void *find_entry(struct xa_state *xas, unsigned long from, unsigned long max, xa_mark_t filter)
{
	bool again;
	void *entry;

	do {
		begin_reading();
		entry = find(xas, max, filter);
		again = xas_retry(xas, entry) || (entry && first_index(xas) < from);
		if (again)
			xas_pause(xas);
		end_reading();
	} while (again);
	return entry;
}

void *xa_find(const struct xarray *xa, unsigned long *indexp, unsigned long max, xa_mark_t filter)
{
	XA_STATE(xas, (struct xarray *)xa, *indexp);
	void *entry = find_entry(&xas, 0, max, filter);

	if (entry)
		*indexp = xas.xa_index;
	return entry;
}

void *xa_find_after(const struct xarray *xa, unsigned long *indexp, unsigned long max, xa_mark_t filter)
{
	XA_STATE(xas, (struct xarray *)xa, *indexp + 1);
	void *entry = xas.xa_index ? find_entry(&xas, *indexp + 1, max, filter) : NULL;

	if (entry)
		*indexp = xas.xa_index;
	return entry;
}

/*
 * One walk from the root towards *index, by the highest slots up to there. True: start again with *index, which is
 * lower now, or the same if a node has left the tree. False: *entryp is the answer, and begins at *index.
 */
static bool look_below(const struct xarray *xa, unsigned long *index, void **entryp)
{
	unsigned long first = 0; /* of the slot that the walk has come through */
	void *entry = xa_head(xa);

	*index = min(*index, xa_reach(entry));
	while (xa_is_node(entry)) {
		struct xa_node *node = xa_to_node(entry);
		unsigned int slot = xa_slot_at(*index, node->shift), head;
		unsigned long bits = READ_ONCE(node->heads) & (~0ul >> (XA_CHUNK_MASK - slot));

		first = *index & ~((XA_CHUNK_SIZE << node->shift) - 1);
		entry = NULL;
		if (!bits)
			break;
		head = (unsigned int)ilog2(bits);
		first += (unsigned long)head << node->shift;
		if (head != slot)
			*index = first + (1ul << node->shift) - 1;
		entry = xa_entry(xa, node, head);
	}
	*entryp = xa_is_sibling(entry) || xa_is_retry(entry) ? NULL : xa_zero_to_null(entry);
	if (xa_is_retry(entry))
		return true;
	*index = *entryp ? first : first - 1;
	return !*entryp && first;
}

static __noinline void *find_below_otherwise(const struct xarray *xa, unsigned long *indexp)
{
	unsigned long index = *indexp;
	bool again;
	void *entry;

	do {
		begin_reading();
		again = look_below(xa, &index, &entry);
		end_reading();
	} while (again);
	if (entry)
		*indexp = index;
	return entry;
}

/* Most often the entry is a pointer in the node where the way to the index ends. */
void *xa_find_below(const struct xarray *xa, unsigned long *indexp)
{
	struct xa_node *node;
	unsigned long slot, head, bits = 0;
	void *entry = NULL;

	begin_reading();
	if (likely(xa_walk(xa, *indexp, &node, &slot, &entry)))
		bits = READ_ONCE(node->heads) & (~0ul >> (XA_CHUNK_MASK - slot));
	if (bits) {
		head = (unsigned long)ilog2(bits);
		entry = xa_entry(xa, node, (unsigned int)head);
		if (likely(is_pointer(entry)))
			*indexp = ((*indexp >> node->shift) - slot + head) << node->shift;
	}
	end_reading();
	return likely(bits && is_pointer(entry)) ? entry : find_below_otherwise(xa, indexp);
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

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* What a function of the normal API returns. */
static void *result(const struct xa_state *xas, void *old)
{
	return xas_error(xas) ? XA_ERROR(xas_error(xas)) : xa_zero_to_null(old);
}

/* An index of an allocating array is taken now. */
static void note_index_taken(struct xa_state *xas)
{
	if (xa_track_free(xas->xa))
		xas_clear_mark(xas, XA_FREE_MARK);
}

/* Put the entry into the slot, which is empty and whose `care` bit is clear. The caller counts it. */
static __always_inline void fill(struct xa_node *node, unsigned long slot, void *entry)
{
	unsigned long heads = READ_ONCE(node->heads);

	smp_store_release(&node->slots[slot], entry);
	WRITE_ONCE(node->heads, heads | BIT(slot));
}

static __always_inline void vacate(struct xa_node *node, unsigned long slot)
{
	unsigned long heads = READ_ONCE(node->heads);

	WRITE_ONCE(node->heads, heads & ~BIT(slot));
	smp_store_release(&node->slots[slot], NULL);
}

/* A value counts in `count` and in `nr_values`, which share one word; `shift`, which readers use, is not in it. */
static inline void count_value(struct xa_node *node, int by)
{
	node->counts = (u16)(node->counts + by * 0x0101);
}

/* Does the slot need more than a pointer write (theory, 11)? */
static __always_inline bool cares(const struct xa_node *node, unsigned long slot)
{
	return node->care >> slot & 1;
}

static __noinline void *store_otherwise(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	XA_STATE(xas, xa, index);
	void *old;

	if (unlikely(xa_is_advanced(entry)))
		return XA_ERROR(-EINVAL);
	if (!entry && xa_track_free(xa))
		entry = XA_ZERO_ENTRY;
	do {
		old = xas_store(&xas, entry);
		if (entry)
			note_index_taken(&xas);
	} while (__xas_nomem(&xas, gfp));
	return result(&xas, old);
}

/* In the common cases (the slot is empty, or has an entry of the same sort) it calls nothing. */
void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	struct xa_node *node;
	unsigned long slot;
	void *old;

	xa_assert_locked(xa);
	if (unlikely(!xa_walk(xa, index, &node, &slot, &old) || cares(node, slot)))
		return store_otherwise(xa, index, entry, gfp);
	if (!old && likely(xa_is_value(entry))) { /* likely() saves a jump */
		fill(node, slot, entry);
		count_value(node, 1);
		return NULL;
	}
	if (!old && is_pointer(entry)) {
		fill(node, slot, entry);
		node->count++;
		return NULL;
	}
	if ((xa_is_value(old) && xa_is_value(entry)) || (is_pointer(old) && is_pointer(entry))) {
		smp_store_release(&node->slots[slot], entry);
		return old;
	}
	return store_otherwise(xa, index, entry, gfp);
}

static __noinline void *erase_otherwise(struct xarray *xa, unsigned long index)
{
	XA_STATE(xas, xa, index);

	return xa_zero_to_null(xas_store(&xas, NULL));
}

/* It calls nothing if other entries stay in the node; if the node is the root, at least two. */
void *__xa_erase(struct xarray *xa, unsigned long index)
{
	struct xa_node *node;
	unsigned long slot;
	void *old;

	xa_assert_locked(xa);
	if (unlikely(!xa_walk(xa, index, &node, &slot, &old) || cares(node, slot)))
		return erase_otherwise(xa, index);
	if (unlikely(node->count <= 2 && (node->count == 1 || !node->parent)))
		return erase_otherwise(xa, index);
	if (xa_is_value(old)) {
		vacate(node, slot);
		count_value(node, -1);
		return old;
	}
	if (is_pointer(old)) {
		vacate(node, slot);
		node->count--;
		return old;
	}
	return erase_otherwise(xa, index);
}

void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry, gfp_t gfp)
{
	XA_STATE(xas, xa, index);
	void *curr;

	xa_assert_locked(xa);
	if (unlikely(xa_is_advanced(entry)))
		return XA_ERROR(-EINVAL);
	do {
		curr = xas_load(&xas);
		if (curr != old)
			continue;
		xas_store(&xas, entry);
		if (entry && !curr)
			note_index_taken(&xas);
	} while (__xas_nomem(&xas, gfp));
	return result(&xas, curr);
}

static __noinline int insert_otherwise(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	XA_STATE(xas, xa, index);

	if (unlikely(xa_is_advanced(entry)))
		return -EINVAL;
	do {
		if (xas_load(&xas)) {
			xas_set_err(&xas, -EBUSY);
			continue;
		}
		xas_store(&xas, entry ? entry : XA_ZERO_ENTRY);
		note_index_taken(&xas);
	} while (__xas_nomem(&xas, gfp));
	return xas_error(&xas);
}

int __xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	struct xa_node *node;
	unsigned long slot;
	void *old;

	xa_assert_locked(xa);
	if (unlikely(!xa_walk(xa, index, &node, &slot, &old) || old || cares(node, slot)))
		return insert_otherwise(xa, index, entry, gfp);
	if (is_pointer(entry)) {
		fill(node, slot, entry);
		node->count++;
		return 0;
	}
	if (xa_is_value(entry)) {
		fill(node, slot, entry);
		count_value(node, 1);
		return 0;
	}
	return insert_otherwise(xa, index, entry, gfp);
}

/* --- marks -------------------------------------------------------------------------------------------------------- */

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
