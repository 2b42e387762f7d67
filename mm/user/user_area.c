/* SPDX-License-Identifier: MIT */
/* The addresses that a process may use: areas, sorted; the heap; stacks, and the gap that must stay free below them. */
#include "mm/user/user_internal.h"

struct vm_area_struct *user_area_above(const struct mm_struct *mm, vaddr_t addr)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->vmas, list)
		if (vma->vm_end > addr)
			return vma;
	return NULL;
}

struct vm_area_struct *user_area_before(const struct mm_struct *mm, const struct vm_area_struct *vma)
{
	return vma->list.prev == &mm->vmas ? NULL : list_entry(vma->list.prev, struct vm_area_struct, list);
}

struct vm_area_struct *mm_find_area(const struct mm_struct *mm, vaddr_t addr)
{
	struct vm_area_struct *vma = user_area_above(mm, addr);

	return vma && vma->vm_start <= addr ? vma : NULL;
}

static bool range_valid(vaddr_t addr, size_t size)
{
	return addr && size && IS_ALIGNED(addr | size, PAGE_SIZE) && addr < layout.user_end &&
	       size <= layout.user_end - addr;
}

static struct vm_area_struct *area_new(struct mm_struct *mm, vaddr_t start, vaddr_t end, unsigned int flags)
{
	struct vm_area_struct *vma = kmalloc(sizeof(*vma), GFP_KERNEL);

	if (vma)
		*vma = (struct vm_area_struct){ .vm_mm = mm, .vm_start = start, .vm_end = end, .vm_flags = flags };
	return vma;
}

static void area_free(struct vm_area_struct *vma)
{
	list_del(&vma->list);
	kfree(vma);
}

/* Only adjacent private memory with the same rights is joined; stacks and shared areas are not. */
static bool can_join(const struct vm_area_struct *low, const struct vm_area_struct *high)
{
	return low->vm_end == high->vm_start && low->vm_flags == high->vm_flags &&
	       !(low->vm_flags & (VM_SHARED | VM_GROWSDOWN));
}

static void join_neighbours(struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct vm_area_struct *before = user_area_before(mm, vma);

	if (before && can_join(before, vma)) {
		before->vm_end = vma->vm_end;
		area_free(vma);
		vma = before;
	}
	if (vma->list.next != &mm->vmas && can_join(vma, list_next_entry(vma, list))) {
		struct vm_area_struct *after = list_next_entry(vma, list);

		vma->vm_end = after->vm_end;
		area_free(after);
	}
}

int user_area_add(struct mm_struct *mm, vaddr_t start, vaddr_t end, unsigned int flags)
{
	struct vm_area_struct *above = user_area_above(mm, start), *vma;

	if (above && above->vm_start < end)
		return -EEXIST;
	vma = area_new(mm, start, end, flags);
	if (!vma)
		return -ENOMEM;
	list_add_tail(&vma->list, above ? &above->list : &mm->vmas);
	join_neighbours(mm, vma);
	return 0;
}

/* Nothing lies in the NULL zone, and no area may be written and executed: user_prot() has no such entry. */
static bool request_valid(vaddr_t addr, size_t size, unsigned int flags)
{
	return addr >= USER_START && range_valid(addr, size) &&
	       (flags & (VM_WRITE | VM_EXEC)) != (VM_WRITE | VM_EXEC);
}

int mm_map(struct mm_struct *mm, vaddr_t addr, size_t size, unsigned int flags)
{
	int err;

	if (!request_valid(addr, size, flags))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = user_area_add(mm, addr, addr + size, flags);
	mm_unlock(mm);
	return err;
}

/* The end of the hole below this area, for find_hole(): below a stack, room to grow and the gap are no part of it. */
static vaddr_t area_floor(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_GROWSDOWN ? min(vma->vm_start, vma->vm_end - USER_STACK_MAX - STACK_GUARD_GAP)
					    : vma->vm_start;
}

/* The lowest hole that is large enough, from mmap_base on; 0 = none. */
static vaddr_t find_hole(const struct mm_struct *mm, size_t size)
{
	vaddr_t addr = mm->mmap_base;
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->vmas, list) {
		if (vma->vm_end <= addr)
			continue;
		if (area_floor(vma) >= addr && area_floor(vma) - addr >= size)
			return addr;
		addr = vma->vm_end;
	}
	return addr < layout.user_end && layout.user_end - addr >= size ? addr : 0;
}

