/* SPDX-License-Identifier: MIT */
/* The tree of holes, for vm_holes.c: theory in vm_hole_tree.c. All of it under vm_hole_lock. */
#pragma once

#include "mm/kva/space/space.h"

extern struct rb_root vm_hole_root;

static inline struct vm_range *vm_to_range(struct rb_node *node)
{
	return rb_entry_safe(node, struct vm_range, node);
}

void vm_hole_tree_init(void);
void vm_hole_insert(struct vm_range *hole);
void vm_hole_erase(struct vm_range *hole);
/* A hole gets new borders, without moving past a neighbour. */
void vm_hole_resize(struct vm_range *hole, vaddr_t start, vaddr_t end);
/* The hole with the lowest place for the request, and *at: the place. `size` includes the skew. NULL: no space. */
struct vm_range *vm_hole_find(const struct vm_request *rq, unsigned long size, vaddr_t *at);
/* Bytes of the largest hole. */
unsigned long vm_hole_largest(void);
bool vm_hole_keys_right(const struct vm_range *hole);
