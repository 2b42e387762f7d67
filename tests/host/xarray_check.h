/* SPDX-License-Identifier: MIT */
/* The rules of an XArray's tree (kernel/core/xarray.c), looked at node by node. For tests; nobody writes meanwhile. */
#pragma once

#include <kernel/xarray.h>

#include <stdio.h>
#include <stdlib.h>

/* Tests and fuzzers end at once, with the reason. */
#define MUST(cond) do { if (!(cond)) { fprintf(stderr, "# broken at %s:%d: %s\n", __FILE__, __LINE__, #cond); abort(); } } while (0)

static inline unsigned long xarray_check_bits(const struct xa_node *node, xa_mark_t mark)
{
	unsigned long bits = 0;

	for (unsigned int i = 0; i < XA_CHUNK_SIZE; i++) {
		const struct xa_node *child = node->slots[i];

		if (mark == XA_PRESENT || !node->shift)
			bits |= child && (mark == XA_PRESENT || (node->bits[mark] & BIT(i))) ? BIT(i) : 0;
		else
			bits |= child && child->bits[mark] ? BIT(i) : 0;
	}
	return bits;
}

/* In an allocating array, what is empty is free, and what has a free index below. */
static inline unsigned long xarray_check_free(const struct xa_node *node)
{
	unsigned long bits = 0;

	for (unsigned int i = 0; i < XA_CHUNK_SIZE; i++) {
		const struct xa_node *child = node->slots[i];

		bits |= !child || (node->shift && child->bits[XA_FREE_MARK]) ? BIT(i) : 0;
	}
	return bits;
}

/* Returns the number of nodes. */
static inline unsigned long xarray_check_node(const struct xarray *xa, const struct xa_node *node)
{
	unsigned long nodes = 1;

	MUST(node->bits[XA_PRESENT] && node->bits[XA_PRESENT] == xarray_check_bits(node, XA_PRESENT));
	for (xa_mark_t mark = 0; mark < XA_MAX_MARKS; mark++)
		MUST(node->bits[mark] == (mark == XA_FREE_MARK && xa_track_free(xa) ? xarray_check_free(node) :
					  xarray_check_bits(node, mark)));
	for (unsigned int i = 0; node->shift && i < XA_CHUNK_SIZE; i++) {
		const struct xa_node *child = node->slots[i];

		if (!child)
			continue;
		MUST(child->parent == node && child->offset == i && child->shift + XA_CHUNK_SHIFT == node->shift);
		nodes += xarray_check_node(xa, child);
	}
	return nodes;
}

static inline unsigned long xarray_check(const struct xarray *xa)
{
	const struct xa_node *root = xa->xa_head;

	if (!root)
		return 0;
	MUST(!root->parent && root->shift < BITS_PER_LONG);
	MUST(!root->shift || root->bits[XA_PRESENT] != 1);
	return xarray_check_node(xa, root);
}
