/* SPDX-License-Identifier: MIT */
/* The vmalloc family by its other names: flags, arrays, nodes, low memory. */
#include "mm/kva/area/area.h"

/* Flags that a caller may pass. */
#define GFP_VMALLOC \
	(__GFP_ZERO | __GFP_HIGHMEM | __GFP_NOWARN | __GFP_DMA32 | __GFP_NOWAIT | __GFP_NOFAIL | __GFP_NORETRY)

#define RETRY_MS 1

static void wait_a_moment(void)
{
	schedule_timeout_uninterruptible(RETRY_MS);
}

/* Could this request succeed if all memory and address space were free? */
static bool ever_possible(const struct vm_area_spec *spec)
{
	unsigned long size = PAGE_ALIGN(spec->size), align = max(spec->align, PAGE_SIZE);
	vaddr_t lo = max(spec->lo, VMALLOC_START), hi = spec->hi ? min(spec->hi, VMALLOC_END) : VMALLOC_END;

	if (!spec->size || size < spec->size || !vm_count_possible(size >> PAGE_SHIFT) ||
	    !IS_ALIGNED(lo | hi, PAGE_SIZE) || !is_power_of_2(align) || align > VM_ALIGN_MAX)
		return false;
	lo = ALIGN(lo, align);
	return lo >= spec->lo && lo < hi && size < hi - lo; /* less than: the guard page needs room too */
}

bool vm_context_allows(gfp_t gfp)
{
	if (gfpflags_allow_blocking(gfp)) {
		might_sleep();
		return true;
	}
	return !in_interrupt() && !irqs_disabled(); /* threads hold the spinlocks of vmalloc with interrupts on */
}

/* Try until it succeeds. Other threads free pages, tables, descriptors and address space meanwhile. */
static void *alloc_nofail(struct vm_area_spec *spec)
{
	void *p;

	spec->gfp |= __GFP_NOWARN;
	while (!(p = vmalloc_area(spec))) {
		vmalloc_shrink();
		wait_a_moment();
	}
	return p;
}

static void *alloc(struct vm_area_spec *spec)
{
	bool nofail = (spec->gfp & __GFP_NOFAIL) && !(spec->gfp & __GFP_NOWAIT) && ever_possible(spec);

	if (WARN_ONCE(spec->gfp & ~GFP_VMALLOC, "vmalloc: flags %x are not for callers", spec->gfp & ~GFP_VMALLOC))
		spec->gfp &= GFP_VMALLOC;
	spec->gfp &= ~__GFP_NOFAIL;
	if (WARN_ONCE(!vm_context_allows(spec->gfp), "vmalloc: called in a handler, or with interrupts off"))
		return NULL;
	return nofail ? alloc_nofail(spec) : vmalloc_area(spec);
}

void *__vmalloc_node_range(unsigned long size, unsigned long align, unsigned long start, unsigned long end, gfp_t gfp,
			   pgprot_t prot, unsigned long vm_flags, int node, const void *caller)
{
	(void)node;
	if (WARN_ONCE(prot.val & MAP_TYPE_BITS.val,
		      "vmalloc: memory is write-back; set_memory_uc() and the like change that afterwards"))
		return NULL;
	return alloc(&(struct vm_area_spec){ .size = size, .align = align, .lo = start, .hi = end,
		.flags = VM_ALLOC | vm_flags, .gfp = gfp, .prot = prot, .caller = (vaddr_t)caller });
}

void *vm_family_alloc(unsigned long size, unsigned long align, gfp_t gfp, unsigned long vm_flags, int node,
		      const void *caller)
{
	return __vmalloc_node_range(size, align, VMALLOC_START, VMALLOC_END, gfp, PAGE_KERNEL, vm_flags, node, caller);
}

void *__vmalloc_node(unsigned long size, unsigned long align, gfp_t gfp, int node, const void *caller)
{
	return vm_family_alloc(size, align, gfp, 0, node, caller);
}

#define CALLER __builtin_return_address(0)

void *vmalloc_huge_node(unsigned long size, gfp_t gfp, int node)
{
	return vm_family_alloc(size, PAGE_SIZE, gfp, VM_ALLOW_HUGE_VMAP, node, CALLER);
}

void *vmalloc_huge(unsigned long size, gfp_t gfp)
{
	return vm_family_alloc(size, PAGE_SIZE, gfp, VM_ALLOW_HUGE_VMAP, -1, CALLER);
}

void *__vmalloc(unsigned long size, gfp_t gfp)
{
	return __vmalloc_node(size, PAGE_SIZE, gfp, -1, CALLER);
}

void *vmalloc_node(unsigned long size, int node)
{
	return __vmalloc_node(size, PAGE_SIZE, GFP_KERNEL, node, CALLER);
}

void *vzalloc_node(unsigned long size, int node)
{
	return __vmalloc_node(size, PAGE_SIZE, GFP_KERNEL | __GFP_ZERO, node, CALLER);
}

void *vmalloc_32(unsigned long size)
{
	return __vmalloc_node(size, PAGE_SIZE, GFP_KERNEL | __GFP_DMA32, -1, CALLER);
}

void *vmalloc_32_user(unsigned long size)
{
	return __vmalloc_node_range(size, PAGE_SIZE, VMALLOC_START, VMALLOC_END, GFP_KERNEL | __GFP_DMA32 | __GFP_ZERO,
				    PAGE_KERNEL, VM_USERMAP, -1, CALLER);
}

static void *vmalloc_product(size_t n, size_t size, gfp_t gfp, const void *caller)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : __vmalloc_node(bytes, PAGE_SIZE, gfp, -1, caller);
}

void *__vmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return vmalloc_product(n, size, gfp, CALLER);
}

void *vmalloc_array(size_t n, size_t size)
{
	return vmalloc_product(n, size, GFP_KERNEL, CALLER);
}

void *__vcalloc(size_t n, size_t size, gfp_t gfp)
{
	return vmalloc_product(n, size, gfp | __GFP_ZERO, CALLER);
}

void *vcalloc(size_t n, size_t size)
{
	return vmalloc_product(n, size, GFP_KERNEL | __GFP_ZERO, CALLER);
}
