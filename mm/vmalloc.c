/* SPDX-License-Identifier: MIT */
/*
 * Areas: stretches of vmalloc space that have a struct vm_struct and a guard page behind them.
 *
 * Building: address space, descriptor, pages, mapping; then the area is published, so nobody sees a half-built one.
 * Taking down goes the other way round, and each step relies on the one before:
 *
 *	claim (only one caller gets it) → unmap → flush everywhere → free the pages → free the address space
 */
#include "vm_internal.h"

CMDLINE_OPTION(quarantine, "quarantine", "no frame is given out while a TLB may still lead to it (slower)");

static atomic_long_t nr_pages; /* allocated by vmalloc */
static bool quarantine;

void vmalloc_init(void)
{
	vm_range_init();
	vm_early_import();
	vm_set_quarantine(cmdline_has("quarantine"));
}

void vm_set_quarantine(bool on)
{
	WRITE_ONCE(quarantine, on);
	tlb_oracle(set_quarantine(on));
}

bool vm_quarantine(void)
{
	return READ_ONCE(quarantine);
}

/* --- areas ------------------------------------------------------------------------------------------------------ */

struct vm_range *vm_range_obtain(const struct vm_request *rq)
{
	struct vm_range *range = vm_range_alloc(rq);

	if (!range && vmap_block_reclaim())
		range = vm_range_alloc(rq);
	while (!range && vm_purge_notify())
		range = vm_range_alloc(rq);
	return range;
}

struct vm_range *vm_area_create(const struct vm_area_spec *spec)
{
	const struct vm_request rq = {
		.size = spec->size + PAGE_SIZE,
		.align = max(spec->align, PAGE_SIZE),
		.skew = spec->skew,
		.lo = max(spec->lo, VMALLOC_START),
		.hi = spec->hi ? min(spec->hi, VMALLOC_END) : VMALLOC_END,
		.kind = VM_RANGE_AREA,
	};
	struct vm_struct *area = kzalloc(sizeof(*area), GFP_KERNEL);
	struct vm_range *range = area ? vm_range_obtain(&rq) : NULL;

	if (!range) {
		kfree(area);
		return NULL;
	}
	area->addr = (void *)range->start;
	area->size = rq.size;
	area->flags = spec->flags;
	area->caller = spec->caller;
	range->area = area;
	return range;
}

void vm_area_destroy(struct vm_range *range)
{
	kfree(range->area);
	vm_range_free(range);
}

struct vm_range *vm_area_claim(const void *addr, unsigned long flags, const char *who)
{
	struct vm_range *range = vm_range_claim((vaddr_t)addr, VM_RANGE_AREA, flags);

	WARN(!range, "%s: %p is not the start of an area that it may free", who, addr);
	return range;
}

/* The part that may be mapped: all but the guard page. */
static vaddr_t area_end(const struct vm_range *range)
{
	return range->end - PAGE_SIZE;
}

struct vm_struct *__get_vm_area_caller(unsigned long size, unsigned long flags, unsigned long start, unsigned long end,
				       const void *caller)
{
	struct vm_area_spec spec = { .size = PAGE_ALIGN(size), .lo = start, .hi = end, .flags = flags, .caller = (vaddr_t)caller };
	struct vm_range *range;

	if (WARN(!size, "get_vm_area: size 0") || size > VMALLOC_END - VMALLOC_START)
		return NULL;
	if (flags & VM_IOREMAP)
		spec.align = 1UL << min(order_base_2(spec.size), VM_ALIGN_MAX_SHIFT);
	range = vm_area_create(&spec);
	if (!range)
		return NULL;
	vm_range_publish(range);
	return range->area;
}

struct vm_struct *get_vm_area_caller(unsigned long size, unsigned long flags, const void *caller)
{
	return __get_vm_area_caller(size, flags, VMALLOC_START, VMALLOC_END, caller);
}

struct vm_struct *get_vm_area(unsigned long size, unsigned long flags)
{
	return get_vm_area_caller(size, flags, __builtin_return_address(0));
}

struct vm_struct *remove_vm_area(const void *addr)
{
	struct vm_range *range = vm_area_claim(addr, VM_ANY, "remove_vm_area");
	struct vm_struct *area;

