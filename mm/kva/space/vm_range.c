/* SPDX-License-Identifier: MIT */
/* Questions that do not depend on the state of a range, and trees of ranges by address. */
#include "mm/kva/space/space.h"

#define VM_WEIGHT_MOST 0xfffffffful /* far above every bound */
#define OTHER_WEIGHT (VM_CACHE_WEIGHT / 32) /* the least, of a range whose size has no list: such sizes seldom recur */

unsigned long vm_space_unit __ro_after_init, vm_count_most __ro_after_init;

bool is_vmalloc_addr(const void *addr)
{
	return (vaddr_t)addr >= VMALLOC_START && (vaddr_t)addr < VMALLOC_END;
}

unsigned int vm_range_list(unsigned long pages)
{
	return pages <= VM_CACHE_PAGES && pages == vm_cache_round(pages) ? (unsigned int)pages : VM_CACHE_OTHERS;
}

void vm_range_weigh(struct vm_range *range, unsigned long entries)
{
	unsigned long weight = max(entries, vm_range_size(range) / vm_space_unit);

	range->list = (u16)vm_range_list(vm_range_size(range) >> PAGE_SHIFT);
	if (range->list == VM_CACHE_OTHERS)
		weight = max(weight, OTHER_WEIGHT);
	range->weight = (u32)min(weight, VM_WEIGHT_MOST);
}

/* --- trees by address ------------------------------------------------------------------------------------------- */

struct vm_range *vm_tree_above(const struct rb_root *tree, vaddr_t addr)
{
	struct rb_node *node = tree->rb_node;
	struct vm_range *found = NULL;

	while (node) {
		struct vm_range *range = rb_entry(node, struct vm_range, node);

		if (range->end > addr) {
			found = range;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

void vm_tree_link(struct rb_root *tree, struct vm_range *range)
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;

	while (*link) {
		const struct vm_range *other = rb_entry(*link, struct vm_range, node);

		parent = *link;
		if (range->end <= other->start)
			link = &parent->rb_left;
		else if (range->start >= other->end)
			link = &parent->rb_right;
		else
			panic("vmalloc: range %lx-%lx (kind %d) overlaps %lx-%lx (kind %d)", range->start, range->end,
			      range->kind, other->start, other->end, other->kind);
	}
	rb_link_node(&range->node, parent, link);
}
