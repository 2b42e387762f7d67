/* SPDX-License-Identifier: MIT */
/*
 * Searching an XArray. A bit of a node (heads, or a mark) says in which slot to look next. The slot decides: a bit
 * without an entry means "go on". Theory: xarray.c, 5 and 10.
 */
#include "xarray_internal.h"

/* --- any entry ---------------------------------------------------------------------------------------------------- */

/* The first slot from xa_offset on that is in `heads`; XA_CHUNK_SIZE: none. */
static unsigned int next_head(const struct xa_state *xas)
{
	unsigned int offset = xas->xa_offset;
	unsigned long bits = offset < XA_CHUNK_SIZE ? READ_ONCE(xas->xa_node->heads) >> offset : 0;

	return bits ? offset + (unsigned int)__builtin_ctzl(bits) : XA_CHUNK_SIZE;
}

static void move_to_slot(struct xa_state *xas, unsigned int offset)
{
	xas->xa_offset = (unsigned char)offset;
	xas->xa_index = xas_index_of(xas, xas->xa_node, offset);
}

/*
 * Go to the first slot from xa_offset on that is in `heads`. If that is beyond max, go to the slot behind that of max.
 * False: the search ends here.
 */
static bool skip_empty(struct xa_state *xas, unsigned long max)
{
	const struct xa_node *node = xas->xa_node;
	unsigned long last = xas_index_of(xas, node, XA_CHUNK_SIZE) - 1;
	unsigned int offset = next_head(xas), stop = XA_CHUNK_SIZE;

	if (max < last)
		stop = xa_slot_at(max, node->shift) + 1;
	move_to_slot(xas, min(offset, stop));
	return offset < stop || max >= last;
}

/*
 * Search from slot xa_offset of a node on. xa_index is the first index of that slot; 0: the search is behind the last
 * index.
 */
static void *find_from(struct xa_state *xas, unsigned long max)
{
	while (xas->xa_node && xas->xa_index && xas->xa_index <= max) {
		void *entry;

		if (xas->xa_offset == XA_CHUNK_SIZE) {
			xas->xa_offset = xas->xa_node->offset + 1;
			xas->xa_node = xa_parent(xas->xa, xas->xa_node);
			continue;
		}
		if (!skip_empty(xas, max))
			break;
		if (xas->xa_offset == XA_CHUNK_SIZE)
			continue;
		entry = xa_entry(xas->xa, xas->xa_node, xas->xa_offset);
		if (xa_is_node(entry)) {
			xas->xa_node = xa_to_node(entry);
			xas->xa_offset = 0;
		} else if (entry && !xa_is_sibling(entry)) {
			return entry;
		} else {
			move_to_slot(xas, xas->xa_offset + 1u);
		}
	}
	if (!xas->xa_node || !xas->xa_index)
		xas_bounds(xas);
	else if (xas->xa_offset == XA_CHUNK_SIZE) /* no slot: the next search starts at the root */
		xas_reset(xas);
	return NULL;
}

void *xas_find(struct xa_state *xas, unsigned long max)
{
	struct xa_node *node = xas->xa_node;
	unsigned int seen = xas->xa_offset;

	if (xas_error(xas) || node == XAS_BOUNDS)
		return NULL;
	if (xas->xa_index > max)
		return xas_bounds(xas);
	if (!node) {
		xas->xa_index = 1;
		return xas_bounds(xas);
	}
	if (node == XAS_RESTART) {
		void *entry = xas_load(xas);

		if (entry || xas_not_node(xas->xa_node))
			return entry;
		seen = xas->xa_offset;
	} else if (!node->shift) { /* at a later index of a multi-index entry, or after xas_advance() */
		seen = xa_slot_at(xas->xa_index, 0);
	}
	move_to_slot(xas, seen + 1);
	return find_from(xas, max);
}

/* --- marked ones -------------------------------------------------------------------------------------------------- */

/* Begin at the head of the array. True: the search begins at xa_node and xa_offset; false: *entry is the answer. */
static bool begin_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark, void **entry)
{
	void *head = xa_head(xas->xa);

	*entry = NULL;
	xas->xa_node = NULL;
	if (xas->xa_index > xa_reach(head)) {
		xas_bounds(xas);
		return false;
	}
	if (xa_is_node(head)) {
		xas->xa_node = xa_to_node(head);
		xas->xa_offset = (unsigned char)xa_slot_at(xas->xa_index, xas->xa_node->shift);
		return true;
	}
	if (xa_marked(xas->xa, mark)) {
		*entry = head;
		return false;
	}
	xas->xa_index = 1;
	xas->xa_node = max ? XAS_BOUNDS : XAS_RESTART;
	return false;
}

