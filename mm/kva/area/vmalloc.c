/* SPDX-License-Identifier: MIT */
/*
 * Areas: stretches of vmalloc space that have a struct vm_struct and a guard page behind them.
 *
 * Building: address space, descriptor, pages, mapping; then the area is published, so nobody sees a half-built one.
 * Taking down goes the other way round, and each step relies on the one before:
 *
 *	claim (only one caller gets it) → unmap → free the pages → retire the address space (vm_cache.c)
 *
 * Between the last two steps and the flush that covers them lies an open alias: a CPU may still reach the pages by the old
 * address, though nobody may ask it to. vm_unmap_aliases() closes it; with quarantine the flush comes before the pages go.
 * The address itself is never mapped again before every CPU has forgotten it.
 */
#include "mm/kva/vm_internal.h"

#include <mm/memtype.h>

CMDLINE_OPTION(quarantine, "quarantine", "no frame is given out while a TLB may still lead to it (slower)");

static DEFINE_PER_CPU(unsigned long, nr_pages); /* allocated by vmalloc less freed, on this CPU: only the sum means anything */
bool vm_quarantine_on;
unsigned long vm_count_most;

void vmalloc_init(void)
{
	vm_count_most = min(totalram_pages(), (unsigned long)((VMALLOC_END - VMALLOC_START) >> PAGE_SHIFT) - 1);
	vm_cache_set_bounds(1);
	vm_range_init();
	vmap_block_init();
	vm_early_import();
	ioremap_init();
	vm_huge_init();
	vm_set_quarantine(cmdline_has("quarantine"));
}

void vm_set_quarantine(bool on)
{
	WRITE_ONCE(vm_quarantine_on, on);
	tlb_oracle(set_quarantine(on));
}

/* --- areas ------------------------------------------------------------------------------------------------------ */

/* Every way to make room, the cheap ones first. */
bool vm_make_space(void)
{
	bool some = vm_cache_reclaim();

	some |= vmap_block_reclaim();
	return vm_tables_wait() || some;
}

void vmalloc_shrink(void)
{
	might_sleep();
	vm_cache_reclaim();
	vmap_block_reclaim();
	vm_tables_reclaim();
	memtype_forget();
}

/* What is made room others may be quicker to take. As many times as that, it is not chance: others need it all. */
#define ROOM_TRIES 16

struct vm_range *vm_range_obtain(const struct vm_request *rq)
{
	struct vm_range *range = vm_cache_find(rq);

	if (!range)
		range = vm_range_alloc(rq);
	for (unsigned int i = 0; unlikely(!range) && i < ROOM_TRIES && !(rq->gfp & __GFP_NOWAIT) && vm_make_space(); i++) {
		schedule_point("vmalloc:room");
		range = vm_range_alloc(rq);
	}
	while (unlikely(!range) && !(rq->gfp & __GFP_NOWAIT) && vm_purge_notify())
		range = vm_range_alloc(rq);
	return range;
}

/* Of a size that others will want too; of the exact size where that is all there is. */
static __noinline struct vm_range *new_anywhere(unsigned long pages, enum vm_range_kind kind, gfp_t gfp)
{
	struct vm_request rq = { .size = vm_cache_round(pages) << PAGE_SHIFT, .align = PAGE_SIZE, .lo = VMALLOC_START,
				 .hi = VMALLOC_END, .kind = kind, .gfp = gfp };
	struct vm_range *range = vm_range_obtain(&rq);

	if (likely(range) || rq.size == pages << PAGE_SHIFT)
		return range;
	rq.size = pages << PAGE_SHIFT;
	return vm_range_obtain(&rq);
}

struct vm_range *vm_range_anywhere(unsigned long pages, enum vm_range_kind kind, gfp_t gfp)
{
	struct vm_range *range = vm_cache_get(pages, kind);

	return likely(range) ? range : new_anywhere(pages, kind, gfp);
}

/* Anywhere will do, so a range that was freed does as well. */
static bool is_plain(const struct vm_area_spec *spec)
{
	return spec->align <= PAGE_SIZE && !spec->skew && !spec->shift && spec->lo <= VMALLOC_START &&
	       !(spec->hi && spec->hi < VMALLOC_END);
}

static __noinline struct vm_range *at_some_place(const struct vm_area_spec *spec)
{
	return vm_range_obtain(&(struct vm_request){
		.size = spec->size + PAGE_SIZE,
		.align = max(spec->align, PAGE_SIZE),
		.skew = spec->skew,
		.lo = max(spec->lo, VMALLOC_START),
		.hi = spec->hi ? min(spec->hi, VMALLOC_END) : VMALLOC_END,
		.kind = VM_RANGE_AREA,
		.shift = spec->shift,
		.gfp = spec->gfp & __GFP_NOWAIT,
	});
}

struct vm_range *vm_area_create(const struct vm_area_spec *spec)
{
	struct vm_struct *area = NULL;
	struct vm_range *range;

