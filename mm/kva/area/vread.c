/* SPDX-License-Identifier: MIT */
/*
 * Reading vmalloc space from outside: its contents, and which area contains an address.
 *
 * vread() looks up each page in the tables and never uses the vmalloc address itself. So nothing can fault, and a page
 * that is not mapped reads as zero. It copies without a lock. Afterwards it looks the page up again; if it was unmapped
 * meanwhile, it reads as zero too.
 */
#include "mm/kva/area/area.h"

/* The frame of RAM behind an address, 0 if there is none. */
static unsigned long ram_behind(vaddr_t addr)
{
	unsigned long pfn = vmalloc_to_pfn((const void *)addr);

	return pfn && pfn_valid(pfn) ? pfn : 0;
}

/* Is the page in the direct map? set_direct_map_invalid_noflush() may have removed it. */
static bool readable_page(struct page *page)
{
	return likely(!(page->flags & PAGE_FLAG_DIRECT)) || kernel_page_present(page);
}

/* Copy n bytes of one page. `out` is zero on entry and stays so if nothing is mapped. */
static void read_page(char *out, vaddr_t addr, size_t n)
{
	unsigned long pfn = ram_behind(addr);
	char *page;

	if (!pfn || !readable_page(pfn_to_page(pfn)))
		return;
	page = kmap_local_page(pfn_to_page(pfn));
	memcpy(out, page + offset_in_page(addr), n);
	kunmap_local(page);
	schedule_point("vread:copied");
	if (ram_behind(addr) != pfn)
		memset(out, 0, n);
}

static void read_range(char *out, vaddr_t from, vaddr_t to)
{
	while (from < to) {
		vaddr_t end = min(to, ALIGN_DOWN(from, PAGE_SIZE) + PAGE_SIZE);

		read_page(out, from, end - from);
		out += end - from;
		from = end;
	}
}

static bool readable(const struct vm_range_info *range)
{
	return range->kind != VM_RANGE_AREA || !(range->area.flags & (VM_IOREMAP | VM_SPARSE));
}

/* Does a busy range overlap [start, end)? */
static bool anything_in(vaddr_t start, vaddr_t end)
{
	struct vm_range_info range;

	return start < end && vm_range_at(start, false, &range) && range.start < end;
}

long vread_iter(struct iov_iter *iter, const char *addr, size_t count)
{
	size_t left = min(min(count, iov_iter_count(iter)), (size_t)(-(vaddr_t)addr - 1)), done = 0, n;
	char *piece = NULL;

	if (!anything_in((vaddr_t)addr, (vaddr_t)addr + left))
		return 0;
	for (; done < left; done += n) {
		n = iov_iter_piece(iter, left - done, &piece);
		vread(piece, addr + done, n);
		iov_iter_advance(iter, n);
	}
	return (long)done;
}

long vread(char *buf, const char *addr, unsigned long count)
{
	vaddr_t start = (vaddr_t)addr, end, at;
	struct vm_range_info range;
	bool any = false;

	count = min(count, -start - 1); /* the last byte of the address space is never in vmalloc space */
	end = start + count;
	memset(buf, 0, count);
	for (at = start; at < end && vm_range_at(at, false, &range) && range.start < end; at = range.end) {
		any = true;
		if (readable(&range))
			read_range(buf + (max(at, range.start) - start), max(at, range.start), min(end, range.end));
	}
	return any ? (long)count : 0;
}

/* `object` may be any address in an area; it is not rounded to a page. */
bool vmalloc_dump_obj(void *object)
{
	struct vm_range_info range;

	if (!is_vmalloc_addr(object) || !vm_range_at((vaddr_t)object, true, &range))
		return false;
	if (range.start > (vaddr_t)object || range.kind != VM_RANGE_AREA)
		return false;
	printk("%p: %u-page vmalloc region starting at 0x%lx allocated at %pS\n", object, range.area.nr_pages,
	       range.start, (void *)range.area.caller);
	return true;
}
