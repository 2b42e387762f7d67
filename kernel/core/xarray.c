/* SPDX-License-Identifier: MIT */
/*
 * XArray: a radix tree of nodes with 64 slots.
 *
 *	head -> [ node, shift 6 ]            index 0x0c3 = 000011 000011
 *		   | slot 3                               slot 3  slot 3
 *		[ node, shift 0 ] -> slot 3 = the entry
 *
 * 1. A node of shift s spans 64 << s indices; its slots are nodes of shift s - 6, or, when s is 0, entries. The head is
 *    as tall as the largest index needs, and grows by putting a new root on top, whose slot 0 is the old one.
 * 2. A node has four bitmaps over its slots, one a mark and one for "present". In a leaf they are the marks of entries;
 *    above, a bit says that somewhere below there is one. So finding any kind of entry skips what has none.
 * 3. All writing is under xa_lock. Readers take nothing. A node is filled before the pointer to it is published
 *    (release), a reader follows pointers (acquire), and it learns the depth from the node itself, so a reader in an
 *    old root reads as correctly as one in the new root: below slot 0 they are the same tree.
 * 4. Bits and slots are two words; a reader may see one before the other. Thus a search takes a bit as a hint and
 *    believes the slot: set without an entry means "go on". An entry has its slot first and its bit second, and leaves
 *    in the other order, so what was there during the whole search is found.
 * 5. A reader may stand in a node at any time, so a node that went empty must not be freed before that reader has left.
 *    With a deferred free (a grace period) it is unlinked and handed over. Without one it stays linked, empty, and is
 *    used again when an index of its region is stored; only xa_destroy() frees, whose caller excludes readers. The cost
 *    is at most one node for each region that was ever used.
 */
#include <kernel/xarray.h>
#include <arch/barrier.h>
#include <kernel/bug.h>
#include <kernel/rcupdate.h>
#include <lib/atomic.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/string.h>

#define XA_SHIFT 6
#define XA_SLOTS (1u << XA_SHIFT)

struct xa_node {
	struct rcu_head rcu;	/* of whoever frees it later; no reader looks at it */
	u8 shift;		/* each slot spans 1 << shift indices */
	u8 offset;		/* of this node in its parent */
	u8 count;		/* slots in use */
	struct xa_node *parent; /* NULL: root */
	DECLARE_BITMAP(bits[XA_PRESENT + 1], XA_SLOTS);
	void *slots[XA_SLOTS];
};

static void *(*node_alloc)(size_t size);
static void (*node_free)(void *node);
static void (*node_defer)(void *node);
static atomic_long_t nr_nodes;

void xa_set_allocator(void *(*alloc)(size_t size), void (*free)(void *node))
{
	node_alloc = alloc;
	node_free = free;
}

void xa_set_deferred_free(void (*defer)(void *node))
{
	node_defer = defer;
}

unsigned long xa_nr_nodes(void)
{
	return (unsigned long)atomic_long_read(&nr_nodes);
}

void xa_init(struct xarray *xa)
{
	spin_lock_init(&xa->xa_lock, "xa_lock", 0);
	xa->xa_head = NULL;
}