long mm_map_anywhere(struct mm_struct *mm, size_t size, unsigned int flags)
{
	vaddr_t addr;
	int err;

	if (!request_valid(mm->mmap_base, size, flags))
		return -EINVAL;
	mutex_lock(&mm->lock);
	addr = find_hole(mm, size);
	err = addr ? user_area_add(mm, addr, addr + size, flags) : -ENOMEM;
	mm_unlock(mm);
	return err ? err : (long)addr;
}

/* --- taking ranges away ------------------------------------------------------------------------------------------- */

/* Remove [start, end) from the area. What remains, if anything, is at one end only. */
static void trim(struct mm_struct *mm, struct vm_area_struct *vma, vaddr_t start, vaddr_t end)
{
	user_zap(mm, max(vma->vm_start, start), min(vma->vm_end, end));
	if (vma->vm_start < start)
		vma->vm_end = start;
	else if (vma->vm_end > end)
		vma->vm_start = end;
	else
		area_free(vma);
}

/* Only a range in the middle of an area needs memory, for the part above it; so -ENOMEM comes before any change. */
static int unmap_locked(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct vm_area_struct *vma = mm_find_area(mm, start), *high;

	if (vma && vma->vm_start < start && vma->vm_end > end) {
		high = area_new(mm, end, vma->vm_end, vma->vm_flags);
		if (!high)
			return -ENOMEM;
		vma->vm_end = end;
		list_add(&high->list, &vma->list);
	}
	while ((vma = user_area_above(mm, start)) && vma->vm_start < end)
		trim(mm, vma, start, end);
	return 0;
}

int mm_unmap(struct mm_struct *mm, vaddr_t addr, size_t size)
{
	int err;

	if (!range_valid(addr, size))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = unmap_locked(mm, addr, addr + size);
	mm_unlock(mm);
	return err;
}

/* --- the heap ----------------------------------------------------------------------------------------------------- */

void mm_set_brk(struct mm_struct *mm, vaddr_t start)
{
	mm->brk_start = mm->brk = start;
}

/* May the heap end there: between its beginning and the mappings? */
static bool brk_possible(const struct mm_struct *mm, vaddr_t addr)
{
	return mm->brk_start && addr >= mm->brk_start && addr <= mm->mmap_base;
}

vaddr_t mm_brk(struct mm_struct *mm, vaddr_t addr)
{
	vaddr_t old, new = PAGE_ALIGN(addr);
	int err = -EINVAL;

	mutex_lock(&mm->lock);
	old = PAGE_ALIGN(mm->brk);
	if (brk_possible(mm, addr)) {
		err = 0;
		if (new > old)
			err = user_area_add(mm, old, new, VM_READ | VM_WRITE);
		else if (new < old)
			err = unmap_locked(mm, new, old);
	}
	if (!err)
		mm->brk = addr;
	addr = mm->brk;
	mm_unlock(mm);
	return addr;
}

/* --- stacks ------------------------------------------------------------------------------------------------------- */

int mm_map_stack(struct mm_struct *mm, vaddr_t *top)
{
	*top = layout.user_end;
	return mm_map(mm, *top - PAGE_SIZE, PAGE_SIZE, VM_READ | VM_WRITE | VM_GROWSDOWN);
}

atomic_long_t user_stacks_grown;

/* May the stack grow down to `start`? It has a size limit, and must keep a gap to the area below. */
static bool can_grow(const struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t start)
{
	const struct vm_area_struct *below = user_area_before(mm, vma);

	if (!(vma->vm_flags & VM_GROWSDOWN) || vma->vm_end - start > USER_STACK_MAX)
		return false;
	return !below || (below->vm_end < start && start - below->vm_end >= STACK_GUARD_GAP);
}

struct vm_area_struct *user_area_touched(struct mm_struct *mm, vaddr_t addr)
{
	struct vm_area_struct *vma = user_area_above(mm, addr);

	if (!vma || vma->vm_start <= addr)
		return vma;
	if (!can_grow(mm, vma, PAGE_ALIGN_DOWN(addr)))
		return NULL;
	vma->vm_start = PAGE_ALIGN_DOWN(addr);
	atomic_long_inc(&user_stacks_grown);
	return vma;
}
