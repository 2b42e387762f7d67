/* SPDX-License-Identifier: MIT */
/* The addresses that a process may use: areas, the heap; stacks, and the gap that must stay free below them. */
#include "mm/user/user_internal.h"

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

/* A process may have so many areas; the first that wants more is told of in the log. */
static bool one_more_allowed(const struct mm_struct *mm)
{
	static atomic_t told;

	if (mm->nr_areas < USER_AREAS_MAX)
		return true;
	if (!atomic_xchg(&told, 1))
		pr_notice("process %u has %u areas of memory, the most there may be: no more for it (said once)\n",
			  mm->pgtable.id, mm->nr_areas);
	return false;
}

static int area_new(const struct area_place *at, const struct vm_area_struct *new)
{
	struct vm_area_struct *vma = one_more_allowed(new->vm_mm) ? kmalloc(sizeof(*vma), GFP_KERNEL) : NULL;

	if (!vma)
		return -ENOMEM;
	*vma = *new;
	user_area_insert(vma, at);
	return 0;
}

static void area_free(struct vm_area_struct *vma)
{
	user_area_erase(vma);
	kfree(vma);
}

void user_areas_free(struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	while ((vma = user_area_first(mm))) {
		user_zap(mm, vma->vm_start, vma->vm_end);
		area_free(vma);
	}
}

/* Only private memory with the same rights is joined; stacks and shared areas are not. */
static bool can_join(const struct vm_area_struct *low, const struct vm_area_struct *high)
{
	return low && high && low->vm_end == high->vm_start && low->vm_flags == high->vm_flags &&
	       !(low->vm_flags & (VM_SHARED | VM_GROWSDOWN));
}

static int add_at(const struct area_place *at, const struct vm_area_struct *new)
{
	bool low = can_join(at->below, new), high = can_join(new, at->above);
	vaddr_t end = high ? at->above->vm_end : new->vm_end;

	if (!low && !high)
		return area_new(at, new);
	if (low && high)
		area_free(at->above);
	if (low)
		user_area_resize(at->below, at->below->vm_start, end);
	else
		user_area_resize(at->above, new->vm_start, end);
	return 0;
}

int user_area_add(struct mm_struct *mm, vaddr_t start, vaddr_t end, unsigned long flags)
{
	struct vm_area_struct new = { .vm_mm = mm, .vm_start = start, .vm_end = end, .vm_flags = flags };
	struct area_place at = user_area_place(mm, start);

	if ((at.below && at.below->vm_end > start) || (at.above && at.above->vm_start < end))
		return -EEXIST;
	return add_at(&at, &new);
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

long mm_map_anywhere(struct mm_struct *mm, size_t size, unsigned int flags)
{
	vaddr_t addr;
	int err;

	if (!request_valid(mm->mmap_base, size, flags))
		return -EINVAL;
	mutex_lock(&mm->lock);
	addr = user_hole_find(mm, size);
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
		user_area_resize(vma, vma->vm_start, start);
	else if (vma->vm_end > end)
		user_area_resize(vma, end, vma->vm_end);
	else
		area_free(vma);
}

/* Make two areas out of one, the upper of which begins at addr. */
static int split(struct vm_area_struct *vma, vaddr_t addr)
{
	struct vm_area_struct high = *vma;
	struct area_place at;
	int err;

	high.vm_start = addr;
	user_area_resize(vma, vma->vm_start, addr);
	at = user_area_place(vma->vm_mm, addr);
	err = area_new(&at, &high);
	if (err)
		user_area_resize(vma, vma->vm_start, high.vm_end);
	return err;
}

/* Only a range in the middle of an area needs memory, for the part above it; so -ENOMEM comes before any change. */
static int unmap_locked(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct vm_area_struct *vma = mm_find_area(mm, start);
	int err = vma && vma->vm_start < start && vma->vm_end > end ? split(vma, end) : 0;

	if (err)
		return err;
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
static bool can_grow(const struct vm_area_struct *vma, vaddr_t start)
{
	const struct vm_area_struct *below = user_area_before(vma);

	if (!(vma->vm_flags & VM_GROWSDOWN) || vma->vm_end - start > USER_STACK_MAX)
		return false;
	return !below || (below->vm_end < start && start - below->vm_end >= STACK_GUARD_GAP);
}

struct vm_area_struct *user_area_touched(struct mm_struct *mm, vaddr_t addr)
{
	struct vm_area_struct *vma = user_area_above(mm, addr);

	if (!vma || vma->vm_start <= addr)
		return vma;
	if (!can_grow(vma, PAGE_ALIGN_DOWN(addr)))
		return NULL;
	user_area_resize(vma, PAGE_ALIGN_DOWN(addr), vma->vm_end);
	atomic_long_inc(&user_stacks_grown);
	return vma;
}
