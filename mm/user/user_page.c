/* SPDX-License-Identifier: MIT */
/* Pages of a process: rights, single entries, unmapping in bulk, pages of the kernel lent to a program. */
#include "mm/user/user_internal.h"

#include <mm/vmalloc.h>

pgprot_t user_prot(const struct vm_area_struct *vma, bool own)
{
	if (vma->vm_flags & VM_EXEC)
		return PAGE_USER_ROX;
	return (vma->vm_flags & VM_WRITE) && own ? PAGE_USER : PAGE_USER_RO;
}

pte_t user_entry(const struct mm_struct *mm, vaddr_t addr)
{
	return pgtable_read_entry(&mm->pgtable, addr, 1);
}

static int set_entry(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	(void)addr;
	(void)n; /* the walk is for one page */
	pte_xchg(ptep, *(const pte_t *)ctx);
	return 0;
}

int user_set_entry(struct mm_struct *mm, vaddr_t addr, pte_t pte)
{
	return pgtable_for_each_run(&mm->pgtable, NULL, addr, addr + PAGE_SIZE, true, set_entry, &pte);
}

int user_map_page(struct mm_struct *mm, vaddr_t addr, struct page *page, pgprot_t prot)
{
	int err = user_set_entry(mm, addr, pfn_pte(page_to_pfn(page), pgprot_supported(prot)));

	if (!err)
		mm->user_pages++;
	return err;
}

int user_fill(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t addr)
{
	struct page *page;

	page = alloc_page(GFP_HIGHUSER | __GFP_ZERO | __GFP_NOWARN);
	if (!page)
		return -ENOMEM;
	if (user_map_page(mm, addr, page, user_prot(vma, true))) {
		put_page(page);
		return -ENOMEM;
	}
	return 0;
}

void user_copy_page(struct page *to, struct page *from)
{
	void *dst = kmap_local_page(to), *src = kmap_local_page(from);

	memcpy(dst, src, PAGE_SIZE);
	kunmap_local(src);
	kunmap_local(dst);
}

/* --- unmapping ------------------------------------------------------------------------------------------------------ */

#define ZAP_PAGES 32 /* unmapped, then flushed together, then freed together */

struct zap {
	struct page *page[ZAP_PAGES];
	unsigned long nr;
	vaddr_t next; /* what lies before it is done */
};

static int zap_run(void *ctx, pte_t *ptep, vaddr_t addr, unsigned long n)
{
	struct zap *zap = ctx;

	for (; n; n--, ptep++, addr += PAGE_SIZE) {
		pte_t pte = pte_read(ptep);

		if (!pte_present(pte))
			continue;
		if (zap->nr == ZAP_PAGES) {
			zap->next = addr;
			return -EAGAIN;
		}
		pte_store(ptep, __pte(0));
		zap->page[zap->nr++] = pfn_to_page(pte_pfn(pte));
	}
	return 0;
}

void user_zap(struct mm_struct *mm, vaddr_t start, vaddr_t end)
{
	struct zap zap;

	for (; start != end; start = zap.next) {
		zap.nr = 0;
		zap.next = end;
		pgtable_for_each_run(&mm->pgtable, NULL, start, end, false, zap_run, &zap);
		if (!zap.nr)
			continue;
		flush_tlb_user_range(&mm->pgtable, start, zap.next);
		free_page_array(zap.page, zap.nr);
		mm->user_pages -= zap.nr;
	}
}

/* --- filling from outside ------------------------------------------------------------------------------------------- */

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

/* --- a buffer of the kernel, lent to a program ---------------------------------------------------------------------- */

/* The whole range lies in an area for users: nothing wraps, and the guard page is not lent (Linux bdebd6a28321). */
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
		return -EINVAL; /* a part that was never mapped, or that vrealloc() gave back */
	get_page(page);
	err = user_map_page(mm, uaddr, page, pgprot_set_memtype(user_prot(vma, true), page_memtype(page)));
	if (err)
		put_page(page);
	return err;
}

static int lend_pages(struct mm_struct *mm, const struct vm_area_struct *vma, vaddr_t uaddr, const char *kaddr, unsigned long size)
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
