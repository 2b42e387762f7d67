/* SPDX-License-Identifier: MIT */
/* The rules of an XArray's tree (kernel/core/xarray.c), looked at node by node. For tests; nobody writes meanwhile. */
#pragma once

#include <kernel/xarray.h>

#include <stdio.h>
#include <stdlib.h>

/* Tests and fuzzers end at once, with the reason. */
#define MUST(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "# broken at %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

/*
 * What a user of the cursor may do and these tests do not: keep a free mark where an entry is; leave nodes empty. And
 * place 0 has been reserved: an entry that takes it keeps the leaf which the reservation made.
 */
static bool xarray_check_marks_his = false, xarray_check_empty_ok = false, xarray_check_0_reserved = false;

static inline bool xarray_check_is_head(const void *entry)
{
	return entry && !xa_is_sibling(entry);
}

/* A slot's own bit, or what the node in it says. */
static inline bool xarray_check_mark_below(const struct xa_node *node, unsigned int slot, xa_mark_t mark)
{
	const void *entry = node->slots[slot];

	return xa_is_node(entry) ? xa_to_node(entry)->marks[mark][0] != 0 : node->marks[mark][0] & BIT(slot);
}

/* The bits of one mark. In an allocating array, what is empty is free, and what has a free index below. */
static inline void xarray_check_mark(const struct xarray *xa, const struct xa_node *node, xa_mark_t mark)
{
	bool free_mark = mark == XA_FREE_MARK && (xa->xa_flags & XA_FLAGS_TRACK_FREE);

	for (unsigned int i = 0; i < XA_CHUNK_SIZE; i++) {
		const void *entry = node->slots[i];
		bool set = node->marks[mark][0] & BIT(i);

		MUST(set == xarray_check_mark_below(node, i, mark));
		MUST(!set || free_mark || xarray_check_is_head(entry));
		if (free_mark && !xa_is_node(entry) && !xarray_check_marks_his)
			MUST(set == !entry);
	}
}

/* A multi-index entry: its siblings stand behind it without a gap; its slots, and those with marks, are cared for. */
static inline void xarray_check_slots(const struct xarray *xa, const struct xa_node *node)
{
	unsigned long marked = node->marks[0][0] | node->marks[1][0] | node->marks[2][0];
	unsigned int head = 0, count = 0, values = 0;

	MUST(!(marked & ~node->care));
	MUST(node->care == ~0ul || (!node->shift && !(xa->xa_flags & XA_FLAGS_TRACK_FREE)));
	for (unsigned int i = 0; i < XA_CHUNK_SIZE; i++) {
		const void *entry = node->slots[i];

		MUST(xarray_check_is_head(entry) == !!(node->heads & BIT(i)));
		MUST(!xa_is_retry(entry));
		if (xa_is_sibling(entry)) {
			MUST(i && xa_to_sibling(entry) == head && xarray_check_is_head(node->slots[head]));
			MUST(!xa_is_node(node->slots[head]) && (node->care & BIT(i)) && (node->care & BIT(head)));
		} else {
			head = i;
		}
		count += entry != NULL;
		values += xa_is_value(node->slots[head]);
	}
	MUST(node->count == count && node->nr_values == values);
}

/* Returns the number of nodes. */
static inline unsigned long xarray_check_node(const struct xarray *xa, const struct xa_node *node)
{
	unsigned long nodes = 1;

	MUST(node->array == xa && (node->count || xarray_check_empty_ok));
	xarray_check_slots(xa, node);
	for (xa_mark_t mark = 0; mark < XA_MAX_MARKS; mark++)
		xarray_check_mark(xa, node, mark);
	for (unsigned int i = 0; i < XA_CHUNK_SIZE; i++) {
		const struct xa_node *child = xa_to_node(node->slots[i]);

		if (!xa_is_node(node->slots[i]))
			continue;
		MUST(child->parent == node && child->offset == i && child->shift + XA_CHUNK_SHIFT == node->shift);
		nodes += xarray_check_node(xa, child);
	}
	return nodes;
}

static inline unsigned long xarray_check(const struct xarray *xa)
{
	const struct xa_node *root = xa_is_node(xa->xa_head) ? xa_to_node(xa->xa_head) : NULL;
	bool alone;

	MUST(!xa_is_sibling(xa->xa_head) && !xa_is_retry(xa->xa_head));
	if (!root)
		return 0;
	MUST(!root->parent && root->shift < BITS_PER_LONG);
	alone = root->count == 1 && (xa_is_node(root->slots[0]) || (!root->shift && root->slots[0]));
	MUST(!alone || xarray_check_empty_ok || xa_is_zero(root->slots[0]) ||
	     (xarray_check_0_reserved && !root->shift));
	for (xa_mark_t mark = 0; mark < XA_MAX_MARKS; mark++)
		MUST(!!xa_marked(xa, mark) == (root->marks[mark][0] != 0));
	return xarray_check_node(xa, root);
}
