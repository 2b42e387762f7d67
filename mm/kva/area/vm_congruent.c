/* SPDX-License-Identifier: MIT */
/*
 * Congruent areas: pieces of vmalloc space at given distances from one base, for per-CPU memory.
 *
 *	       base
 *	.. | . .|[ 0 ]. . . .[ 1 ]. .[ 2 ] . . | .. VMALLOC_END
 *		 <-- offset 1 -->
 *
 * 1. The search finds the highest base for which every piece lies in a hole. The base starts as high as the arena
 *    allows and only goes down. The pieces are checked in turn. If one does not lie in a hole, the base becomes the
 *    highest one at which this piece does. Bases in between do not suit this piece, so none is missed. When all pieces
 *    in a row have left the base unchanged, it is found. So the search succeeds exactly if some base exists.
 *
 * 2. It searches from the top, and all other searches from the bottom. So large sets, which need many holes in the
 *    right places, and small areas stay apart.
 *
 * 3. All or nothing: the search and the cutting are one critical section of vm_hole_lock. All descriptors are made
 *    before.
 */
#include "mm/kva/area/area.h"

struct area_piece {
	unsigned long offset, size;
	struct vm_struct *area;
	struct vm_range *range, *fresh[2];
};

struct area_piece_set {
	unsigned int nr;
	unsigned long align, span; /* span: from the base to the end of the last one */
	struct area_piece piece[];
};

/* --- search ------------------------------------------------------------------------------------------------------- */

/* The highest base, not above the given one, at which the piece lies in a hole. 0: none. */
static vaddr_t lower_base(const struct area_piece *piece, unsigned long align, vaddr_t base) __must_hold(vm_hole_lock)
{
	unsigned long reach = piece->offset + piece->size;
	struct vm_range *hole = vm_hole_below(base + reach);

	for (; hole; hole = rb_entry_safe(rb_prev(&hole->node), struct vm_range, node)) {
		vaddr_t at = ALIGN_DOWN(min(hole->end, base + reach) - reach, align);

		if (at + piece->offset >= hole->start)
			return at;
	}
	return 0;
}

static vaddr_t find_base(const struct area_piece_set *set) __must_hold(vm_hole_lock)
{
	vaddr_t base = ALIGN_DOWN(VMALLOC_END - set->span, set->align);
	unsigned int agreed = 0; /* how many pieces in a row have left the base unchanged */

	for (unsigned int i = 0; base && agreed < set->nr; i = (i + 1) % set->nr) {
		vaddr_t lower = lower_base(&set->piece[i], set->align, base);

		agreed = lower == base ? agreed + 1 : 1;
		base = lower;
	}
	return base;
}

static bool take_all(struct area_piece_set *set)
{
	vaddr_t base;

	spin_lock(&vm_hole_lock);
	base = find_base(set);
	for (struct area_piece *p = set->piece; base && p != set->piece + set->nr; p++)
		p->range = vm_hole_cut(base + p->offset, base + p->offset + p->size, p->fresh);
	spin_unlock(&vm_hole_lock);
	return base != 0;
}

/* take_all(); if there is no space, keepers and then notifiers make room, as in vm_range_obtain(). */
static bool obtain_all(struct area_piece_set *set)
{
	bool had = take_all(set) || (vm_make_space() && take_all(set));

	while (!had && vm_purge_notify())
		had = take_all(set);
	return had;
}

/* --- sets --------------------------------------------------------------------------------------------------------- */

static bool overlaps_later(const struct area_piece_set *set, unsigned int i)
{
	const struct area_piece *a = &set->piece[i];

	for (const struct area_piece *b = a + 1; b != set->piece + set->nr; b++)
		if (a->offset < b->offset + b->size && b->offset < a->offset + a->size)
			return true;
	return false;
}