	if (!range)
		return NULL;
	area = range->area;
	vm_unmap(range->start, area_end(range));
	vm_range_free(range);
	return area;
}

void free_vm_area(struct vm_struct *area)
{
	if (remove_vm_area(area->addr) == area)
		kfree(area);
}

struct vm_struct *find_vm_area(const void *addr)
{
	return vm_range_area((vaddr_t)addr);
}

unsigned long get_vm_area_size(const struct vm_struct *area)
{
	return area->size - PAGE_SIZE;
}

/* --- pages ------------------------------------------------------------------------------------------------------ */

void vmalloc_account(long pages)
{
	atomic_long_add(pages, &nr_pages);
}

unsigned long vmalloc_nr_pages(void)
{
	return (unsigned long)atomic_long_read(&nr_pages);
}

static void area_free_pages(struct vm_struct *area)
{
	free_pages_bulk(area->pages, area->nr_pages);
	if (!(area->flags & VM_MAP_PUT_PAGES))
		vmalloc_account(-(long)area->nr_pages);
	area->nr_pages = 0;
	if (is_vmalloc_addr(area->pages))
		vfree(area->pages);
	else
		kfree(area->pages);
	area->pages = NULL;
}

/* Give the area its pages. On -ENOMEM it has none. */
static int area_alloc_pages(struct vm_struct *area, unsigned long count, gfp_t gfp)
{
	unsigned long bytes = count * sizeof(struct page *);

	area->pages = bytes <= KMALLOC_MAX_SIZE ? kmalloc(bytes, GFP_KERNEL | __GFP_NOWARN) : NULL;
	if (!area->pages && bytes > PAGE_SIZE)
		area->pages = vmalloc_area(&(struct vm_area_spec){
			.size = bytes, .flags = VM_ALLOC, .prot = PAGE_KERNEL, .caller = area->caller });
	if (!area->pages)
		return -ENOMEM;
	area->nr_pages = alloc_pages_bulk(gfp, count, area->pages);
	vmalloc_account((long)area->nr_pages);
	if (area->nr_pages == count)
		return 0;
	area_free_pages(area);
	return -ENOMEM;
}

/* --- vmalloc ---------------------------------------------------------------------------------------------------- */

void *vmalloc_area(const struct vm_area_spec *wanted)
{
	unsigned long count = PAGE_ALIGN(wanted->size) >> PAGE_SHIFT;
	struct vm_area_spec spec = *wanted;
	struct vm_range *range;
	vaddr_t start;

	might_sleep();
	if (WARN(!spec.size, "vmalloc: size 0") || spec.size > VMALLOC_END - VMALLOC_START || !vm_count_possible(count))
		return NULL;
	spec.size = spec.lead + (count << PAGE_SHIFT);
	range = vm_area_create(&spec);
	if (!range)
		return NULL;
	if (area_alloc_pages(range->area, count, spec.gfp & __GFP_DMA32 ? spec.gfp & ~__GFP_HIGHMEM : spec.gfp | __GFP_HIGHMEM))
		goto fail_pages;
	range->area->requested_size = wanted->size;
	start = range->start + spec.lead;
	if (vm_map_pages(start, range->area->pages, count, spec.prot))
		goto fail_map;
	vm_range_publish(range);
	return (void *)start;

fail_map:
	area_free_pages(range->area);
fail_pages:
	vm_area_destroy(range);
	return NULL;
}

void *__vmalloc_node_range(unsigned long size, unsigned long align, unsigned long start, unsigned long end, gfp_t gfp,
			   pgprot_t prot, unsigned long vm_flags, int node, const void *caller)
{
	(void)node;
	return vmalloc_area(&(struct vm_area_spec){ .size = size, .align = align, .lo = start, .hi = end,
		.flags = VM_ALLOC | vm_flags, .gfp = gfp, .prot = prot, .caller = (vaddr_t)caller });
}

static void *vmalloc_simple(unsigned long size, gfp_t gfp, unsigned long flags, vaddr_t caller)
{
	return vmalloc_area(&(struct vm_area_spec){
		.size = size, .flags = VM_ALLOC | flags, .gfp = gfp, .prot = PAGE_KERNEL, .caller = caller });
}

