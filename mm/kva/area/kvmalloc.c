/* SPDX-License-Identifier: MIT */
/* kvmalloc(): memory from kmalloc if that is easy, otherwise from vmalloc. */
#include "mm/kva/area/area.h"

#define CALLER __builtin_return_address(0)

#define KVMALLOC_MAX ((size_t)0x7fffffff)

/* For more than a page kmalloc neither waits nor warns: vmalloc comes next. */
static gfp_t kmalloc_first(size_t size, gfp_t gfp)
{
	gfp &= ~(gfp_t)(__GFP_NOFAIL | __GFP_HIGHMEM);
	return size > PAGE_SIZE ? gfp | __GFP_NOWARN | __GFP_NOWAIT : gfp;
}

static void *kv_alloc(size_t size, gfp_t gfp, int node, const void *caller)
{
	void *p = kmalloc(size, kmalloc_first(size, gfp));

	if (p || (size <= PAGE_SIZE && !(gfp & __GFP_NOFAIL)))
		return p;
	if (size > KVMALLOC_MAX) {
		WARN_ONCE(!(gfp & __GFP_NOWARN), "kvmalloc: %lu bytes", (unsigned long)size);
		return NULL;
	}
	if (!vm_context_allows(gfp))
		return NULL;
	return vm_family_alloc(max(size, (size_t)1), PAGE_SIZE, gfp, VM_ALLOW_HUGE_VMAP, node, caller);
}

void *kvmalloc_node(size_t size, gfp_t gfp, int node)
{
	return kv_alloc(size, gfp, node, CALLER);
}

void *kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : kv_alloc(bytes, gfp, -1, CALLER);
}

void kvfree(const void *addr)
{
	if (is_vmalloc_addr(addr))
		vfree(addr);
	else
		kfree(addr);
}

void kvfree_rcu_mightsleep(const void *addr)
{
	might_sleep();
	if (!addr)
		return;
	synchronize_rcu();
	kvfree(addr);
}

/* Copy n bytes to the start of a vmalloc area, through its pages. */
static void fill_area(const struct vm_struct *area, const void *from, size_t n)
{
	for (size_t done = 0; done < n; done += PAGE_SIZE) {
		void *to = kmap_local_page(area->pages[done >> PAGE_SHIFT]);

		memcpy(to, (const char *)from + done, min(n - done, (size_t)PAGE_SIZE));
		kunmap_local(to);
	}
}

/* As krealloc(), but memory that becomes larger may move to a vmalloc area. */
static void *kmalloc_resize(const void *p, size_t size, gfp_t gfp)
{
	size_t room = ksize(p);
	void *fresh;

	if (kmalloc_fits(p, size, gfp))
		return (void *)(vaddr_t)p;
	fresh = kv_alloc(size, gfp, -1, CALLER);
	if (!fresh)
		return NULL;
	if (is_vmalloc_addr(fresh))
		fill_area(find_vm_area(fresh), p, room);
	else
		memcpy(fresh, p, room);
	kfree(p);
	return fresh;
}

void *kvrealloc(const void *p, size_t size, gfp_t gfp)
{
	if (ZERO_OR_NULL_PTR(p))
		return kv_alloc(size, gfp, -1, CALLER);
	if (is_vmalloc_addr(p))
		return vrealloc(p, size, gfp);
	return size ? kmalloc_resize(p, size, gfp) : krealloc(p, 0, gfp);
}
