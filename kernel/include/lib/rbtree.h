/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees in Linux's API shape: the caller descends and links, the tree rebalances.
 *
 *	struct rb_node **link = &root->rb_node, *parent = NULL;
 *	while (*link) {
 *		parent = *link;
 *		link = key < rb_entry(parent, struct thing, node)->key ? &parent->rb_left : &parent->rb_right;
 *	}
 *	rb_link_node(&thing->node, parent, link);
 *	rb_insert_color(&thing->node, root);
 *
 * An augmented tree keeps in each node a value about its whole subtree, for example the largest gap. The callbacks keep
 * it up to date. Before rb_insert_augmented() the caller has set the new node's value and brought its ancestors up to
 * date (propagate(parent, NULL) after rb_link_node does that).
 *
 * No locking of its own, and no lock-free readers.
 */
#pragma once

#include <lib/compiler.h>

struct rb_node {
	unsigned long parent_color; /* parent's address; bit 0: 1 = black */
	struct rb_node *rb_right, *rb_left;
} __aligned(sizeof(long));

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_ROOT ((struct rb_root){ NULL })

#define rb_entry(ptr, type, member) container_of(ptr, type, member)
#define rb_entry_safe(ptr, type, member) ({ \
	__typeof__(ptr) _ptr = (ptr); \
	_ptr ? rb_entry(_ptr, type, member) : NULL; })
#define rb_parent(node) ((struct rb_node *)((node)->parent_color & ~1UL))

#define RB_EMPTY_ROOT(root) (READ_ONCE((root)->rb_node) == NULL)

/* A node that is in no tree is its own parent. */
#define RB_EMPTY_NODE(node) ((node)->parent_color == (unsigned long)(node))
#define RB_CLEAR_NODE(node) ((node)->parent_color = (unsigned long)(node))

/* Link a node at an empty place; rb_insert_color() or rb_insert_augmented() must follow. */
static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->parent_color = (unsigned long)parent;
	node->rb_left = NULL;
	node->rb_right = NULL;
	*link = node;
}

void rb_insert_color(struct rb_node *node, struct rb_root *root);
void rb_erase(struct rb_node *node, struct rb_root *root);

/* `node` takes the place of `victim`; it must have the same place in the order. The caller updates augmented values. */
void rb_replace_node(struct rb_node *victim, struct rb_node *node, struct rb_root *root);

/* Order of keys. NULL at the ends. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

struct rb_augment_callbacks {
	/* Recompute from `node` up to, not including, `stop` (NULL: above the root). May end where nothing changes. */
	void (*propagate)(struct rb_node *node, struct rb_node *stop);
	/* `to` takes the place of `from`: take over its value. */
	void (*copy)(struct rb_node *from, struct rb_node *to);
	/* `up` has taken the place of `down`, which is now its child: up takes down's value, down is recomputed. */
	void (*rotate)(struct rb_node *down, struct rb_node *up);
};

void rb_insert_augmented(struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment);
void rb_erase_augmented(struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment);

/*
 * Define the callbacks `name` for trees of `type`, linked by `field`, with the augmented value in member `value`. bool
 * compute(node, exit) updates one node's value from its own part and its children's values. With exit it returns true
 * if nothing has changed; then no ancestor is updated.
 */
#define RB_DECLARE_CALLBACKS(storage, name, type, field, value, compute) \
	static void name##_propagate(struct rb_node *rb, struct rb_node *stop) \
	{ \
		for (; rb != stop; rb = rb_parent(rb)) \
			if (compute(rb_entry(rb, type, field), true)) \
				break; \
	} \
	static void name##_copy(struct rb_node *from, struct rb_node *to) \
	{ \
		rb_entry(to, type, field)->value = rb_entry(from, type, field)->value; \
	} \
	static void name##_rotate(struct rb_node *down, struct rb_node *up) \
	{ \
		rb_entry(up, type, field)->value = rb_entry(down, type, field)->value; \
		compute(rb_entry(down, type, field), false); \
	} \
	storage const struct rb_augment_callbacks name = { name##_propagate, name##_copy, name##_rotate }

/* The same, where the value (a `value_type`) is the largest own(node) in the subtree. */
#define RB_DECLARE_CALLBACKS_MAX(storage, name, type, field, value_type, value, own) \
	static inline bool name##_compute_max(type *node, bool exit) \
	{ \
		struct rb_node *left = node->field.rb_left, *right = node->field.rb_right; \
		value_type most = own(node); \
		if (left && rb_entry(left, type, field)->value > most) \
			most = rb_entry(left, type, field)->value; \
		if (right && rb_entry(right, type, field)->value > most) \
			most = rb_entry(right, type, field)->value; \
		if (exit && node->value == most) \
			return true; \
		node->value = most; \
		return false; \
	} \
	RB_DECLARE_CALLBACKS(storage, name, type, field, value, name##_compute_max)