void *vmalloc(unsigned long size)
{
	return vmalloc_simple(size, GFP_KERNEL, 0, _RET_IP_);
}

void *vzalloc(unsigned long size)
{
	return vmalloc_simple(size, GFP_KERNEL | __GFP_ZERO, 0, _RET_IP_);
}

void *vmalloc_user(unsigned long size)
{
	return vmalloc_simple(size, GFP_KERNEL | __GFP_ZERO, VM_USERMAP, _RET_IP_);
}

void vfree(const void *addr)
{
	struct vm_range *range;

	if (!addr || vfree_put_off(addr))
		return;
	range = vm_area_claim(addr, VM_ALLOC | VM_MAP, "vfree");
	if (!range)
		return;
	vm_unmap(range->start, area_end(range));
	schedule_point("vfree:flushed");
	if (range->area->pages)
		area_free_pages(range->area);
	vm_area_destroy(range);
}

/* --- vmap ------------------------------------------------------------------------------------------------------- */

void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot)
{
	struct vm_range *range;

	might_sleep();
	WARN(flags & ~(VM_MAP | VM_MAP_PUT_PAGES), "vmap: flags %lx are not for callers", flags & ~(VM_MAP | VM_MAP_PUT_PAGES));
	if (WARN(!count, "vmap: no pages") || !vm_count_possible(count) || !vm_pages_valid(pages, count))
		return NULL;
	range = vm_area_create(&(struct vm_area_spec){
		.size = (unsigned long)count << PAGE_SHIFT, .flags = VM_MAP | (flags & VM_MAP_PUT_PAGES), .caller = _RET_IP_ });
	if (!range)
		return NULL;
	if (vm_map_pages(range->start, pages, count, pgprot_nx(prot))) {
		vm_area_destroy(range);
		return NULL;
	}
	if (flags & VM_MAP_PUT_PAGES) {
		range->area->pages = pages;
		range->area->nr_pages = count;
	}
	vm_range_publish(range);
	return (void *)range->start;
}

void vunmap(const void *addr)
{
	struct vm_range *range;

	might_sleep();
	range = addr ? vm_area_claim(addr, VM_MAP, "vunmap") : NULL;
	if (!range)
		return;
	vm_unmap(range->start, area_end(range));
	vm_area_destroy(range);
}

/* --- questions -------------------------------------------------------------------------------------------------- */

bool is_vmalloc_addr(const void *addr)
{
	return (vaddr_t)addr >= VMALLOC_START && (vaddr_t)addr < VMALLOC_END;
}

unsigned long vmalloc_to_pfn(const void *addr)
{
	struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, (vaddr_t)addr);

	return leaf.present ? (unsigned long)(leaf.phys >> PAGE_SHIFT) : 0;
}

struct page *vmalloc_to_page(const void *addr)
{
	unsigned long pfn = vmalloc_to_pfn(addr);

	return pfn && pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;
}

static void count_range(struct vmalloc_stats *stats, const struct vm_range_info *range)
{
	unsigned long bytes = range->end - range->start;

	switch (range->kind) {
	case VM_RANGE_AREA:
		stats->areas++;
		stats->area_bytes += bytes;
		break;
	case VM_RANGE_BLOCK:
		stats->blocks++;
		stats->block_bytes += bytes;
		break;
	default:
		stats->rams++;
		stats->ram_bytes += bytes;
	}
}

void vmalloc_stats(struct vmalloc_stats *out)
{
	struct vm_range_info range;

	*out = (struct vmalloc_stats){ .nr_pages = (unsigned long)atomic_long_read(&nr_pages) };
	for (vaddr_t from = 0; vm_range_next(from, &range); from = range.end)
		count_range(out, &range);
	out->free_bytes = vm_holes(&out->largest_free);
	out->total_bytes = out->area_bytes + out->block_bytes + out->ram_bytes + out->free_bytes;
}

unsigned int vmalloc_check(void)
{
	return vm_range_check() + vmap_block_check();
}
