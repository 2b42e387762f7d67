/* SPDX-License-Identifier: MIT */
/*
 * Mapping device memory into vmalloc space, with the largest leaves that address, frame, memory types and CPU allow.
 *
 * 1. In a large leaf, address and frame have the same offset from the leaf's border. The frame is given, so the address
 *    is chosen to match. The place may still have empty tables of small pages; these are removed first, because a leaf
 *    cannot be installed over a table.
 *
 * 2. One frame, one memory type. The type is reserved (memtype.c) before anything is mapped. It is freed when no entry
 *    has the mapping and no TLB can matter: except for uncached types that needs a flush (vm_area_unmap()).
 *
 *	reserve → address space → map → publish          claim → unmap (and flush) → free the type → retire the space
 *
 * 3. The direct map never has another type for these frames: it maps only RAM, and RAM is refused here. (RAM has its
 *    type in struct page: page_mark.c.) memremap() of write-back RAM returns its direct-map address.
 */
#include "mm/kva/area/area.h"
#include "mm/kva/io/io.h"

#include <mm/ioremap.h>
#include <mm/memtype.h>

CMDLINE_OPTION(nohugeiomap, "nohugeiomap", "ioremap uses small pages only");

static bool small_only __ro_after_init;

void ioremap_init(void)
{
	small_only = cmdline_has("nohugeiomap");
}

/* Does an aligned leaf of `size` bytes fit into [start, end)? Virtual or physical addresses. */
static bool has_whole(u64 start, u64 end, u64 size)
{
	return end - start >= size && ALIGN(start, size) >= start && ALIGN(start, size) + size <= end;
}

/* log2 of the largest leaf that can map a part of [phys, phys + bytes), if the address is chosen to match. */
static unsigned int largest_leaf(u64 phys, unsigned long bytes)
{
	if (small_only || bytes < pt_level_size(2))
		return PAGE_SHIFT;
	for (unsigned int level = pt_top(); level > 1; level--)
		if (has_whole(phys, phys + bytes, pt_level_size(level)) && pt_leaf_allowed(level))
			return ilog2(pt_level_size(level));
	return PAGE_SHIFT;
}

/* Is nothing mapped in [start, end)? Skips an empty entry of an upper level as a whole. */
static bool range_empty(vaddr_t start, vaddr_t end)
{
	vaddr_t size;

	for (vaddr_t addr = start; addr < end; addr = ALIGN_DOWN(addr, size) + size) {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);

		if (leaf.present)
			return false;
		size = pt_level_size(leaf.level);
	}
	return true;
}

int ioremap_page_range(vaddr_t addr, vaddr_t end, phys_addr_t phys, pgprot_t prot)
{
	struct vm_struct *area = find_vm_area((void *)addr);
	u64 phys_end = (u64)phys + (end - addr);
	enum memtype type = pgprot_memtype(prot);
	unsigned int shift;
	int err;

	might_sleep();
	if (!area || !(area->flags & VM_IOREMAP) || !IS_ALIGNED(phys, (phys_addr_t)PAGE_SIZE))
		return -EINVAL;
	if (addr != (vaddr_t)area->addr || end != addr + get_vm_area_size(area))
		return -ERANGE;
	if (!range_empty(addr, end)) /* checked before the first change, so existing mappings stay */
		return -EBUSY;
	for (shift = largest_leaf(phys, end - addr); shift > PAGE_SHIFT; shift--)
		if (!((addr ^ (vaddr_t)phys) & ((1UL << shift) - 1)))
			break;
	err = memtype_reserve(phys, phys_end, type);
	if (err)
		return err;
	err = vm_map_phys(addr, end, phys, prot, shift);
	if (err) {
		memtype_free(phys, phys_end, type);
		return err;
	}
	area->flags |= VM_MEMTYPE(type); /* until vm_area_unmap() */
	area->phys_addr = phys;
	return 0;
}

/* --- what may be mapped ----------------------------------------------------------------------------------------- */

/* Is the range not empty, without wrap-around, no larger than vmalloc space, and addressable? If not, say why. */
static bool range_exists(phys_addr_t phys, unsigned long size, const char *who, vaddr_t caller)
{
	const struct vm_area_spec spec = { .size = size, .caller = caller };
	phys_addr_t last = phys + size - 1;

	if (!size || last < phys)
		return vm_report_failure(who, &spec, "there is no such range");
	if (size > VMALLOC_END - VMALLOC_START)
		return vm_report_too_large(who, &spec);
	return !WARN_ONCE(last >= arch_phys_limit(), "%s: 0x%llx-0x%llx is beyond what this CPU can address", who,
			  (u64)phys, (u64)last);
}

/* --- mapping ---------------------------------------------------------------------------------------------------- */

/*
 * An area for [base, base + bytes), aligned for the largest leaf; *shift: log2 of that leaf. NULL: no space or memory.
 */
static struct vm_range *create_area(phys_addr_t base, unsigned long bytes, enum memtype type, vaddr_t caller,
				    unsigned int *shift)
{
	unsigned long flags = VM_IOREMAP | VM_MEMTYPE(type), align;
	struct vm_range *range = NULL;

	*shift = largest_leaf(base, bytes);
	align = 1UL << *shift;
	if (*shift > PAGE_SHIFT)
		range = vm_area_create(&(struct vm_area_spec){ .size = bytes,
							       .flags = flags,
							       .caller = caller,
							       .shift = *shift,
							       .align = align,
							       .skew = (unsigned long)base & (align - 1) });
	if (!range) { /* small pages only, or no aligned place is left */
		*shift = PAGE_SHIFT;
		range = vm_area_from_cache(bytes >> PAGE_SHIFT, flags, caller);
	}
	if (!range)
		range = vm_area_create_or_report("ioremap", &(struct vm_area_spec){
			.size = bytes, .flags = flags, .caller = caller });
	if (range)
		range->area->phys_addr = base;
	return range;
}

