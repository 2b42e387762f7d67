/* SPDX-License-Identifier: MIT */
/*
 * kernel/lib/rbtree.c against a sorted array: random insertions, removals and replacements; after each one the
 * red-black rules, the order, and in the augmented tree the value of every subtree are checked by plain recursion.
 */
#include "tests/host/port/host.h"

#include <lib/rbtree.h>

#define KEYS 300

/* The subtree's largest weight: the kind of value by which free space is searched. */
struct thing {
	unsigned int key;
	unsigned long weight, largest;
	struct rb_node node;
	bool in_tree;
};

static struct thing things[KEYS], spare[KEYS];

static unsigned long child_largest(struct rb_node *child)
{
	return child ? rb_entry(child, struct thing, node)->largest : 0;
}

static unsigned long compute_largest(const struct thing *t)
{
	return max(t->weight, max(child_largest(t->node.rb_left), child_largest(t->node.rb_right)));
}

static unsigned long own_weight(const struct thing *t) { return t->weight; }

RB_DECLARE_CALLBACKS_MAX(static, largest, struct thing, node, unsigned long, largest, own_weight);

/* The other way to say the same. */
static bool compute_largest_here(struct thing *t, bool exit)
{
	unsigned long now = compute_largest(t);

	if (exit && t->largest == now)
		return true;
	t->largest = now;
	return false;
}

RB_DECLARE_CALLBACKS(static, by_hand, struct thing, node, largest, compute_largest_here);

static const struct rb_augment_callbacks *augment = &largest;

static void insert(struct rb_root *root, struct thing *t, bool augmented)
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = t->key < rb_entry(parent, struct thing, node)->key ? &parent->rb_left : &parent->rb_right;
	}
	t->in_tree = true;
	rb_link_node(&t->node, parent, link);
	if (!augmented) {
		rb_insert_color(&t->node, root);
		return;
	}
	t->largest = t->weight;
	augment->propagate(parent, NULL);
	rb_insert_augmented(&t->node, root, augment);
}

static void erase(struct rb_root *root, struct thing *t, bool augmented)
{
	t->in_tree = false;
	if (augmented)
		rb_erase_augmented(&t->node, root, augment);
	else
		rb_erase(&t->node, root);
}

/* Black height of the subtree; asserts all that a red-black tree promises. */
static unsigned int check_subtree(const struct rb_node *node, const struct rb_node *parent, bool augmented)
{
	unsigned int left, right;
	bool black;

	if (!node)
		return 1;
	black = node->parent_color & 1;
	assert_ptr_equal(rb_parent(node), parent);
	assert_true(black || (parent && (parent->parent_color & 1)));
	left = check_subtree(node->rb_left, node, augmented);
	right = check_subtree(node->rb_right, node, augmented);
	assert_int_equal(left, right);
	if (augmented) {
		const struct thing *t = rb_entry(node, struct thing, node);

		assert_int_equal(t->largest, compute_largest(t));
	}
	return left + black;
}

/* Forwards and backwards, exactly the things that the model has, in the order of keys. */
static void check_order(const struct rb_root *root)
{
	struct rb_node *node = rb_first(root);

	for (int i = 0; i < KEYS; i++) {
		if (!things[i].in_tree)
			continue;
		assert_ptr_equal(node, &things[i].node);
		node = rb_next(node);
	}
	assert_null(node);
	node = rb_last(root);
	for (int i = KEYS - 1; i >= 0; i--) {
		if (!things[i].in_tree)
			continue;
		assert_ptr_equal(node, &things[i].node);
		node = rb_prev(node);
	}
	assert_null(node);
}

static void check(const struct rb_root *root, bool augmented)
{
	assert_true(!root->rb_node || (root->rb_node->parent_color & 1));
	check_subtree(root->rb_node, NULL, augmented);
	check_order(root);
}

/* Moving a node elsewhere in memory: the copy takes the original's place, and back again. */
static void replace_twice(struct rb_root *root, struct thing *t)
{
	struct thing *copy = &spare[t->key];

	*copy = *t;
	rb_replace_node(&t->node, &copy->node, root);
	*t = *copy;
	rb_replace_node(&copy->node, &t->node, root);
}

static void play(bool augmented)
{
	struct rb_root root = RB_ROOT;

	for (unsigned int i = 0; i < KEYS; i++)
		things[i] = (struct thing){ .key = i, .weight = host_random_below(1000) };
	for (int round = 0; round < 6000; round++) {
		/* The tree swells and shrinks, so that it is also small and empty now and then. */
		unsigned int reach = 1 + (unsigned int)host_random_below(round / 1000 % 2 ? 12 : KEYS);
		struct thing *t = &things[host_random_below(reach)];

		if (!t->in_tree)
			insert(&root, t, augmented);
		else if (host_random() % 8 == 0)
			replace_twice(&root, t);
		else
			erase(&root, t, augmented);
		check(&root, augmented);
	}
	for (int i = 0; i < KEYS; i++)
		if (things[i].in_tree)
			erase(&root, &things[i], augmented);
	assert_true(RB_EMPTY_ROOT(&root));
}

static void plain_tree(void **state)
{
	(void)state;
	play(false);
}

static void augmented_tree(void **state)
{
	(void)state;
	play(true);
	augment = &by_hand;
	play(true);
	augment = &largest;
}

/* A value that changes in place is carried up by propagate, and down again when it shrinks. */
static void augmented_value_changes(void **state)
{
	struct rb_root root = RB_ROOT;

	(void)state;
	for (unsigned int i = 0; i < KEYS; i++) {
		things[i] = (struct thing){ .key = i, .weight = 1 };
		insert(&root, &things[i], true);
	}
	for (int round = 0; round < 500; round++) {
		struct thing *t = &things[host_random_below(KEYS)];

		t->weight = host_random_below(1000);
		augment->propagate(&t->node, NULL);
		check(&root, true);
	}
}

static void node_knows_whether_it_is_in_a_tree(void **state)
{
	struct thing t = { .key = 1 };

	(void)state;
	RB_CLEAR_NODE(&t.node);
	assert_true(RB_EMPTY_NODE(&t.node));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_tree),
		cmocka_unit_test(augmented_tree),
		cmocka_unit_test(augmented_value_changes),
		cmocka_unit_test(node_knows_whether_it_is_in_a_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