/* In the middle of a multi-index entry the search begins with that entry. */
static void back_to_head(struct xa_state *xas)
{
	void *entry = xa_entry(xas->xa, xas->xa_node, xas->xa_offset);

	while (xa_is_sibling(entry)) {
		move_to_slot(xas, (unsigned int)xa_to_sibling(entry));
		entry = xa_entry(xas->xa, xas->xa_node, xas->xa_offset);
	}
}

/* Is this a search for free slots? Then an empty slot whose bit is set is the result. */
static bool free_is_sought(const struct xa_state *xas, xa_mark_t mark)
{
	return mark == XA_FREE_MARK && xa_track_free(xas->xa);
}

/* behind: the search begins behind the cursor's own slot. */
static void *find_marked_from(struct xa_state *xas, unsigned long max, xa_mark_t mark, bool behind)
{
	for (;;) {
		unsigned int offset;
		void *entry;

		if (xas->xa_offset == XA_CHUNK_SIZE) {
			xas->xa_offset = xas->xa_node->offset + 1;
			xas->xa_node = xa_parent(xas->xa, xas->xa_node);
			if (!xas->xa_node)
				return xas_bounds(xas);
			behind = false;
			continue;
		}
		if (!behind)
			back_to_head(xas);
		offset = xas_find_chunk(xas, behind, mark);
		if (offset > xas->xa_offset) {
			move_to_slot(xas, offset);
			if (xas->xa_index - 1 >= max) { /* also at 0, behind the last index */
				xas_reset(xas);
				return NULL;
			}
			behind = false;
			if (offset == XA_CHUNK_SIZE)
				continue;
		}
		entry = xa_entry(xas->xa, xas->xa_node, xas->xa_offset);
		if (xa_is_node(entry)) {
			xas->xa_node = xa_to_node(entry);
			xas->xa_offset = (unsigned char)xa_slot_at(xas->xa_index, xas->xa_node->shift);
		} else if (entry ? !xa_is_sibling(entry) : free_is_sought(xas, mark)) {
			return entry;
		}
		behind = !xa_is_node(entry);
	}
}

void *xas_find_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark)
{
	bool behind = xas_is_node(xas);
	void *entry;

	if (xas_error(xas) || (xas->xa_node == XAS_BOUNDS && !xas->xa_index)) /* behind the last index */
		return NULL;
	if (xas->xa_index > max) {
		xas_reset(xas);
		return NULL;
	}
	if (!xas->xa_node) {
		xas->xa_index = 1;
		xas->xa_node = max ? XAS_BOUNDS : XAS_RESTART;
		return NULL;
	}
	if (!behind && !begin_marked(xas, max, mark, &entry))
		return entry;
	return find_marked_from(xas, max, mark, behind);
}

/* --- what is in a store's way ------------------------------------------------------------------------------------- */

/* The first entry in the subtree of the cursor's slot: go down by first slots. */
static void *first_below(struct xa_state *xas, void *entry)
{
	while (xa_is_node(entry)) {
		xas->xa_node = xa_to_node(entry);
		xas->xa_offset = 0;
		entry = xas->xa_node->slots[0];
	}
	return entry;
}

/* Go to the next slot of the range, by way of the nodes above. False: that was the last one. */
static bool next_in_range(struct xa_state *xas)
{
	while (xas->xa_node->shift != xas->xa_shift && xas->xa_offset == XA_CHUNK_MASK) {
		xas->xa_offset = xas->xa_node->offset;
		xas->xa_node = xas->xa_node->parent;
		if (!xas->xa_node)
			return false;
	}
	if (xas->xa_node->shift == xas->xa_shift && (xas->xa_offset & xas->xa_sibs) == xas->xa_sibs)
		return false;
	xas->xa_offset++;
	return true;
}

void *xas_find_conflict(struct xa_state *xas)
{
	void *entry;

	if (xas_error(xas) || !xas->xa_node)
		return NULL;
	xa_assert_locked(xas->xa);
	if (xas_top(xas->xa_node)) {
		entry = xas_start(xas);
		while (xa_is_node(entry))
			entry = xas_descend(xas, xa_to_node(entry));
		if (entry || xas_not_node(xas->xa_node))
			return entry;
	}
	if (xas->xa_node->shift > xas->xa_shift)
		return NULL;
	while (next_in_range(xas)) {
		entry = xas->xa_node->slots[xas->xa_offset];
		if (xa_is_sibling(entry))
			continue;
		entry = first_below(xas, entry);
		if (entry)
			return entry;
	}
	xas->xa_offset -= xas->xa_sibs;
	return NULL;
}
