/* SPDX-License-Identifier: MIT */
/* Pages of a process: rights, single entries, unmapping in bulk. */
#include "mm/user/user_internal.h"

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

/* --- unmapping ---------------------------------------------------------------------------------------------------- */

#define ZAP_PAGES 32 /* pages that are unmapped, then flushed, then freed together */

struct zap {
	struct page *page[ZAP_PAGES];
	unsigned long nr;
	vaddr_t next; /* pages before it are unmapped */
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
