/* SPDX-License-Identifier: MIT */
/* Historic bugs of the search for address space and of the trees behind it. */
#include "worker.h"

#include "mm/kva/area/area.h"

/* --- 20: a window of just the size that is wanted, with an alignment above a page --------------------------------- */

static void exact_window(unsigned long size, unsigned long align)
{
	struct vm_request rq = {
		.size = size, .align = align, .lo = VMALLOC_START, .hi = VMALLOC_END, .kind = VM_RANGE_AREA
	};
	struct vm_range *range = vm_range_alloc(&rq), *exact;
	vaddr_t at;

	if (!EXPECT(range))
		return;
	at = range->start; /* aligned, and free as soon as it is given back */
	vm_range_free(range);
	rq.lo = at;
	rq.hi = at + size;
	exact = vm_range_alloc(&rq);
	if (!EXPECT(exact))
		return;
	EXPECT_EQ(exact->start, at);
	EXPECT(!vm_range_alloc(&rq)); /* now it is taken */
	vm_range_free(exact);
	rq.hi -= PAGE_SIZE;
	if (rq.hi > rq.lo)
		EXPECT(!vm_range_alloc(&rq)); /* too narrow by a page */
}

KTEST(museum, m20_exact_window_with_an_alignment)
{
	vmalloc_shrink();
	for (unsigned long align = PAGE_SIZE; align <= VM_ALIGN_MAX && align <= 4ul << 20; align <<= 1)
		for (unsigned long size = align; size <= 4 * align; size += align)
			exact_window(size, align);
	EXPECT_EQ(vmalloc_check(), 0);
}

/* --- 21: neighbours may touch; that what overlaps is refused is the host test's, since it ends in a panic --------- */

#define NEIGHBOURS 9u

static void link_all(struct rb_root *tree, struct vm_range *range)
{
	static const u8 order[NEIGHBOURS] = { 4, 1, 7, 0, 2, 6, 8, 3, 5 };

	for (unsigned int i = 0; i < NEIGHBOURS; i++) {
		struct vm_range *r = &range[order[i]];

		r->start = VMALLOC_START + order[i] * 3 * PAGE_SIZE;
		r->end = r->start + 3 * PAGE_SIZE;
		vm_tree_link(tree, r);
		rb_insert_color(&r->node, tree);
	}
}

KTEST(museum, m21_overlap_in_the_tree)
{
	struct vm_range *range = kzalloc(NEIGHBOURS * sizeof(*range), GFP_KERNEL);
	struct rb_root tree = RB_ROOT;

	ASSERT(range);
	link_all(&tree, range);
	for (unsigned int i = 0; i < NEIGHBOURS; i++) {
		EXPECT(vm_tree_above(&tree, range[i].start) == &range[i]);
		EXPECT(vm_tree_above(&tree, range[i].end - 1) == &range[i]);
		EXPECT(vm_tree_above(&tree, range[i].end) == (i + 1 < NEIGHBOURS ? &range[i + 1] : NULL));
	}
	kfree(range);
	EXPECT_EQ(vmalloc_check(), 0);
}
