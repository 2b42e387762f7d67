/* SPDX-License-Identifier: MIT */
/* Writing into the pages of a process that does not run: this loads its program. */
#include "mm/user/user_internal.h"

/* Make sure that a page is mapped at addr and, in a private area, that no other address space has it. */
static int writable_page(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr)
{
	pte_t pte = user_entry(mm, addr);

	if (!pte_present(pte))
		return user_fill(mm, vma, addr);
	if ((vma->vm_flags & VM_SHARED) || atomic_read(&pfn_to_page(pte_pfn(pte))->refcount) == 1)
		return 0;
	return user_unshare(mm, vma, addr, pte);
}

/* Write bytes of one page, whose frame may be in highmem. */
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
