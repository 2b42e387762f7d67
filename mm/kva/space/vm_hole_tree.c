/* SPDX-License-Identifier: MIT */
/*
 * The tree of holes: where is room for a request?
 *
 * 1. The search. For a hole [s, e) and an alignment a let fit(a) = e - (s rounded up to a), or 0 if that is negative.
 *    It is the largest size that fits into the hole at an aligned address. Each node of the tree keeps the maximum of
 *    fit over its subtree, in pages and capped (2), for every alignment from a page to the largest leaf:
 *
 *			[ 5 | 4 | 0 ]			a = 1, 2, 4 pages
 *			 /         \
 *		[ 3 | 2 | 0 ]   [ 5 | 4 | 0 ]		so "4 pages aligned to 2" goes right without looking left
 *
 *    The search wants the lowest hole that fits and starts at lo or above. Without lo it goes down from the root.
 *    Otherwise it begins at the first hole there, goes up and then down, and never has to turn back: O(log n) for every
 *    alignment and every size up to the cap. The one hole that contains lo is checked first. hi needs no search: if the
 *    lowest place is too high, so is every other one.
 *
 *    A request with skew s is one for size + s bytes, of which the first s stay free.
 *
 * 2. A key is at most `fit_most`, so the keys of vast holes do not change when their borders move. Most new space comes
 *    out of such a hole, and neither it nor a node above it has to be looked at then: a node whose last key is at the
 *    cap (so all are, 3) stays so as long as a child or its own hole is. A request for more than the cap looks at the
 *    holes at the cap one by one. These are few, since each has a 128th of the arena or more (VAST_HOLES).
 *
 * 3. The keys of a node never grow from one alignment to the next. So behind the first class where the old key and the
 *    new one are 0, all are. Small holes have few keys. On the way up only those classes are looked at whose key below
 *    has changed.
 *
 * 4. When a range leaves a rest on both sides, or joins two holes, the larger hole keeps its node. So the small one is
 *    inserted or erased, whose keys matter to few nodes above it.
 */
#include "mm/kva/space/vm_hole_tree.h"

#define VAST_HOLES 128u
#define LAST_CLASS (VM_ALIGN_CLASSES - 1)

struct rb_root vm_hole_root = RB_ROOT;
static u32 fit_most; /* pages */

void vm_hole_tree_init(void)
{
	fit_most = (u32)clamp((VMALLOC_END - VMALLOC_START) / PAGE_SIZE / VAST_HOLES, 1ul, 1ul << 31);
}

/* --- the search key --------------------------------------------------------------------------------------------- */

/* Room in [start, end) from the first address on that is aligned to 1 << shift. */
static unsigned long room(vaddr_t start, vaddr_t end, unsigned int shift)
{
	vaddr_t at = ALIGN(start, 1UL << shift);

	return at >= start && at < end ? end - at : 0;
}

static unsigned long hole_room(const struct vm_range *hole, unsigned int class)
{
	return room(hole->start, hole->end, class + PAGE_SHIFT);
}

/* The key of so many bytes. */
static u32 capped(unsigned long bytes)
{
	return (u32)min(bytes >> PAGE_SHIFT, (unsigned long)fit_most);
}

/* key: capped(). */
static bool subtree_fits(struct rb_node *node, unsigned int class, u32 key)
{
	return node && vm_to_range(node)->fit[class] >= key;
}

static bool hole_fits(struct rb_node *node, unsigned int class, u32 key)
{
	return capped(hole_room(vm_to_range(node), class)) >= key;
}

static u32 subtree_fit(const struct vm_range *hole, unsigned int class)
{
	const struct vm_range *left = vm_to_range(hole->node.rb_left), *right = vm_to_range(hole->node.rb_right);
	u32 fit = capped(hole_room(hole, class));

	if (left)
		fit = max(fit, left->fit[class]);
	if (right)
		fit = max(fit, right->fit[class]);
	return fit;
}

