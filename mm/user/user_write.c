/* SPDX-License-Identifier: MIT */
/* Filling a process's pages from outside: what its program's file says. */
#include "mm/user/user_internal.h"

/* A page that may be written: one that is there, and in a private area nobody else's. */
static int writable_page(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr)
{
	pte_t pte = user_entry(mm, addr);

	if (!pte_present(pte))
		return user_fill(mm, vma, addr);
	if ((vma->vm_flags & VM_SHARED) || atomic_read(&pfn_to_page(pte_pfn(pte))->refcount) == 1)
		return 0;
	return user_unshare(mm, vma, addr, pte);
}

/* What a program's file says about one page. Its frame may be a highmem one. */
static int write_page(struct mm_struct *mm, vaddr_t addr, const void *data, size_t size)
{
	vaddr_t page_addr = PAGE_ALIGN_DOWN(addr);
	const struct vm_area_struct *vma = mm_find_area(mm, addr);
	int err = vma ? writable_page(mm, vma, page_addr) : -EFAULT;
	char *to;

	if (err)
		return err;
	to = kmap_local_page(pfn_to_page(pte_pfn(user_entry(mm, page_addr))));
	memcpy(to + offset_in_page(addr), data, size);
	kunmap_local(to);
	return 0;
}

int mm_write(struct mm_struct *mm, vaddr_t addr, const void *data, size_t size)
{
	int err = 0;

	mutex_lock(&mm->lock);
	while (size && !err) {
		size_t n = min(size, (size_t)(PAGE_SIZE - offset_in_page(addr)));

		err = write_page(mm, addr, data, n);
		addr += n;
		data = (const char *)data + n;
		size -= n;
	}
	mm_unlock(mm);
	return err;
}
