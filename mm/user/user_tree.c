/* SPDX-License-Identifier: MIT */
/*
 * The areas of a process as a tree by address: which one is at an address, and where is room for another?
 *
 * Each area keeps the size of the hole below it, and the largest such hole of its subtree. So one way down the tree
 * finds the lowest hole that is large enough. The hole behind the last area belongs to nobody, and is looked at last.
 */
#include "mm/user/user_internal.h"

static struct vm_area_struct *to_area(struct rb_node *node)
{
	return rb_entry_safe(node, struct vm_area_struct, node);
}

static unsigned long own_hole(const struct vm_area_struct *vma) { return vma->hole; }
RB_DECLARE_CALLBACKS_MAX(static, holes, struct vm_area_struct, node, unsigned long, largest_hole, own_hole);

struct vm_area_struct *user_area_first(const struct mm_struct *mm) { return to_area(rb_first(&mm->areas)); }
struct vm_area_struct *user_area_next(const struct vm_area_struct *vma) { return to_area(rb_next(&vma->node)); }
struct vm_area_struct *user_area_before(const struct vm_area_struct *vma) { return to_area(rb_prev(&vma->node)); }

struct vm_area_struct *user_area_above(const struct mm_struct *mm, vaddr_t addr)
{
	struct rb_node *node = mm->areas.rb_node;
	struct vm_area_struct *above = NULL;

	while (node) {
		struct vm_area_struct *vma = to_area(node);

		if (vma->vm_end > addr)
			above = vma;
		node = vma->vm_end > addr ? node->rb_left : node->rb_right;
	}
	return above;
}

/* --- holes -------------------------------------------------------------------------------------------------------- */

/* Where the hole behind this area begins; NULL: the hole in front of all. Nothing is searched below mmap_base. */
static vaddr_t hole_start(const struct mm_struct *mm, const struct vm_area_struct *before)
{
	return before ? max(before->vm_end, mm->mmap_base) : mm->mmap_base;
}

/* The end of the hole below this area: below a stack, room to grow and the gap are no part of it. */
static vaddr_t hole_end(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_GROWSDOWN ? min(vma->vm_start, vma->vm_end - USER_STACK_MAX - STACK_GUARD_GAP)
					    : vma->vm_start;
}

/* Measure the hole below `vma` again: it or the area before it has changed. NULL: nothing to do. */
static void update_hole(struct vm_area_struct *vma, const struct vm_area_struct *before)
{
	vaddr_t start, end;

	if (!vma)
		return;
	start = hole_start(vma->vm_mm, before);
	end = hole_end(vma);
	vma->hole = end > start ? end - start : 0;
	holes_propagate(&vma->node, NULL);
}

static bool subtree_fits(struct rb_node *node, size_t size)
{
	return node && to_area(node)->largest_hole >= size;
}

/* The area above the lowest hole that is large enough, in a subtree that has one. */
static struct vm_area_struct *lowest_fit(struct rb_node *node, size_t size)
{
	for (;;) {
		if (subtree_fits(node->rb_left, size))
			node = node->rb_left;
		else if (to_area(node)->hole >= size)
			return to_area(node);
		else
			node = node->rb_right;
	}
}

vaddr_t user_hole_find(const struct mm_struct *mm, size_t size)
{
	struct rb_node *root = mm->areas.rb_node;
	vaddr_t last;

	if (subtree_fits(root, size))
		return hole_start(mm, user_area_before(lowest_fit(root, size)));
	last = hole_start(mm, to_area(rb_last(&mm->areas)));
	return layout.user_end - last >= size ? last : 0;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

struct area_place user_area_place(struct mm_struct *mm, vaddr_t addr)
{
	struct area_place at = { .link = &mm->areas.rb_node };

	while (*at.link) {
		struct vm_area_struct *vma = to_area(at.parent = *at.link);

		if (addr < vma->vm_start) {
			at.above = vma;
			at.link = &at.parent->rb_left;
		} else {
			at.below = vma;
			at.link = &at.parent->rb_right;
		}
	}
	return at;
}

void user_area_insert(struct vm_area_struct *vma, const struct area_place *at)
{
	vma->hole = vma->largest_hole = 0;
	rb_link_node(&vma->node, at->parent, at->link);
	update_hole(vma, at->below);
	update_hole(at->above, vma);
	rb_insert_augmented(&vma->node, &vma->vm_mm->areas, &holes);
	vma->vm_mm->nr_areas++;
}

void user_area_erase(struct vm_area_struct *vma)
{
	struct vm_area_struct *before = user_area_before(vma), *next = user_area_next(vma);

	rb_erase_augmented(&vma->node, &vma->vm_mm->areas, &holes);
	update_hole(next, before);
	vma->vm_mm->nr_areas--;
}

void user_area_resize(struct vm_area_struct *vma, vaddr_t start, vaddr_t end)
{
	vma->vm_start = start;
	vma->vm_end = end;
	update_hole(vma, user_area_before(vma));
	update_hole(user_area_next(vma), vma);
}