	if (spec->separate) {
		area = kmalloc(sizeof(*area), spec->gfp & __GFP_NOWAIT);
		if (!area)
			return NULL;
	}
	if (likely(is_plain(spec)))
		range = vm_range_anywhere((spec->size >> PAGE_SHIFT) + 1, VM_RANGE_AREA, spec->gfp & __GFP_NOWAIT);
	else
		range = at_some_place(spec);
	if (unlikely(!range)) {
		kfree(area);
		return NULL;
	}
	vm_area_init(range, spec->size >> PAGE_SHIFT, spec->flags, spec->caller);
	range->own.page_order = spec->page_order;
	if (area) {
		*area = range->own;
		range->area = area;
	}
	return range;
}

/* A descriptor that is no part of the range goes with the area. */
static void drop_separate(struct vm_range *range)
{
	if (unlikely(range->area != &range->own))
		kfree(range->area);
}

void vm_area_destroy(struct vm_range *range)
{
	drop_separate(range);
	vm_range_discard(range);
}

/*
 * An alias stays open until vm_unmap_aliases(), or else there is a flush before the pages go: with quarantine, and where
 * rights were taken away that the pages' next owner must not find restored (VM_FLUSH_RESET_PERMS). The direct map of its own
 * pages becomes the usual one then; frames of devices may have another memory type afterwards.
 */
static void forget_before_free(struct vm_range *range)
{
	if (unlikely(vm_quarantine() || (range->area->flags & (VM_FLUSH_RESET_PERMS | VM_DIRECT_CHANGED | VM_FRAMES))))
		vm_area_forget(range);
}

void vm_area_retire_unmapped(struct vm_range *range)
{
	schedule_point("vmalloc:unmapped");
	forget_before_free(range);
	drop_separate(range);
	vm_range_retire(range);
}

void vm_area_retire(struct vm_range *range)
{
	vm_range_unmap_noflush(range);
	vm_area_retire_unmapped(range);
}

struct vm_range *vm_area_claim(const void *addr, unsigned long flags, const char *who)
{
	struct vm_range *range = vm_range_claim((vaddr_t)addr, VM_RANGE_AREA, flags);

	WARN_ONCE(!range, "%s: %p is not the start of an area that it may free", who, addr);
	return range;
}

/* --- pages ------------------------------------------------------------------------------------------------------ */

void vmalloc_account(long pages)
{
	this_cpu_add(nr_pages, (unsigned long)pages);
}

unsigned long vmalloc_nr_pages(void)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(nr_pages, cpu));
	return sum;
}

static void forget_pages(struct vm_range *range)
{
	if (is_vmalloc_addr(range->pages))
		vfree(range->pages);
	else if (range->pages != range->few)
		kfree(range->pages);
	range->pages = NULL;
}

void vm_range_discard(struct vm_range *range)
{
	forget_pages(range);
	vm_range_free(range);
}

/* Room for the page array: a part of the range, or kept from its last use, or new; for as many as go into the range. */
struct page **vm_range_page_array_make(struct vm_range *range, gfp_t gfp)
{
	unsigned long count = (vm_range_size(range) >> PAGE_SHIFT) - 1, bytes = count * sizeof(struct page *);

	if (count <= VM_FEW_PAGES)
		return range->pages = range->few;
	if (bytes <= KMALLOC_MAX_SIZE)
		range->pages = kmalloc(bytes, (gfp & __GFP_NOWAIT) | __GFP_NOWARN);
	if (!range->pages && bytes > PAGE_SIZE)
		range->pages = vmalloc_area(&(struct vm_area_spec){ .size = bytes, .flags = VM_ALLOC, .prot = PAGE_KERNEL,
			.gfp = gfp & __GFP_NOWAIT, .caller = range->area->caller });
	return range->pages;
}

/* Pages behind large leaves, or somebody else's. */
static __noinline void free_other_pages(struct vm_struct *area)
{
	struct page **pages = area->pages;
	bool own = !(area->flags & VM_MAP_PUT_PAGES);
	unsigned long done = own ? vm_huge_free_blocks(area) : 0;

	free_page_array(area->pages + done, area->nr_pages - done);
	if (own)
		vmalloc_account(-(long)area->nr_pages);
	area->nr_pages = 0;
	area->pages = NULL;
	if (!own)
		kvfree(pages);
}

void vm_area_free_pages(struct vm_struct *area)
{
	struct page **pages = area->pages;
	unsigned long nr = area->nr_pages;

	if (unlikely(area->page_order || area->flags & VM_MAP_PUT_PAGES)) {
		free_other_pages(area);
		return;
	}
	vmalloc_account(-(long)nr);
	area->nr_pages = 0;
	area->pages = NULL;
	free_page_array(pages, nr);
}

