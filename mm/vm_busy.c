/* SPDX-License-Identifier: MIT */
/*
 * The stretches of vmalloc space that are in use, by address.
 *
 * A range enters the tree when it is complete and leaves it before anything of it is taken down, so what can be found is
 * whole. Leaving (claim) is also what decides who frees: of two that free the same range, one comes too late.
 */
#include "vm_internal.h"

static DEFINE_SPINLOCK(busy_lock, RANK_VM_BUSY);
static struct rb_root busy = RB_ROOT;

void vm_range_publish(struct vm_range *range)
{
	spin_lock(&busy_lock);
	vm_tree_link(&busy, range);
	rb_insert_color(&range->node, &busy);
	spin_unlock(&busy_lock);
}

static bool claimable(const struct vm_range *range, vaddr_t addr, enum vm_range_kind kind, unsigned long flags)
{
	return range && range->start == addr && range->kind == kind &&
	       (kind != VM_RANGE_AREA || flags == VM_ANY || (range->area->flags & flags));
}

struct vm_range *vm_range_claim(vaddr_t addr, enum vm_range_kind kind, unsigned long flags)
{
	struct vm_range *range;

	spin_lock(&busy_lock);
	range = vm_tree_above(&busy, addr);
	if (claimable(range, addr, kind, flags))
		rb_erase(&range->node, &busy);
	else
		range = NULL;
	spin_unlock(&busy_lock);
	return range;
}

struct vm_struct *vm_range_area(vaddr_t addr)
{
	struct vm_struct *area = NULL;
	struct vm_range *range;

	spin_lock(&busy_lock);
	range = vm_tree_above(&busy, addr);
	if (range && range->start <= addr && range->kind == VM_RANGE_AREA)
		area = range->area;
	spin_unlock(&busy_lock);
	return area;
}

static void describe(const struct vm_range *range, struct vm_range_info *info)
{
	info->start = range->start;
	info->end = range->end;
	info->kind = range->kind;
	if (range->kind == VM_RANGE_AREA)
		info->area = *range->area;
}

bool vm_range_next(vaddr_t from, struct vm_range_info *info)
{
	struct vm_range *range;

	spin_lock(&busy_lock);
	range = vm_tree_above(&busy, from);
	if (range && range->start < from)
		range = rb_entry_safe(rb_next(&range->node), struct vm_range, node);
	if (range)
		describe(range, info);
	spin_unlock(&busy_lock);
	return range != NULL;
}

__ts(no_thread_safety_analysis)
int vm_range_at(vaddr_t addr, bool try, struct vm_range_info *info)
{
	const struct vm_range *range;

	if (!try)
		spin_lock(&busy_lock);
	else if (!spin_trylock(&busy_lock))
		return -EAGAIN;
	range = vm_tree_above(&busy, addr);
	if (range)
		describe(range, info);
	schedule_point("vm:described");
	spin_unlock(&busy_lock);
	return range != NULL;
}

/* Order and borders of the tree, adding up its bytes. */
static unsigned int check_busy(unsigned long *bytes)
{
	vaddr_t above = VMALLOC_START; /* the next range must not start lower */
	unsigned int faults = 0;

	spin_lock(&busy_lock);
	for (struct rb_node *node = rb_first(&busy); node; node = rb_next(node)) {
		const struct vm_range *range = rb_entry(node, struct vm_range, node);

		if (range->start < above || range->start >= range->end || range->end > VMALLOC_END ||
		    range->kind == VM_RANGE_HOLE || vm_range_has_hole(range)) {
			printk("vmalloc: bad range %lx-%lx, kind %d, expected above %lx\n", range->start, range->end,
			       range->kind, above);
			faults++;
		}
		*bytes += vm_range_size(range);
		above = range->end;
	}
	spin_unlock(&busy_lock);
	return faults;
}

unsigned int vm_range_check(void)
{
	unsigned long arena = VMALLOC_END - VMALLOC_START, used = 0, largest, free;
	unsigned int faults = vm_holes_check() + check_busy(&used);

	free = vm_holes(&largest);
	if (used + free != arena) {
		printk("vmalloc: %lx bytes busy and %lx free, but the arena has %lx\n", used, free, arena);
		faults++;
	}
	return faults;
}
