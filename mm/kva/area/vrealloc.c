/* SPDX-License-Identifier: MIT */
/*
 * vrealloc(): memory of the vmalloc family becomes larger or smaller.
 *
 *	|<---------------- address space of the area ----------------->| guard |
 *	|<---- pages ---->|		behind these: released when it became smaller
 *	|<-- size -->|			what the caller may use
 *
 * When it becomes smaller, pages behind the new end go: unmap → flush → free. (Unlike vfree, which frees before the
 * flush.) The address space stays, so growing again puts fresh pages into the same place. A large leaf stays or goes as
 * a whole. The number of pages, not the size of the area, says which pages exist. Bytes are copied and cleared through
 * kmap. Memory that set_memory_*() has changed gets ordinary rights and type first.
 */
#include "mm/kva/area/area.h"

static unsigned long pages_for(size_t size)
{
	return PAGE_ALIGN(size) >> PAGE_SHIFT;
}

static vaddr_t page_at(const struct vm_struct *area, unsigned long n)
{
	return (vaddr_t)area->addr + (n << PAGE_SHIFT);
}

/* Clear bytes [from, to) of the area. */
static void zero_bytes(const struct vm_struct *area, size_t from, size_t to)
{
	while (from < to) {
		size_t end = min(to, (size_t)ALIGN_DOWN(from, PAGE_SIZE) + PAGE_SIZE);
		char *page = kmap_local_page(area->pages[from >> PAGE_SHIFT]);

		memset(page + offset_in_page(from), 0, end - from);
		kunmap_local(page);
		from = end;
	}
}

static void copy_bytes(const struct vm_struct *to, const struct vm_struct *from, size_t n)
{
	for (size_t done = 0; done < n; done += PAGE_SIZE) {
		void *in = kmap_local_page(from->pages[done >> PAGE_SHIFT]);
		void *out = kmap_local_page(to->pages[done >> PAGE_SHIFT]);

		memcpy(out, in, min(n - done, (size_t)PAGE_SIZE));
		kunmap_local(out);
		kunmap_local(in);
	}
}

/* Round `keep` up to whole large leaves. (Areas with large leaves start at the border of one.) */
static unsigned long whole_leaves(const struct vm_struct *area, unsigned long keep)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, page_at(area, keep));

	return leaf.present ? ALIGN(keep, pt_level_size(leaf.level) >> PAGE_SHIFT) : keep;
}

/* Free all pages but the first `keep`, rounded up to whole leaves. */
static void release_tail(struct vm_struct *area, unsigned long keep)
{
	unsigned long nr = area->nr_pages;

	keep = whole_leaves(area, keep);
	if (keep == nr)
		return;
	WRITE_ONCE(area->nr_pages, (unsigned int)keep);
	vm_unmap(page_at(area, keep), page_at(area, nr));
	schedule_point("vrealloc:unmapped");
	free_page_array(area->pages + keep, nr - keep);
	vmalloc_account(-(long)(nr - keep));
}

/* Add pages so that the area has `count`. -ENOMEM: the area is as it was. */
static int refill_tail(struct vm_struct *area, unsigned long count, gfp_t gfp)
{
	unsigned long nr = area->nr_pages, more = count - nr, got;

	gfp = gfp & __GFP_DMA32 ? gfp & ~__GFP_HIGHMEM : gfp | __GFP_HIGHMEM;
	if (area->page_order) /* small pages follow */
		vm_area_forget_leaves(area);
	got = alloc_page_array(gfp & ~__GFP_NOFAIL, more, area->pages + nr);
	if (got < more || vm_map_pages(page_at(area, nr), area->pages + nr, more, PAGE_KERNEL, gfp)) {
		free_page_array(area->pages + nr, got);
		return -ENOMEM;
	}
	vmalloc_account((long)more);
	WRITE_ONCE(area->nr_pages, (unsigned int)count);
	return 0;
}

/* Another size in the same place. */
static int resize(struct vm_struct *area, size_t size, gfp_t gfp)
{
	unsigned long had = area->nr_pages, count = pages_for(size);
	size_t old = area->requested_size;

	if (count > had && refill_tail(area, count, gfp))
		return -ENOMEM;
	if (count < had)
		release_tail(area, count);
	if (gfp & __GFP_ZERO) /* clear the part of the old pages between the old and the new size */
		zero_bytes(area, min(old, size), min((unsigned long)area->nr_pages, had) << PAGE_SHIFT);
	area->requested_size = size;
	if (CONFIG_KASAN)
		kasan_give(area->addr, size, get_vm_area_size(area), KASAN_VMALLOC);
	return 0;
}

static void *move(struct vm_struct *area, size_t size, unsigned long align, gfp_t gfp, int node, const void *caller)
{
	void *p = vm_family_alloc(size, align, gfp, area->flags & VM_ALLOW_HUGE_VMAP, node, caller);

	if (!p)
		return NULL;
	copy_bytes(find_vm_area(p), area, min(area->requested_size, size));
	vfree(area->addr);
	return p;
}

static struct vm_struct *area_of(const void *p)
{
	struct vm_struct *area = find_vm_area(p);

	return area && area->addr == p && (area->flags & VM_ALLOC) && area->nr_pages ? area : NULL;
}

/* Give the area ordinary rights and the ordinary type again: its bytes must be read and written now. */
static void make_usual(struct vm_struct *area)
{
	map_reset_pages((vaddr_t)area->addr, area->pages, area->nr_pages);
	area->flags &= ~VM_DIRECT_CHANGED;
}

void *vrealloc_node_align(const void *p, size_t size, unsigned long align, gfp_t gfp, int node)
{
	struct vm_struct *area;
	bool stays;

	might_sleep();
	if (!size) {
		vfree(p);
		return NULL;
	}
	if (!p)
		return __vmalloc_node(size, align, gfp, node, __builtin_return_address(0));
	area = area_of(p);
	if (WARN_ONCE(!area, "vrealloc: %p is not the start of a block of vmalloc", p) ||
	    WARN_ONCE(align > 1 && !IS_ALIGNED((vaddr_t)p, align), "vrealloc: %p is not aligned to %lx", p, align))
		return NULL;
	if (unlikely(area->flags & VM_DIRECT_CHANGED))
		make_usual(area);
	stays = size <= get_vm_area_size(area);
	if (stays && !resize(area, size, gfp))
		return area->addr;
	if (stays && !(gfp & __GFP_NOFAIL))
		return NULL;
	return move(area, size, align, gfp, node, __builtin_return_address(0)); /* waits for memory with NOFAIL */
}

void *vrealloc_node(const void *p, size_t size, gfp_t gfp, int node)
{
	return vrealloc_node_align(p, size, 1, gfp, node);
}

void *vrealloc(const void *p, size_t size, gfp_t gfp)
{
	return vrealloc_node_align(p, size, 1, gfp, -1);
}
