/* SPDX-License-Identifier: MIT */
/* The nodes of an XArray: allocating and freeing them, and printing a tree. Theory: xarray.c. */
#include "xarray_internal.h"

#include <kernel/printk.h>
#include <kernel/rcupdate.h>
#include <lib/atomic.h>
#include <lib/string.h>

static_assert(XA_CHUNK_SIZE == BITS_PER_LONG, "a bitmap of a node is one word");

static void *(*node_alloc)(size_t size, gfp_t gfp) __ro_after_init;
static void (*node_free)(void *node) __ro_after_init;
static atomic_long_t nr_nodes;

void xa_set_allocator(void *(*alloc)(size_t size, gfp_t gfp), void (*free)(void *node))
{
	node_alloc = alloc;
	node_free = free;
}

unsigned long xa_nr_nodes(void)
{
	return (unsigned long)atomic_long_read(&nr_nodes);
}

struct xa_node *xa_node_alloc(gfp_t gfp)
{
	struct xa_node *node = node_alloc(sizeof(*node), gfp);

	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node));
	INIT_LIST_HEAD(&node->private_list);
	atomic_long_inc(&nr_nodes);
	return node;
}

void xa_node_free(struct xa_node *node)
{
	atomic_long_dec(&nr_nodes);
	node_free(node);
}

static void free_after_readers(struct rcu_head *head)
{
	node_free(container_of(head, struct xa_node, rcu_head));
}

/*
 * Readers may be in the node: nothing that they read changes, except slots that become RETRY. The user has taken it off
 * its list.
 */
void xa_node_retire(struct xa_node *node)
{
	if (CONFIG_DEBUG_LOCKS)
		BUG_ON(!list_empty(&node->private_list));
	atomic_long_dec(&nr_nodes);
	call_rcu(&node->rcu_head, free_after_readers);
}

/* --- what it looks like ------------------------------------------------------------------------------------------- */

void xa_dump_node(const struct xa_node *node)
{
	printk("node %p: shift %u, slot %u of %p, %u used, %u values, heads %lx, marks %lx %lx %lx\n", node,
	       node->shift, node->offset, node->parent, node->count, node->nr_values, node->heads, node->marks[0][0],
	       node->marks[1][0], node->marks[2][0]);
}

static void dump_entry(unsigned long index, const void *entry)
{
	if (xa_is_value(entry))
		printk("%lu: value %lu\n", index, xa_to_value(entry));
	else if (xa_is_sibling(entry))
		printk("%lu: sibling of slot %lu\n", index, xa_to_sibling(entry));
	else if (entry)
		printk("%lu: %s%p\n", index, xa_is_zero(entry) ? "reserved " : "", entry);
}

/* Walks down into each node and up by its parent, without recursion. */
void xa_dump(const struct xarray *xa)
{
	const struct xa_node *node = xa_is_node(xa->xa_head) ? xa_to_node(xa->xa_head) : NULL;
	unsigned long index = 0;
	unsigned int offset = 0;

	printk("xarray %p: flags %x\n", xa, xa->xa_flags);
	if (!node)
		dump_entry(0, xa->xa_head);
	else
		xa_dump_node(node);
	while (node) {
		const void *entry = offset < XA_CHUNK_SIZE ? node->slots[offset] : NULL;

		if (offset == XA_CHUNK_SIZE) {
			offset = node->offset + 1u;
			index &= ~((XA_CHUNK_SIZE << node->shift) - 1);
			node = node->parent;
			continue;
		}
		index = (index & ~(XA_CHUNK_MASK << node->shift)) | (unsigned long)offset++ << node->shift;
		if (!xa_is_node(entry)) {
			dump_entry(index, entry);
			continue;
		}
		node = xa_to_node(entry);
		xa_dump_node(node);
		offset = 0;
	}
}