/* The keys of a subtree, which may be empty. */
static const u32 *fits_of(struct rb_node *node)
{
	static const u32 none[VM_ALIGN_CLASSES];

	return node ? vm_to_range(node)->fit : none;
}

/* Do keys at the cap stay there? */
static bool saturated(const struct vm_range *hole, const u32 *left, const u32 *right)
{
	return hole->fit[LAST_CLASS] == fit_most &&
	       (left[LAST_CLASS] == fit_most || right[LAST_CLASS] == fit_most ||
		capped(hole_room(hole, LAST_CLASS)) == fit_most);
}

/*
 * Recompute one node's keys: subtree_fit() of all classes. Addresses are counted in pages, so the difference cannot
 * overflow; it is negative where there is no room, because the aligned start lies behind the end. Returns the classes
 * whose keys have changed; was[] has their old keys.
 */
static u32 update_fit(struct rb_node *node, u32 *was)
{
	struct vm_range *hole = vm_to_range(node);
	const u32 *left = fits_of(node->rb_left), *right = fits_of(node->rb_right);
	unsigned long start = hole->start >> PAGE_SHIFT, end = hole->end >> PAGE_SHIFT, mask = 0;
	u32 changed = 0;

	if (saturated(hole, left, right))
		return 0;
	for (unsigned int class = 0; class < VM_ALIGN_CLASSES; class++, mask = 2 * mask + 1) {
		long own = (long)(end - ((start + mask) & ~mask));
		u32 fit = max((u32)clamp(own, 0l, (long)fit_most), max(left[class], right[class]));

		was[class] = hole->fit[class];
		if (!(was[class] | fit))
			break;
		changed |= (u32)(was[class] != fit) << class;
		hole->fit[class] = fit;
	}
	return changed;
}

/*
 * The keys of some classes have changed below a node, from was[] to what the child says. A larger one is the node's
 * too; a smaller one matters only if it was the largest here. Returns the classes whose keys have changed here, and
 * was[] then has their old keys here.
 */
static u32 climb(struct vm_range *hole, const struct vm_range *child, u32 classes, u32 *was)
{
	u32 changed = 0;

	for (; classes; classes &= classes - 1) {
		unsigned int class = (unsigned int)__builtin_ctz(classes);
		u32 key = hole->fit[class], fit = child->fit[class];

		if (was[class] < key && fit <= key)
			continue;
		if (fit < key)
			fit = subtree_fit(hole, class);
		was[class] = key;
		changed |= (u32)(fit != key) << class;
		hole->fit[class] = fit;
	}
	return changed;
}

static void fit_propagate(struct rb_node *node, struct rb_node *stop)
{
	u32 was[VM_ALIGN_CLASSES], classes = node != stop ? update_fit(node, was) : 0;
	struct rb_node *parent;

	for (; classes && (parent = rb_parent(node)) != stop; node = parent)
		classes = climb(vm_to_range(parent), vm_to_range(node), classes, was);
}

static void fit_copy(struct rb_node *from, struct rb_node *to)
{
	memcpy(vm_to_range(to)->fit, vm_to_range(from)->fit, sizeof(vm_to_range(to)->fit));
}

static void fit_rotate(struct rb_node *down, struct rb_node *up)
{
	u32 was[VM_ALIGN_CLASSES];

	fit_copy(down, up);
	update_fit(down, was);
}

static const struct rb_augment_callbacks fit_callbacks = { fit_propagate, fit_copy, fit_rotate };

/* The lowest hole that fits, in a subtree that has one. */
static struct rb_node *leftmost_fit(struct rb_node *node, unsigned int class, u32 key)
{
	for (;;) {
		if (subtree_fits(node->rb_left, class, key))
			node = node->rb_left;
		else if (hole_fits(node, class, key))
			return node;
		else
			node = node->rb_right;
	}
}

