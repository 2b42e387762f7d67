/* SPDX-License-Identifier: MIT */
/* A buffer of the kernel in vmalloc space, lent to a program: remap_vmalloc_range(). */
#include "mm/user/user_internal.h"

#include <mm/vmalloc.h>

/* Does the whole range lie in an area for users? No sum wraps; the guard page is not lent (Linux bdebd6a28321). */
static bool kernel_range_valid(const void *kaddr, unsigned long pgoff, unsigned long size)
{
	const struct vm_struct *area = find_vm_area(kaddr);
	unsigned long pages;

	if (!area || area->addr != kaddr || !(area->flags & (VM_USERMAP | VM_DMA_COHERENT)))
		return false;
	pages = get_vm_area_size(area) >> PAGE_SHIFT;
	return pgoff <= pages && size >> PAGE_SHIFT <= pages - pgoff;
}

static bool range_empty(const struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	for (; start != end; start += PAGE_SIZE)
		if (pte_present(user_entry(mm, start)))
			return false;
	return true;
}

static int lend_page(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t uaddr, const char *kaddr)
{
	struct page *page = vmalloc_to_page(kaddr);
	int err;

	if (!page)
		return -EINVAL; /* a part that was never mapped, or that vrealloc() has freed */
	get_page(page);
	err = user_map_page(mm, uaddr, page, pgprot_set_memtype(user_prot(vma, true), page_memtype(page)));
	if (err)
		put_page(page);
	return err;
}

static int lend_pages(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t uaddr, const char *kaddr,
		      unsigned long size)
{
	int err = 0;

	for (unsigned long done = 0; done < size && !err; done += PAGE_SIZE)
		err = lend_page(mm, vma, uaddr + done, kaddr + done);
	if (err)
		user_zap(mm, uaddr, uaddr + size);
	return err;
}

static bool lend_valid(vaddr_t uaddr, const void *kaddr, unsigned long pgoff, unsigned long size)
{
	return size && IS_ALIGNED(uaddr | size, PAGE_SIZE) && kernel_range_valid(kaddr, pgoff, size);
}

int remap_vmalloc_range_partial(struct vm_area_struct *vma, unsigned long uaddr, void *kaddr, unsigned long pgoff,
				unsigned long size)
{
	struct mm_struct *mm = vma->vm_mm;

	if (!lend_valid(uaddr, kaddr, pgoff, size))
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED) || uaddr < vma->vm_start || uaddr >= vma->vm_end || size > vma->vm_end - uaddr)
		return -EFAULT;
	if (!range_empty(mm, uaddr, uaddr + size))
		return -EBUSY;
	return lend_pages(mm, vma, uaddr, (const char *)kaddr + (pgoff << PAGE_SHIFT), size);
}

int remap_vmalloc_range(struct vm_area_struct *vma, void *addr, unsigned long pgoff)
{
	return remap_vmalloc_range_partial(vma, vma->vm_start, addr, pgoff, vma->vm_end - vma->vm_start);
}

int mm_lend_vmalloc(struct mm_struct *mm, vaddr_t uaddr, void *kaddr, unsigned long pgoff, unsigned long size)
{
	struct vm_area_struct *vma;
	int err;

	if (!lend_valid(uaddr, kaddr, pgoff, size))
		return -EINVAL;
	mutex_lock(&mm->lock);
	vma = mm_find_area(mm, uaddr);
	err = vma ? remap_vmalloc_range_partial(vma, uaddr, kaddr, pgoff, size) : -EFAULT;
	mm_unlock(mm);
	return err;
}