/* Give the area its pages. On -ENOMEM it has none. */
static inline int area_alloc_pages(struct vm_range *range, unsigned long count, gfp_t gfp)
{
	struct vm_struct *area = range->area;

	area->pages = vm_range_page_array(range, gfp);
	if (unlikely(!area->pages))
		return -ENOMEM;
	area->nr_pages = alloc_page_array(gfp, count, area->pages);
	vmalloc_account((long)area->nr_pages);
	if (likely(area->nr_pages == count))
		return 0;
	vm_area_free_pages(area);
	return -ENOMEM;
}

/* --- vmalloc ---------------------------------------------------------------------------------------------------- */

/* Pages for a fresh area, from its lead-th page on, and its publication. On failure the area is gone: NULL. */
static __always_inline void *area_fill(struct vm_range *range, unsigned long lead, unsigned long count, gfp_t gfp, pgprot_t prot)
{
	if (unlikely(area_alloc_pages(range, count, gfp & __GFP_DMA32 ? gfp & ~__GFP_HIGHMEM : gfp | __GFP_HIGHMEM)))
		goto fail_pages;
	if (unlikely(vm_range_map(range, lead, range->area->pages, count, prot, gfp)))
		goto fail_map;
	vm_range_publish(range);
	return (void *)(range->start + (lead << PAGE_SHIFT));

fail_map:
	vm_area_free_pages(range->area);
fail_pages:
	vm_area_destroy(range);
	return NULL;
}

__noinline void *vmalloc_area(const struct vm_area_spec *wanted)
{
	unsigned long count = PAGE_ALIGN(wanted->size) >> PAGE_SHIFT;
	struct vm_area_spec spec = *wanted;
	struct vm_range *range;
	void *huge;

	if (WARN_ONCE(!spec.size, "vmalloc: size 0"))
		return NULL;
	if (spec.size > VMALLOC_END - VMALLOC_START || !vm_count_possible(count))
		return spec.size > VMALLOC_END - VMALLOC_START ? vm_report_too_large("vmalloc", wanted) :
			vm_report_failure("vmalloc", wanted, "more than there is RAM");
	if (spec.align > VM_ALIGN_MAX)
		return vm_report_failure("vmalloc", wanted, "no address is looked for with such an alignment");
	huge = spec.flags & VM_ALLOW_HUGE_VMAP ? vm_huge_area(wanted, count) : NULL;
	if (huge)
		return huge;
	spec.size = spec.lead + (count << PAGE_SHIFT);
	range = vm_area_create(&spec);
	if (!range)
		return vm_report_no_range("vmalloc", wanted);
	range->area->requested_size = wanted->size;
	return area_fill(range, spec.lead >> PAGE_SHIFT, count, spec.gfp, spec.prot);
}

static __always_inline void *vmalloc_simple(unsigned long size, gfp_t gfp, unsigned long flags, vaddr_t caller)
{
	unsigned long count = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	struct vm_range *range;

	might_sleep();
	if (likely(size - 1 < (VM_CACHE_PAGES - 1) * PAGE_SIZE)) {
		range = vm_area_from_cache(count, VM_ALLOC | flags, caller);
		if (likely(range)) {
			range->own.requested_size = size;
			return area_fill(range, 0, count, gfp, PAGE_KERNEL);
		}
	}
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

static __always_inline void free_area(struct vm_range *range)
{
	vm_range_unmap_noflush(range);
	schedule_point("vmalloc:unmapped");
	forget_before_free(range);
	schedule_point("vfree:flushed");
	if (range->area->pages)
		vm_area_free_pages(range->area);
	drop_separate(range);
	vm_range_retire(range);
}

void vm_area_free(struct vm_range *range)
{
	free_area(range);
}

void vfree(const void *addr)
{
	struct vm_range *range;

	if (unlikely(!addr || vfree_put_off(addr)))
		return;
	range = vm_area_claim(addr, VM_ALLOC | VM_MAP, "vfree");
	if (likely(range))
		free_area(range);
}

/* --- questions -------------------------------------------------------------------------------------------------- */

bool is_vmalloc_addr(const void *addr)
{
	return (vaddr_t)addr >= VMALLOC_START && (vaddr_t)addr < VMALLOC_END;
}

bool is_vm_area_hugepages(const void *addr)
{
	return vm_range_area((vaddr_t)addr)->page_order != 0;
}

static void count_range(struct vmalloc_stats *stats, const struct vm_range_info *range)
{
	unsigned long bytes = range->end - range->start;

	if (range->state != VM_BUSY) {
		*(range->state == VM_LAZY ? &stats->lazy_bytes : &stats->cached_bytes) += bytes;
		return;
	}
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

	*out = (struct vmalloc_stats){ .nr_pages = vmalloc_nr_pages() };
	for (vaddr_t from = 0; vm_range_next(from, &range); from = range.end)
		count_range(out, &range);
	out->free_bytes = vm_holes(&out->largest_free);
	out->total_bytes = out->area_bytes + out->block_bytes + out->ram_bytes + out->free_bytes + out->lazy_bytes +
			   out->cached_bytes;
}

unsigned int vmalloc_check(void)
{
	return vm_range_check() + vm_cache_check() + vmap_block_check();
}
