/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees (Guibas and Sedgewick 1978; the presentation of Cormen et al.).
 *
 *	1. A node is red or black; the root is black, and so is the absence of a node.
 *	2. A red node has no red child.
 *	3. Every path down from a node passes the same number of black nodes.
 *
 * So no path is more than twice as long as another. An insertion may break rule 2 at the new red node; erasing a black
 * node breaks rule 3 above its place. Both are repaired on the way up, by recolouring and at most three rotations.
 *
 * Left and right are mirror images, so the code has a parameter `side` and exists once. The one rotation is
 * rotate_up(): a node takes the place of its parent. Only there does a subtree change its parent, so only there must
 * augmented values change; before the repair every value is already right.
 */
#include <lib/rbtree.h>

#define RED   0UL
#define BLACK 1UL

static unsigned long color(const struct rb_node *node)
{
	return node->parent_color & 1;
}

static bool is_red(const struct rb_node *node)
{
	return node && color(node) == RED;
}

static void set_color(struct rb_node *node, unsigned long c)
{
	node->parent_color = (node->parent_color & ~1UL) | c;
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->parent_color = (unsigned long)parent | color(node);
}

/* The link to the child on a side: false left, true right. */
static struct rb_node **child_link(struct rb_node *node, bool right)
{
	return right ? &node->rb_right : &node->rb_left;
}

/* Put `node` where `old` was below `parent` (NULL: at the root). */
static void replace_child(struct rb_root *root, struct rb_node *parent, struct rb_node *old, struct rb_node *node)
{
	if (parent)
		*child_link(parent, parent->rb_right == old) = node;
	else
		root->rb_node = node;
}

/*
 *	   down            up
 *	  /    \          /  \
 *	up      c  -->   a   down      (and its mirror image)
 *	/ \                  /  \
 *     a   b                b    c
 */
static void rotate_up(struct rb_root *root, struct rb_node *up, const struct rb_augment_callbacks *augment)
{
	struct rb_node *down = rb_parent(up), *top = rb_parent(down), *inner;
	bool side = down->rb_right == up;

	inner = *child_link(up, !side);
	*child_link(down, side) = inner;
	if (inner)
		set_parent(inner, down);
	*child_link(up, !side) = down;
	set_parent(down, up);
	set_parent(up, top);
	replace_child(root, top, down, up);
	augment->rotate(down, up);
}

void rb_insert_augmented(struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	struct rb_node *parent;

	/* node is red (rb_link_node); only rule 2 may be broken: its parent may be red too */
	while (is_red(parent = rb_parent(node))) {
		struct rb_node *grand = rb_parent(parent); /* black; it exists, since the root is never red */
		bool side = grand->rb_right == parent;
		struct rb_node *uncle = *child_link(grand, !side);

		if (is_red(uncle)) {
			set_color(parent, BLACK);
			set_color(uncle, BLACK);
			set_color(grand, RED);
			node = grand;
			continue;
		}
		if (*child_link(parent, !side) == node) {
			rotate_up(root, node, augment); /* otherwise an inner grandchild stays red below red */
			parent = node;
		}
		set_color(parent, BLACK);
		set_color(grand, RED);
		rotate_up(root, parent, augment);
		break;
	}
	set_color(root->rb_node, BLACK);
}

/*
 * Every path through the `side` of parent has one black node too few; so the sibling exists. Returns the node above
 * which that is still so, or NULL when the tree is right again.
 */
static struct rb_node *mend_short_side(struct rb_root *root, struct rb_node *parent, bool side,
				       const struct rb_augment_callbacks *augment)
{
	struct rb_node *sibling = *child_link(parent, !side), *near;

	if (is_red(sibling)) {
		set_color(sibling, BLACK);
		set_color(parent, RED);
		rotate_up(root, sibling, augment);
		sibling = *child_link(parent, !side);
	}
	near = *child_link(sibling, side);
	if (!is_red(near) && !is_red(*child_link(sibling, !side))) {
		set_color(sibling, RED);
		if (!is_red(parent))
			return parent;
		set_color(parent, BLACK);
		return NULL;
	}
	if (!is_red(*child_link(sibling, !side))) {
		set_color(near, BLACK);
		set_color(sibling, RED);
		rotate_up(root, near, augment);
		sibling = near;
	}
	set_color(sibling, color(parent));
	set_color(parent, BLACK);
	set_color(*child_link(sibling, !side), BLACK);
	rotate_up(root, sibling, augment);
	return NULL;
}