static void *mk_err(int err)
{
	return (void *)((unsigned long)(long)err << 2 | 2);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static struct xa_node *head_of(const struct xarray *xa)
{
	return smp_load_acquire(&xa->xa_head);
}

static void *slot_of(const struct xa_node *node, unsigned int offset)
{
	return smp_load_acquire(&node->slots[offset]);
}

static unsigned int offset_in(const struct xa_node *node, unsigned long index)
{
	return index >> node->shift & (XA_SLOTS - 1);
}

/* Does a tree below this root reach as far as index? */
static bool spans(const struct xa_node *root, unsigned long index)
{
	return index >> root->shift < XA_SLOTS;
}

/* The leaf that has the slot of index, or NULL. */
static struct xa_node *find_leaf(const struct xarray *xa, unsigned long index)
{
	struct xa_node *node = head_of(xa);

	if (!node || !spans(node, index))
		return NULL;
	while (node && node->shift)
		node = slot_of(node, offset_in(node, index));
	return node;
}

void *xa_load(const struct xarray *xa, unsigned long index)
{
	struct xa_node *leaf;
	void *entry;

	rcu_read_lock();
	leaf = find_leaf(xa, index);
	entry = leaf ? slot_of(leaf, offset_in(leaf, index)) : NULL;
	rcu_read_unlock();
	return entry;
}

bool xa_get_mark(const struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf;
	bool marked;

	rcu_read_lock();
	leaf = find_leaf(xa, index);
	marked = leaf && test_bit(offset_in(leaf, index), leaf->bits[mark]);
	rcu_read_unlock();
	return marked;
}

bool xa_marked(const struct xarray *xa, xa_mark_t mark)
{
	struct xa_node *head;
	bool marked;

	rcu_read_lock();
	head = head_of(xa);
	marked = head && !bitmap_empty(head->bits[mark], XA_SLOTS);
	rcu_read_unlock();
	return marked;
}

/* The first index behind the slot `offset` of the node on the way to index; 0 when that is beyond the last index. */
static unsigned long index_behind(const struct xa_node *node, unsigned long index, unsigned int offset)
{
	unsigned long slot = (index >> node->shift & ~(unsigned long)(XA_SLOTS - 1)) | offset;

	return (slot + 1) << node->shift;
}

/*
 * One way down, to the first promising place at or after *index: the entry, or NULL with *index moved on behind a
 * region that has nothing (0: that was the last region).
 */
static void *descend(const struct xa_node *node, unsigned long *index, xa_mark_t filter)
{
	void *entry = NULL;

	for (;;) {
		unsigned int offset = offset_in(node, *index);
		unsigned int next = find_next_bit(node->bits[filter], XA_SLOTS, offset);

		if (next == XA_SLOTS) {
			*index = index_behind(node, *index, XA_SLOTS - 1);
			return NULL;
		}
		if (next != offset)
			*index = index_behind(node, *index, next - 1);
		entry = slot_of(node, next);
		if (!entry)
			*index = index_behind(node, *index, next);
		if (!entry || !node->shift)
			return entry;
		node = entry;
	}
}

/* In a read section. */
static void *find(const struct xarray *xa, unsigned long *indexp, unsigned long max, xa_mark_t filter)
{
	unsigned long index = *indexp;

	while (index <= max) {
		struct xa_node *head = head_of(xa);
		unsigned long next = index;
		void *entry;

		if (!head || !spans(head, index))
			return NULL;
		entry = descend(head, &next, filter);
		if (entry && next <= max) {
			*indexp = next;
			return entry;
		}
		if (entry || next <= index) /* too far, or behind the last index, where numbers wrap */
			return NULL;
		index = next;
	}
	return NULL;
}

void *xa_find(const struct xarray *xa, unsigned long *indexp, unsigned long max, xa_mark_t filter)
{
	void *entry;

	rcu_read_lock();
	entry = find(xa, indexp, max, filter);
	rcu_read_unlock();
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

/* --- marks -------------------------------------------------------------------------------------------------------- */

/* Set a bit of a leaf and, as far as they are not yet, of the nodes above it. */
static void set_bit_upwards(struct xa_node *node, unsigned int offset, xa_mark_t mark)
{
	while (!test_bit(offset, node->bits[mark])) {
		__set_bit(offset, node->bits[mark]);
		if (!node->parent)
			return;
		offset = node->offset;
		node = node->parent;
	}
}

/* Clear a bit of a leaf and those above it that stood for it alone. */
static void clear_bit_upwards(struct xa_node *node, unsigned int offset, xa_mark_t mark)
{
	while (test_bit(offset, node->bits[mark])) {
		__clear_bit(offset, node->bits[mark]);
		if (!node->parent || !bitmap_empty(node->bits[mark], XA_SLOTS))
			return;
		offset = node->offset;
		node = node->parent;
	}
}

void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf;
	bool flags;

	BUG_ON(mark >= XA_MAX_MARKS);
	spin_lock_irqsave(&xa->xa_lock, flags);
	leaf = find_leaf(xa, index);
	if (leaf && leaf->slots[offset_in(leaf, index)])
		set_bit_upwards(leaf, offset_in(leaf, index), mark);
	spin_unlock_irqrestore(&xa->xa_lock, flags);
}

void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark)
{
	struct xa_node *leaf;
	bool flags;

	BUG_ON(mark >= XA_MAX_MARKS);
	spin_lock_irqsave(&xa->xa_lock, flags);
	leaf = find_leaf(xa, index);
	if (leaf)
		clear_bit_upwards(leaf, offset_in(leaf, index), mark);
	spin_unlock_irqrestore(&xa->xa_lock, flags);
}

/* --- nodes, under xa_lock ----------------------------------------------------------------------------------------- */

static struct xa_node *new_node(unsigned int shift, struct xa_node *parent, unsigned int offset)
{
	struct xa_node *node = node_alloc(sizeof(*node));

	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node));
	node->shift = (u8)shift;
	node->offset = (u8)offset;
	node->parent = parent;
	atomic_long_inc(&nr_nodes);
	return node;
}

/* Hang a new node into an empty slot of its parent, or make it the first root. */
static struct xa_node *add_node(struct xarray *xa, unsigned int shift, struct xa_node *parent, unsigned int offset)
{
	struct xa_node *node = new_node(shift, parent, offset);

	if (!node)
		return NULL;
	if (parent)
		parent->count++;
	smp_store_release(parent ? (struct xa_node **)&parent->slots[offset] : &xa->xa_head, node);
	return node;
}

