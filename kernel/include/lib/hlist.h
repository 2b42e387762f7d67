/* SPDX-License-Identifier: MIT */
/*
 * Lists with a head of one pointer, for the buckets of hash tables (Linux's hlist). No locking of their own. Every
 * operation is O(1), except the walks.
 *
 *	head -> node -> node -> NULL		a node knows the pointer that points to it, so it can leave
 */
#pragma once

#include <lib/compiler.h>

struct hlist_node {
	struct hlist_node *next, **pprev;
};
struct hlist_head {
	struct hlist_node *first;
};

#define HLIST_HEAD_INIT { .first = NULL }
#define HLIST_HEAD(name) struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(head) ((head)->first = NULL)

static inline void INIT_HLIST_NODE(struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = NULL;
}

static inline int hlist_unhashed(const struct hlist_node *node) { return !node->pprev; }
static inline int hlist_empty(const struct hlist_head *head) { return !READ_ONCE(head->first); }

/* Insert the node at *at, in front of what was there. */
static inline void __hlist_insert(struct hlist_node *node, struct hlist_node **at)
{
	node->next = *at;
	node->pprev = at;
	if (*at)
		(*at)->pprev = &node->next;
	WRITE_ONCE(*at, node);
}

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
	__hlist_insert(node, &head->first);
}
static inline void hlist_add_before(struct hlist_node *node, struct hlist_node *next)
{
	__hlist_insert(node, next->pprev);
}
static inline void hlist_add_behind(struct hlist_node *node, struct hlist_node *prev)
{
	__hlist_insert(node, &prev->next);
}

static inline void __hlist_del(struct hlist_node *node)
{
	if (node->next)
		node->next->pprev = node->pprev;
	WRITE_ONCE(*node->pprev, node->next);
}

/* Unlink a node that is on a list; its own links become NULL, so that using them faults at once. */
static inline void hlist_del(struct hlist_node *node)
{
	__hlist_del(node);
	INIT_HLIST_NODE(node);
}

/* The same for a node that may be on no list. */
static inline void hlist_del_init(struct hlist_node *node)
{
	if (!hlist_unhashed(node))
		hlist_del(node);
}

/* Move all of `from` to another head. `from` is empty afterwards. */
static inline void hlist_move_list(struct hlist_head *from, struct hlist_head *to)
{
	to->first = from->first;
	if (to->first)
		to->first->pprev = &to->first;
	from->first = NULL;
}

#define hlist_entry(ptr, type, member) container_of(ptr, type, member)
#define hlist_entry_safe(ptr, type, member) ({ \
	__typeof__(ptr) _node = (ptr); \
	_node ? hlist_entry(_node, type, member) : NULL; })

#define hlist_for_each(pos, head) for ((pos) = (head)->first; (pos); (pos) = (pos)->next)
#define hlist_for_each_safe(pos, n, head) \
	for ((pos) = (head)->first; (pos) && ((n) = (pos)->next, true); (pos) = (n))

#define hlist_for_each_entry(pos, head, member) \
	for ((pos) = hlist_entry_safe((head)->first, __typeof__(*(pos)), member); (pos); \
	     (pos) = hlist_entry_safe((pos)->member.next, __typeof__(*(pos)), member))
/* n: a struct hlist_node *. The body may remove and free `pos` itself. */
#define hlist_for_each_entry_safe(pos, n, head, member) \
	for ((pos) = hlist_entry_safe((head)->first, __typeof__(*(pos)), member); \
	     (pos) && ((n) = (pos)->member.next, true); (pos) = hlist_entry_safe(n, __typeof__(*(pos)), member))