/* The lowest hole that fits, of `node` and all behind it. */
static struct rb_node *next_fit(struct rb_node *node, unsigned int class, u32 key)
{
	while (node) {
		struct rb_node *child;

		if (hole_fits(node, class, key))
			return node;
		if (subtree_fits(node->rb_right, class, key))
			return leftmost_fit(node->rb_right, class, key);
		do {
			child = node;
			node = rb_parent(child);
		} while (node && child == node->rb_right);
	}
	return NULL;
}

void vm_hole_insert(struct vm_range *hole)
{
	WRITE_ONCE(hole->kind, VM_RANGE_HOLE); /* copy_range() may look, and then sees that it is held */
	memset(hole->fit, 0, sizeof(hole->fit));
	vm_tree_link(&vm_hole_root, hole);
	fit_propagate(&hole->node, NULL);
	rb_insert_augmented(&hole->node, &vm_hole_root, &fit_callbacks);
}

void vm_hole_erase(struct vm_range *hole)
{
	rb_erase_augmented(&hole->node, &vm_hole_root, &fit_callbacks);
}

void vm_hole_resize(struct vm_range *hole, vaddr_t start, vaddr_t end)
{
	WRITE_ONCE(hole->start, start);
	WRITE_ONCE(hole->end, end);
	fit_propagate(&hole->node, NULL);
}

/* --- finding ---------------------------------------------------------------------------------------------------- */

/* The lowest hole that fits, of all that start at lo or above: `first` is the first such one, NULL: of all. */
static struct rb_node *first_fit(struct rb_node *first, unsigned int class, u32 key)
{
	if (first)
		return next_fit(first, class, key);
	return subtree_fits(vm_hole_root.rb_node, class, key) ? leftmost_fit(vm_hole_root.rb_node, class, key) : NULL;
}

/* The lowest hole at or above lo with room for `size` bytes. */
static struct vm_range *find_hole(struct rb_node *first, unsigned int class, unsigned long size)
{
	u32 key = capped(size);
	struct rb_node *node = first_fit(first, class, key);

	while (node && hole_room(vm_to_range(node), class) < size) { /* it is at the cap, and size is above */
		node = rb_next(node);
		node = node ? next_fit(node, class, key) : NULL;
	}
	return vm_to_range(node);
}

struct vm_range *vm_hole_find(const struct vm_request *rq, unsigned long size, vaddr_t *at)
{
	unsigned int class = ilog2(rq->align) - PAGE_SHIFT;
	struct vm_range *hole = NULL;

	if (rq->lo > VMALLOC_START) {
		hole = vm_tree_above(&vm_hole_root, rq->lo);
		if (hole && hole->start < rq->lo) { /* cut by lo */
			*at = ALIGN(rq->lo, rq->align);
			if (room(rq->lo, hole->end, class + PAGE_SHIFT) >= size)
				return hole;
			hole = vm_to_range(rb_next(&hole->node));
		}
		if (!hole)
			return NULL;
	}
	hole = find_hole(hole ? &hole->node : NULL, class, size);
	if (hole)
		*at = ALIGN(hole->start, rq->align);
	return hole;
}

/* Of holes at the cap all are looked at. */
unsigned long vm_hole_largest(void)
{
	u32 key = *fits_of(vm_hole_root.rb_node);
	unsigned long largest = (unsigned long)key << PAGE_SHIFT;
	struct rb_node *node = key && key == fit_most ? leftmost_fit(vm_hole_root.rb_node, 0, key) : NULL;

	while (node) {
		largest = max(largest, vm_range_size(vm_to_range(node)));
		node = rb_next(node);
		node = node ? next_fit(node, 0, key) : NULL;
	}
	return largest;
}

bool vm_hole_keys_right(const struct vm_range *hole)
{
	for (unsigned int class = 0; class < VM_ALIGN_CLASSES; class++)
		if (hole->fit[class] != subtree_fit(hole, class))
			return false;
	return true;
}
