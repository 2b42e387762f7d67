/* SPDX-License-Identifier: MIT */
/*
 * The nodes of an XArray (Linux's names), for code that looks into them: users of xas_set_update(), which keep lists of
 * nodes, and tests. Theory: kernel/core/xarray.c.
 */
#pragma once

#include <kernel/rcupdate.h>
#include <kernel/xarray.h>
#include <lib/list.h>

/* As many slots as a word has bits, so a mark of all slots is one word. */
#define XA_CHUNK_SHIFT (BITS_PER_LONG == 64 ? 6u : 5u)
#define XA_CHUNK_SIZE  (1ul << XA_CHUNK_SHIFT)
#define XA_CHUNK_MASK  (XA_CHUNK_SIZE - 1)
#define XA_MARK_LONGS  1

struct xa_node {
	void *slots[XA_CHUNK_SIZE]; /* entries, nodes, siblings; first member: no offset on the way down */
	unsigned char shift;	    /* each slot spans 1 << shift indices */
	unsigned char offset;	    /* of this node in its parent */
	union {
		struct {
			unsigned char count;	 /* slots that are not NULL */
			unsigned char nr_values; /* of these, values and their siblings */
		};
		u16 counts; /* both, to change both at once: neither exceeds a byte */
	};
	u32 changes;		    /* begun and ended ones of slots of multi-index entries (xarray.c, 9) */
	struct xa_node *parent;	    /* NULL: root */
	struct xarray *array;
	union {
		struct list_head private_list; /* the user's; empty when the node is freed */
		struct rcu_head rcu_head;      /* while it waits to be freed */
	};
	unsigned long marks[XA_MAX_MARKS][XA_MARK_LONGS]; /* marks of the slots */
	unsigned long heads; /* slots with an entry or a node: neither NULL nor siblings */
	unsigned long care;  /* slots that need more than a pointer write (xarray.c, 11) */
};

/*
 * Called under xa_lock after each change of count or nr_values, also before the node is freed (count 0: take it off the
 * list). Must neither drop the lock nor enable interrupts.
 */
typedef void (*xa_update_node_t)(struct xa_node *node);
/* Empty all slots of a node whose entries are values, and free it; `update` as above. xa_lock. */
void xa_delete_node(struct xa_node *node, xa_update_node_t update);
void xa_dump_node(const struct xa_node *node);

#define XA_BUG_ON(xa, cond)	   do { } while (0) /* Linux's, with XA_DEBUG; BUG_ON() is always on here */
#define XA_NODE_BUG_ON(node, cond) do { } while (0)

/* --- what a slot holds -------------------------------------------------------------------------------------------- */

/*
 * Low bits 010: a node. Low bits 110: a sibling (the entry is in that slot of the same node), RETRY, ZERO. So one test
 * tells a node from everything else that may be in a slot (kernel/core/xarray_internal.h).
 */
static inline void *xa_mk_node(const struct xa_node *node) { return (void *)((unsigned long)node | 2); }
static inline struct xa_node *xa_to_node(const void *entry) { return (struct xa_node *)((unsigned long)entry - 2); }
static inline bool xa_is_node(const void *entry) { return xa_is_internal(entry) && (unsigned long)entry > 4096; }
static inline void *xa_mk_sibling(unsigned int offset) { return xa_mk_internal(offset * 2ul + 1); }
static inline unsigned long xa_to_sibling(const void *entry) { return xa_to_internal(entry) / 2; }
static inline bool xa_is_sibling(const void *entry)
{
	return xa_is_internal(entry) && (unsigned long)entry < (unsigned long)xa_mk_sibling(XA_CHUNK_MASK);
}

/* For readers, and (_locked) for code that holds the lock. */
static inline void *xa_head(const struct xarray *xa) { return rcu_dereference(xa->xa_head); }
static inline void *xa_head_locked(const struct xarray *xa) { return xa->xa_head; }
static inline void *xa_entry(const struct xarray *xa __maybe_unused, const struct xa_node *node, unsigned int offset)
{
	return rcu_dereference(node->slots[offset]);
}
static inline void *xa_entry_locked(const struct xarray *xa __maybe_unused, const struct xa_node *node,
				    unsigned int offset)
{
	return node->slots[offset];
}
static inline struct xa_node *xa_parent(const struct xarray *xa __maybe_unused, const struct xa_node *node)
{
	return rcu_dereference(node->parent);
}
static inline struct xa_node *xa_parent_locked(const struct xarray *xa __maybe_unused, const struct xa_node *node)
{
	return node->parent;
}