static bool set_valid(const struct area_piece_set *set)
{
	const unsigned long arena = VMALLOC_END - VMALLOC_START;

	if (!is_power_of_2(set->align) || set->align < PAGE_SIZE || set->align > arena || set->span > arena)
		return false;
	for (unsigned int i = 0; i < set->nr; i++) {
		const struct area_piece *p = &set->piece[i];

		if (!p->size || p->size > arena || p->offset > arena || !IS_ALIGNED(p->size | p->offset, set->align) ||
		    overlaps_later(set, i))
			return false;
	}
	return true;
}

static struct area_piece_set *set_create(const unsigned long *offsets, const size_t *sizes, unsigned int nr,
					 unsigned long align)
{
	struct area_piece_set *set = kzalloc(sizeof(*set) + nr * sizeof(set->piece[0]), GFP_KERNEL);

	if (!set)
		return NULL;
	set->nr = nr;
	set->align = align;
	for (unsigned int i = 0; i < nr; i++) {
		set->piece[i].offset = offsets[i];
		set->piece[i].size = sizes[i];
		set->span = max(set->span, offsets[i] + sizes[i]);
	}
	return set;
}

static bool set_supply(struct area_piece_set *set)
{
	for (struct area_piece *p = set->piece; p != set->piece + set->nr; p++) {
		p->area = kmalloc(sizeof(*p->area), GFP_KERNEL);
		if (!p->area || !vm_descriptors_fill(p->fresh, GFP_KERNEL))
			return false;
	}
	return true;
}

/* Free the set, and what did not become areas: unused descriptors, or all. */
static void set_destroy(struct area_piece_set *set)
{
	for (struct area_piece *p = set->piece; p != set->piece + set->nr; p++) {
		vm_descriptors_free(p->fresh);
		kfree(p->area);
	}
	kfree(set);
}

/* Enter all ranges. False: none is left. */
static bool enter_all(struct area_piece_set *set)
{
	unsigned int i, entered;

	for (i = 0; i < set->nr && !vm_range_enter(set->piece[i].range, VM_RANGE_AREA, 0, GFP_KERNEL); i++)
		;
	if (i == set->nr)
		return true;
	entered = i++; /* vm_range_enter() has made piece i a hole again */
	for (; i < set->nr; i++)
		vm_hole_give_back(set->piece[i].range, NULL);
	while (entered)
		vm_range_free(set->piece[--entered].range);
	return false;
}

static struct vm_struct *publish(struct area_piece *p, vaddr_t caller)
{
	struct vm_range *range = p->range;
	struct vm_struct *area = p->area;

	range->own = (struct vm_struct){
		.addr = (void *)range->start, .size = p->size, .flags = VM_NO_GUARD, .caller = caller };
	*area = range->own;
	range->area = area;
	p->area = NULL;
	vm_range_publish(range);
	return area;
}

struct vm_struct **pcpu_get_vm_areas(const unsigned long *offsets, const size_t *sizes, int nr_vms, size_t align)
{
	unsigned int nr = (unsigned int)nr_vms;
	struct vm_struct **vms = NULL;
	struct area_piece_set *set;

	might_sleep();
	if (WARN_ONCE(nr_vms <= 0, "pcpu_get_vm_areas: %d areas", nr_vms))
		return NULL;
	set = set_create(offsets, sizes, nr, align);
	if (!set)
		return NULL;
	if (WARN_ONCE(!set_valid(set), "pcpu_get_vm_areas: sizes, offsets or alignment %zu of %u areas are wrong",
		      align, nr))
		goto out;
	vms = kcalloc(nr, sizeof(*vms), GFP_KERNEL);
	if (!vms)
		goto out;
	if (!set_supply(set) || !obtain_all(set) || !enter_all(set)) {
		kfree(vms);
		vms = NULL;
		goto out;
	}
	for (unsigned int i = 0; i < nr; i++)
		vms[i] = publish(&set->piece[i], _RET_IP_);
out:
	set_destroy(set);
	return vms;
}

void pcpu_free_vm_areas(struct vm_struct **vms, int nr_vms)
{
	might_sleep();
	for (int i = 0; i < nr_vms; i++)
		free_vm_area(vms[i]);
	kfree(vms);
}