/* The address where base is mapped. NULL: no space or memory. */
static char *map_pages(phys_addr_t base, unsigned long bytes, pgprot_t prot, vaddr_t caller)
{
	unsigned int shift;
	struct vm_range *range = create_area(base, bytes, pgprot_memtype(prot), caller, &shift);

	if (!range)
		return NULL;
	if (vm_range_map_phys(range, bytes, base, prot, shift)) {
		vm_area_destroy(range);
		return NULL;
	}
	vm_range_publish(range);
	return (char *)range->start;
}

static void __iomem *map(phys_addr_t phys, unsigned long size, pgprot_t prot, vaddr_t caller)
{
	unsigned long offset = (unsigned long)phys & ~PAGE_MASK, bytes = PAGE_ALIGN(size + offset);
	phys_addr_t base = phys - offset;
	enum memtype type = pgprot_memtype(prot);
	char *start;

	might_sleep();
	if (!range_exists(phys, size, "ioremap", caller) || memtype_reserve(base, (u64)base + bytes, type))
		return NULL;
	start = map_pages(base, bytes, pgprot_nx(prot), caller);
	if (start)
		return start + offset;
	memtype_free(base, (u64)base + bytes, type);
	return NULL;
}

static void __iomem *map_type(phys_addr_t phys, unsigned long size, enum memtype type, vaddr_t caller)
{
	return map(phys, size, pgprot_set_memtype(PAGE_KERNEL, type), caller);
}

void __iomem *ioremap(phys_addr_t phys, size_t size)
{
	return map_type(phys, size, MEMTYPE_UC_MINUS, _RET_IP_);
}

void __iomem *ioremap_uc(phys_addr_t phys, size_t size)
{
	return map_type(phys, size, MEMTYPE_UC, _RET_IP_);
}

void __iomem *ioremap_wc(phys_addr_t phys, size_t size)
{
	return map_type(phys, size, MEMTYPE_WC, _RET_IP_);
}

void __iomem *ioremap_wt(phys_addr_t phys, size_t size)
{
	return map_type(phys, size, MEMTYPE_WT, _RET_IP_);
}

void __iomem *ioremap_cache(phys_addr_t phys, size_t size)
{
	return map_type(phys, size, MEMTYPE_WB, _RET_IP_);
}

void __iomem *ioremap_prot(phys_addr_t phys, size_t size, pgprot_t prot)
{
	return map(phys, size, prot, _RET_IP_);
}

void iounmap(volatile void __iomem *addr)
{
	const void *start = (const void *)PAGE_ALIGN_DOWN((vaddr_t)addr);
	struct vm_range *range;

	might_sleep();
	range = addr ? vm_area_claim(start, VM_IOREMAP, "iounmap") : NULL;
	if (!range)
		return;
	vm_area_unmap(range);
	vm_area_retire_unmapped(range);
}

int arch_phys_wc_add(unsigned long base __maybe_unused, unsigned long size __maybe_unused)
{
	return cpu_has(FEATURE_PAT) ? 0 : -ENODEV;
}

void arch_phys_wc_del(int handle __maybe_unused)
{
}

/* --- memory, device or not -------------------------------------------------------------------------------------- */

static bool frames_write_back(u64 start, u64 end)
{
	for (unsigned long pfn = to_pfn(start); READ_ONCE(pages_retyped) && pfn <= to_pfn(end - 1); pfn++) {
		const struct page *page = pfn_to_page_checked(pfn);

		if (page && page_memtype(page) != MEMTYPE_WB)
			return false;
	}
	return true;
}

/* Write-back lowmem RAM is mapped already, and memremap() maps no RAM a second time. NULL (warned): any other RAM. */
static void *direct_map(phys_addr_t phys, size_t size, unsigned long flags, vaddr_t caller)
{
	bool wb = (flags & MEMREMAP_WB) && memblock_is_ram(phys, (u64)phys + size) &&
		  (u64)phys + size <= arch_lowmem_limit() && frames_write_back(phys, (u64)phys + size);

	if (WARN_ONCE(!wb, "memremap: 0x%llx-0x%llx is RAM, partly RAM, highmem or not write-back, refused for %pS",
		      (u64)phys, (u64)phys + size - 1, (void *)caller))
		return NULL;
	return phys_to_virt(phys);
}

void *memremap(phys_addr_t phys, size_t size, unsigned long flags)
{
	static const struct { unsigned long flag; enum memtype type; } order[] = {
		{ MEMREMAP_WB, MEMTYPE_WB }, { MEMREMAP_WT, MEMTYPE_WT }, { MEMREMAP_WC, MEMTYPE_WC },
	};
	void *mem = NULL;

	might_sleep();
	if (!flags || !range_exists(phys, size, "memremap", _RET_IP_))
		return NULL;
	if (memblock_overlaps_ram(ALIGN_DOWN((u64)phys, PAGE_SIZE), ALIGN((u64)phys + size, PAGE_SIZE)))
		return direct_map(phys, size, flags, _RET_IP_);
	for (unsigned int i = 0; !mem && i < ARRAY_SIZE(order); i++)
		if (flags & order[i].flag)
			mem = map_type(phys, size, order[i].type, _RET_IP_);
	return mem;
}

void memunmap(void *addr)
{
	if (is_vmalloc_addr(addr))
		iounmap(addr);
}