static void mend_after_erase(struct rb_root *root, struct rb_node *parent, bool side,
			     const struct rb_augment_callbacks *augment)
{
	struct rb_node *node;

	while (parent && (node = mend_short_side(root, parent, side, augment))) {
		parent = rb_parent(node);
		side = parent && parent->rb_right == node;
	}
}

/* The next node in order takes the place and colour of `node`, which has two children. */
static void take_place(struct rb_root *root, struct rb_node *node, struct rb_node *successor)
{
	successor->parent_color = node->parent_color;
	replace_child(root, rb_parent(node), node, successor);
	successor->rb_left = node->rb_left;
	set_parent(successor->rb_left, successor);
	successor->rb_right = node->rb_right;
	if (successor->rb_right)
		set_parent(successor->rb_right, successor);
}

void rb_erase_augmented(struct rb_node *node, struct rb_root *root, const struct rb_augment_callbacks *augment)
{
	struct rb_node *leaving = node; /* the node whose place is removed: it has at most one child */
	struct rb_node *parent, *child;
	unsigned long lost;
	bool side;

	if (node->rb_left && node->rb_right)
		leaving = rb_next(node);
	child = leaving->rb_left ? leaving->rb_left : leaving->rb_right;
	parent = rb_parent(leaving);
	side = parent && parent->rb_right == leaving;
	lost = color(leaving);
	replace_child(root, parent, leaving, child);
	if (child)
		set_parent(child, parent);
	if (leaving != node) {
		take_place(root, node, leaving);
		augment->copy(node, leaving);
		if (parent == node)
			parent = leaving;
		else
			augment->propagate(parent, leaving);
		augment->propagate(leaving, NULL);
	} else {
		augment->propagate(parent, NULL);
	}
	if (child)
		set_color(child, BLACK); /* an only child is red and its parent black */
	else if (lost == BLACK)
		mend_after_erase(root, parent, side, augment);
}

static void no_propagate(struct rb_node *node, struct rb_node *stop)
{
	(void)node;
	(void)stop;
}

static void no_move(struct rb_node *from, struct rb_node *to)
{
	(void)from;
	(void)to;
}

static const struct rb_augment_callbacks not_augmented = { no_propagate, no_move, no_move };

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	rb_insert_augmented(node, root, &not_augmented);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
	rb_erase_augmented(node, root, &not_augmented);
}

void rb_replace_node(struct rb_node *victim, struct rb_node *node, struct rb_root *root)
{
	*node = *victim;
	if (node->rb_left)
		set_parent(node->rb_left, node);
	if (node->rb_right)
		set_parent(node->rb_right, node);
	replace_child(root, rb_parent(victim), victim, node);
}

static struct rb_node *outermost(struct rb_node *node, bool side)
{
	while (node && *child_link(node, side))
		node = *child_link(node, side);
	return node;
}

/*
 * The next node in order on that side: the nearest one below, otherwise the first ancestor that has `from` on its other
 * side.
 */
static struct rb_node *neighbour(const struct rb_node *from, bool side)
{
	struct rb_node *node = (struct rb_node *)from, *parent;

	if (RB_EMPTY_NODE(node))
		return NULL;
	if (*child_link(node, side))
		return outermost(*child_link(node, side), !side);
	while ((parent = rb_parent(node)) && *child_link(parent, side) == node)
		node = parent;
	return parent;
}

struct rb_node *rb_first(const struct rb_root *root) { return outermost(root->rb_node, false); }
struct rb_node *rb_last(const struct rb_root *root) { return outermost(root->rb_node, true); }
struct rb_node *rb_next(const struct rb_node *node) { return neighbour(node, true); }
struct rb_node *rb_prev(const struct rb_node *node) { return neighbour(node, false); }