/* Put a root on top: slot 0 is what was the whole tree, with its marks. False: no memory, nothing changed. */
static bool grow(struct xarray *xa)
{
	struct xa_node *old = xa->xa_head;
	struct xa_node *root = new_node(old->shift + XA_SHIFT, NULL, 0);

	if (!root)
		return false;
	root->slots[0] = old;
	root->count = 1;
	for (unsigned int mark = 0; mark <= XA_PRESENT; mark++)
		if (!bitmap_empty(old->bits[mark], XA_SLOTS))
			__set_bit(0, root->bits[mark]);
	old->parent = root;
	smp_store_release(&xa->xa_head, root);
	return true;
}

/* Unlink the nodes in which erasing left nothing, from `node` upwards (rule 5). */
static void release_empty(struct xarray *xa, struct xa_node *node)
{
	while (node_defer && node && !node->count) {
		struct xa_node *parent = node->parent;

		if (parent) {
			smp_store_release(&parent->slots[node->offset], NULL);
			parent->count--;
		} else {
			smp_store_release(&xa->xa_head, NULL);
		}
		atomic_long_dec(&nr_nodes);
		node_defer(node);
		node = parent;
	}
}

/* The shift of a root that reaches as far as index. */
static unsigned int root_shift(unsigned long index)
{
	unsigned int shift = 0;

	while (index >> shift >= XA_SLOTS)
		shift += XA_SHIFT;
	return shift;
}

/* The leaf of index, made if need be. NULL: no memory. */
static struct xa_node *make_leaf(struct xarray *xa, unsigned long index)
{
	struct xa_node *node, *child;

	if (!xa->xa_head && !add_node(xa, root_shift(index), NULL, 0))
		return NULL;
	while (!spans(xa->xa_head, index))
		if (!grow(xa))
			return NULL;
	for (node = xa->xa_head; node->shift; node = child) {
		child = node->slots[offset_in(node, index)];
		if (!child)
			child = add_node(xa, node->shift - XA_SHIFT, node, offset_in(node, index));
		if (!child) {
			release_empty(xa, node);
			return NULL;
		}
	}
	return node;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void fill_slot(struct xa_node *leaf, unsigned int offset, void *entry)
{
	leaf->count += !leaf->slots[offset];
	smp_store_release(&leaf->slots[offset], entry);
	set_bit_upwards(leaf, offset, XA_PRESENT);
}

static void clear_slot(struct xarray *xa, struct xa_node *leaf, unsigned int offset)
{
	for (unsigned int mark = 0; mark <= XA_PRESENT; mark++)
		clear_bit_upwards(leaf, offset, mark);
	smp_store_release(&leaf->slots[offset], NULL);
	leaf->count--;
	release_empty(xa, leaf);
}

/* When there must be `expected` (any: ignored) before `entry` comes. Returns what was there, or an error. */
static void *replace(struct xarray *xa, unsigned long index, bool any, const void *expected, void *entry)
{
	struct xa_node *leaf;
	unsigned int offset;
	void *old = NULL;
	bool flags;

	if (xa_is_err(entry))
		return mk_err(-EINVAL);
	spin_lock_irqsave(&xa->xa_lock, flags);
	leaf = find_leaf(xa, index);
	if (leaf)
		old = leaf->slots[offset_in(leaf, index)];
	if ((any || old == expected) && old != entry) {
		if (!leaf)
			leaf = make_leaf(xa, index);
		offset = leaf ? offset_in(leaf, index) : 0;
		if (!leaf)
			old = mk_err(-ENOMEM);
		else if (entry)
			fill_slot(leaf, offset, entry);
		else
			clear_slot(xa, leaf, offset);
	}
	spin_unlock_irqrestore(&xa->xa_lock, flags);
	return old;
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry)
{
	return replace(xa, index, true, NULL, entry);
}

void *xa_erase(struct xarray *xa, unsigned long index)
{
	return replace(xa, index, true, NULL, NULL);
}

void *xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry)
{
	return replace(xa, index, false, old, entry);
}

int xa_insert(struct xarray *xa, unsigned long index, void *entry)
{
	void *old;

	if (!entry)
		return -EINVAL;
	old = replace(xa, index, false, NULL, entry);
	if (xa_is_err(old))
		return xa_err(old);
	return old ? -EBUSY : 0;
}

/* Bottom up without recursion: free a node when nothing hangs below it any more. */
void xa_destroy(struct xarray *xa)
{
	struct xa_node *node = xa->xa_head;
	unsigned int offset;

	xa->xa_head = NULL;
	while (node) {
		struct xa_node *parent = node->parent;

		for (offset = 0; node->shift && offset < XA_SLOTS && !node->slots[offset]; offset++)
			;
		if (node->shift && offset < XA_SLOTS) {
			struct xa_node *child = node->slots[offset];

			node->slots[offset] = NULL;
			node = child;
			continue;
		}
		node_free(node);
		atomic_long_dec(&nr_nodes);
		node = parent;
	}
}
