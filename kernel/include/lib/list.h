/* SPDX-License-Identifier: MIT */
/*
 * Circular doubly linked lists with the link inside the object (Linux's list.h).
 * No locking of its own. Every operation is O(1), except the walks. In debug builds a node that leaves a list must be
 * the one to which its neighbours point; otherwise an undefined instruction stops the CPU here.
 */
#pragma once

#include <kernel/config.h> /* CONFIG_DEBUG_MM */
#include <lib/compiler.h>

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name)	     struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	WRITE_ONCE(list->next, list);
	list->prev = list;
}

/* Make a and b neighbours. Nodes between them leave the list. */
static inline void __list_join(struct list_head *a, struct list_head *b)
{
	WRITE_ONCE(a->next, b); /* list_empty() may read it without the lock */
	b->prev = a;
}

/* A node that has left already, is on no list yet, or was written over, has other neighbours. */
static inline void __list_leave(struct list_head *node)
{
	if (CONFIG_DEBUG_MM && unlikely(!node->next || !node->prev || node->next->prev != node ||
					node->prev->next != node))
		__builtin_trap();
	__list_join(node->prev, node->next);
}

static inline void __list_insert(struct list_head *node, struct list_head *prev, struct list_head *next)
{
	__list_join(prev, node);
	__list_join(node, next);
}

/* Behind `head`: the newest is found first, as on a stack. */
static inline void list_add(struct list_head *node, struct list_head *head)
{
	__list_insert(node, head, head->next);
}

/* Before `head`: the oldest is found first, as in a queue. */
static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	__list_insert(node, head->prev, head);
}

/* Unlink; the node's own links become NULL, so that using them faults at once. */
static inline void list_del(struct list_head *node)
{
	__list_leave(node);
	node->next = NULL;
	node->prev = NULL;
}

/* The same for a list that RCU readers walk: a reader at the node can go on from it. Free it after a grace period. */
static inline void list_del_rcu(struct list_head *node)
{
	__list_leave(node);
	node->prev = NULL;
}

/* Unlink; the node is an empty list afterwards, and list_empty(node) tells that it is on none. */
static inline void list_del_init(struct list_head *node)
{
	__list_leave(node);
	INIT_LIST_HEAD(node);
}

static inline void list_move(struct list_head *node, struct list_head *head)
{
	__list_leave(node);
	list_add(node, head);
}

static inline void list_move_tail(struct list_head *node, struct list_head *head)
{
	__list_leave(node);
	list_add_tail(node, head);
}

/* `node` takes the place of `old`, whose links stay as they were. */
static inline void list_replace(struct list_head *old, struct list_head *node)
{
	__list_insert(node, old->prev, old->next);
}

static inline bool list_empty(const struct list_head *head)
{
	return READ_ONCE(head->next) == head;
}

static inline bool list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

/* Move all of `from` to the front of `to`; `from` is empty afterwards. */
static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	__list_join(from->prev, to->next);
	__list_join(to, from->next);
	INIT_LIST_HEAD(from);
}

/* Move all of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice_tail_init(struct list_head *from, struct list_head *to)
{
	list_splice_init(from, to->prev);
}

#define list_entry(ptr, type, member)	     container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member)  list_entry((head)->prev, type, member)
#define list_next_entry(pos, member)	     list_entry((pos)->member.next, __typeof__(*(pos)), member)
#define list_prev_entry(pos, member)	     list_entry((pos)->member.prev, __typeof__(*(pos)), member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))

#define list_for_each(pos, head) for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)
#define list_for_each_safe(pos, n, head) \
	for ((pos) = (head)->next, (n) = (pos)->next; (pos) != (head); (pos) = (n), (n) = (pos)->next)

#define list_for_each_entry(pos, head, member) \
	for ((pos) = list_first_entry(head, __typeof__(*(pos)), member); &(pos)->member != (head); \
	     (pos) = list_next_entry(pos, member))
#define list_for_each_entry_reverse(pos, head, member) \
	for ((pos) = list_last_entry(head, __typeof__(*(pos)), member); &(pos)->member != (head); \
	     (pos) = list_prev_entry(pos, member))

/* The body may remove `pos` itself, and nothing else. */
#define list_for_each_entry_safe(pos, n, head, member) \
	for ((pos) = list_first_entry(head, __typeof__(*(pos)), member), (n) = list_next_entry(pos, member); \
	     &(pos)->member != (head); (pos) = (n), (n) = list_next_entry(n, member))
