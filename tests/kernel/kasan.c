/* SPDX-License-Identifier: MIT */
/* Accesses that are not allowed, of each kind of memory, are reported by their kind (CONFIG=kasan). */
#include "mm/kva/space/space.h"

#include <arch/kasan.h>
#include <arch/pgtable.h>
#include <arch/tlb.h>
#include <kernel/bug.h>
#include <kernel/kasan.h>
#include <kernel/ktest.h>
#include <lib/list.h>
#include <lib/string.h>
#include <mm/kasan.h>
#include <mm/page_alloc.h>
#include <mm/percpu_alloc.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

/* What the compiler must not see through. */
static char *hidden(const void *p)
{
	char *hide = (char *)(vaddr_t)p;

	OPTIMIZER_HIDE_VAR(hide);
	return hide;
}

static char kasan_read(const volatile char *p) { return *p; }
static void kasan_write(volatile char *p) { *p = 1; }

/* Run the statement: exactly one report, of that kind. */
#define CAUGHT(what, statement) \
	do { \
		unsigned long _warnings = warn_count(); \
		kasan_last = (struct kasan_report){ 0 }; \
		warn_expected(true); \
		statement; \
		warn_expected(false); \
		EXPECT_EQ(warn_count(), _warnings + 1); \
		if (!EXPECT(kasan_last.kind && !strcmp(kasan_last.kind, what))) \
			ktest_note("reported: %s", kasan_last.kind ? kasan_last.kind : "nothing"); \
	} while (0)

KTEST(kasan, slab)
{
	char *p, *q;

	KTEST_NEEDS(KASAN);
	p = hidden(kmalloc(20, GFP_KERNEL));
	q = hidden(kmalloc(64, GFP_KERNEL));
	ASSERT(p && q);
	kasan_read(p + 19);
	CAUGHT("slab-out-of-bounds", kasan_read(p + 20));
	EXPECT(!kasan_last.write && kasan_last.size == 1 && kasan_last.addr == (vaddr_t)p + 20);
	EXPECT(kasan_last.has_alloc && !kasan_last.has_free);
	CAUGHT("slab-out-of-bounds", kasan_write(p - 1));
	EXPECT(kasan_last.write);
	CAUGHT("slab-out-of-bounds", kasan_read(q + 64));
	CAUGHT("slab-out-of-bounds", *(volatile u32 *)(p + 18) = 0);
	CAUGHT("slab-out-of-bounds", memset(q + 57, 0, 8));
	CAUGHT("slab-out-of-bounds", memcpy(q, p, 21));
	kfree(p);
	kfree(q);
	CAUGHT("slab-use-after-free", kasan_read(p));
	EXPECT(kasan_last.has_alloc && kasan_last.has_free);
	CAUGHT("slab-use-after-free", kasan_write(q + 63));
}

KTEST(kasan, slab_double_free)
{
	unsigned long warnings = warn_count();
	char *p;

	KTEST_NEEDS(KASAN);
	p = hidden(kmalloc(100, GFP_KERNEL));
	ASSERT(p);
	kfree(p);
	kasan_last = (struct kasan_report){ 0 };
	warn_expected(true);
	kfree(p);
	warn_expected(false);
	EXPECT_EQ(warn_count(), warnings + 1);
	EXPECT(kasan_last.has_alloc && kasan_last.has_free);
}

/* A freed object stays away until many others are freed. */
KTEST(kasan, slab_quarantine)
{
	char *p, *q;
	bool again = false;

	KTEST_NEEDS(KASAN);
	p = hidden(kmalloc(40, GFP_KERNEL));
	ASSERT(p);
	kfree(p);
	for (unsigned int i = 0; i < 500; i++) {
		q = hidden(kmalloc(40, GFP_KERNEL));
		again |= p == q;
		kfree(q);
	}
	EXPECT(!again);
	CAUGHT("slab-use-after-free", kasan_read(p + 39));
}

KTEST(kasan, sizes)
{
	char *p;

	KTEST_NEEDS(KASAN);
	p = hidden(kmalloc(5000, GFP_KERNEL));
	ASSERT(p);
	kasan_read(p + 4999);
	CAUGHT("slab-out-of-bounds", kasan_read(p + 5000));
	p = hidden(krealloc(p, 6000, GFP_KERNEL));
	kasan_read(p + 5999);
	p = hidden(krealloc(p, 100, GFP_KERNEL));
	ASSERT(p);
	kasan_read(p + ksize(p) - 1); /* who asks may use it all */
	kfree(p);
}

KTEST(kasan, pages)
{
	char *p;

	KTEST_NEEDS(KASAN);
	p = hidden((void *)__get_free_pages(GFP_KERNEL, 1));
	ASSERT(p);
	kasan_write(p + 2 * PAGE_SIZE - 1);
	free_pages((vaddr_t)p, 1);
	CAUGHT("page-use-after-free", kasan_read(p + PAGE_SIZE));
	EXPECT(kasan_last.has_alloc && kasan_last.has_free);
}

KTEST(kasan, vmalloc)
{
	char *p;

	KTEST_NEEDS(KASAN);
	p = hidden(vmalloc(PAGE_SIZE + 100));
	ASSERT(p);
	kasan_write(p + PAGE_SIZE + 99);
	CAUGHT("vmalloc-out-of-bounds", kasan_read(p + PAGE_SIZE + 100));
	EXPECT(kasan_last.has_alloc);
	p = hidden(vrealloc(p, PAGE_SIZE + 200, GFP_KERNEL));
	ASSERT(p);
	kasan_read(p + PAGE_SIZE + 199);
	CAUGHT("vmalloc-out-of-bounds", kasan_write(p + PAGE_SIZE + 200));
	vfree(p);
	EXPECT_EQ(kasan_why_not(p), KASAN_VMALLOC_FREE);
}

/* vm_map_ram() in a block, and in a range of its own. (Linux's had no shadow: d98c9e83b5e7) */
KTEST(museum, m14_shadow_of_vm_map_ram)
{
	static struct page *pages[VMAP_MAX_ALLOC + 1];
	char *p;

	KTEST_NEEDS(KASAN);
	ASSERT_EQ(alloc_page_array(GFP_KERNEL, ARRAY_SIZE(pages), pages), ARRAY_SIZE(pages));
	for (unsigned int n = 2; n <= ARRAY_SIZE(pages); n += ARRAY_SIZE(pages) - 2) {
		p = hidden(vm_map_ram(pages, n, -1));
		ASSERT(p);
		kasan_write(p);
		kasan_write(p + n * PAGE_SIZE - 1);
		EXPECT_EQ(kasan_why_not(p), 0);
		EXPECT(kasan_why_not(p + n * PAGE_SIZE) != 0);
		vm_unmap_ram(p, n);
		EXPECT_EQ(kasan_why_not(p), KASAN_VMALLOC_FREE);
		EXPECT_EQ(kasan_why_not(p + n * PAGE_SIZE - 1), KASAN_VMALLOC_FREE);
	}
	free_page_array(pages, ARRAY_SIZE(pages));
}

/* Areas side by side share pages of shadow; each has its own bytes of it. */
KTEST(kasan, neighbours)
{
	char *p[16];

	KTEST_NEEDS(KASAN);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		ASSERT((p[i] = hidden(vmalloc(100 + i))));
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i += 2)
		vfree(p[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++) {
		EXPECT_EQ(kasan_why_not(p[i]), i % 2 ? 0 : KASAN_VMALLOC_FREE);
		EXPECT_EQ(kasan_why_not(p[i] + 99 + i), i % 2 ? 0 : KASAN_VMALLOC_FREE);
		EXPECT_EQ(kasan_why_not(p[i] + 100 + i), i % 2 && (100 + i) % 8 ? 100 + i - (100 + i) / 8 * 8 :
								  i % 2 ? KASAN_VMALLOC : KASAN_VMALLOC_FREE);
	}
	for (unsigned int i = 1; i < ARRAY_SIZE(p); i += 2)
		vfree(p[i]);
}

/* In a hole the shadow is 0: a range without one, a large window of a device, may come to lie there. */
KTEST(kasan, hole)
{
	unsigned long pages;
	char *p;

	KTEST_NEEDS(KASAN);
	p = hidden(vmalloc(100 * PAGE_SIZE));
	ASSERT(p);
	vfree(p);
	pages = kasan_shadow_pages();
	flush_tlb_all();
	vm_cache_reclaim();
	EXPECT_EQ(kasan_shadow_pages(), pages);
	EXPECT_EQ(kasan_why_not(p), 0);
}

static bool shadow_is_there(const void *p)
{
	return pgtable_query(&kernel_pgtable, kasan_shadow_of((vaddr_t)p)).present;
}

/* The shadow of a range goes when memory is short, with whole tables. Then the next range there gets a new one. */
KTEST(kasan, shadow_comes_and_goes)
{
	const unsigned long size = 4 * pt_level_size(2), middle = size / 2;

	KTEST_NEEDS(KASAN);
	for (unsigned int round = 0; round < 2; round++) {
		char *p = hidden(vmalloc(size));

		ASSERT(p);
		EXPECT(shadow_is_there(p + middle));
		kasan_write(p + size - 1);
		EXPECT_EQ(kasan_why_not(p + size), KASAN_VMALLOC);
		vfree(p);
		EXPECT_EQ(kasan_why_not(p + middle), KASAN_VMALLOC_FREE);
		vm_unmap_aliases();
		vmalloc_shrink();
		EXPECT(!shadow_is_there(p + middle));
		EXPECT_EQ(kasan_why_not(p + middle), 0); /* who goes there meets a page fault */
	}
}

/* The memory for the shadow ends halfway: there is no area, and what has no shadow was not touched. */
KTEST(kasan, shadow_without_memory)
{
	const unsigned long size = totalram_pages() / 4 << PAGE_SHIFT; /* its shadow is a 32nd of RAM */
	struct list_head taken = LIST_HEAD_INIT(taken);
	struct page *page, *next;
	struct vm_struct *area;
	unsigned int left = 128; /* for tables and part of the shadow */

	KTEST_NEEDS(KASAN);
	if (nr_free_pages() > 256ul << (20 - PAGE_SHIFT))
		KTEST_SKIP("more than 256 MiB to fill");
	vmalloc_shrink();
	while ((page = alloc_page(__GFP_HIGHMEM | __GFP_NOWARN)))
		list_add(&page->lru, &taken);
	list_for_each_entry_safe(page, next, &taken, lru) {
		if (!left--)
			break;
		list_del(&page->lru);
		__free_page(page);
	}
	EXPECT(!get_vm_area(size, VM_MAP));
	list_for_each_entry_safe(page, next, &taken, lru)
		__free_page(page);
	area = get_vm_area(size, VM_MAP);
	EXPECT(area);
	if (area)
		free_vm_area(area);
}

KTEST(kasan, vmap)
{
	struct page *pages[2];
	char *p;

	KTEST_NEEDS(KASAN);
	ASSERT_EQ(alloc_page_array(GFP_KERNEL, 2, pages), 2);
	p = hidden(vmap(pages, 2, VM_MAP, PAGE_KERNEL));
	ASSERT(p);
	kasan_write(p + 2 * PAGE_SIZE - 1);
	EXPECT_EQ(kasan_why_not(p + 2 * PAGE_SIZE), KASAN_VMALLOC);
	vunmap(p);
	EXPECT_EQ(kasan_why_not(p), KASAN_VMALLOC_FREE);
	free_page_array(pages, 2);
}

KTEST(kasan, percpu)
{
	char *p, *here, *other;
	unsigned int unused = 0; /* groups of bytes of the object's page that nobody had */

	KTEST_NEEDS(KASAN);
	p = __alloc_percpu(20, 8);
	other = __alloc_percpu(20, 8); /* which keeps the chunk */
	ASSERT(p && other);
	here = hidden(per_cpu_ptr(p, 0));
	kasan_write(here + 19);
	CAUGHT("percpu-out-of-bounds", kasan_read(here + 20));
	for (unsigned int i = 0; i < PAGE_SIZE; i += 16)
		unused += kasan_why_not(here - offset_in_page(here) + i) == KASAN_PERCPU;
	EXPECT(unused > PAGE_SIZE / 16 / 2);
	free_percpu(p);
	CAUGHT("percpu-use-after-free", kasan_read(here));
	EXPECT(kasan_last.has_alloc && kasan_last.has_free);
	free_percpu(other);
}

/* Objects side by side, without a gap: what was freed is described, not the neighbour behind it. */
KTEST(kasan, freed_beside_another)
{
	char *p[8];
	unsigned int pairs = 0;

	KTEST_NEEDS(KASAN);
	for (unsigned int i = 0; i < ARRAY_SIZE(p); i++)
		ASSERT((p[i] = __alloc_percpu(16, 8)));
	for (unsigned int i = 0; i + 1 < ARRAY_SIZE(p); i += 2) {
		char *here = hidden(per_cpu_ptr(p[i], 0));
		bool beside = here + 16 == hidden(per_cpu_ptr(p[i + 1], 0));

		free_percpu(p[i]);
		if (!beside)
			continue;
		pairs++;
		CAUGHT("percpu-use-after-free", kasan_read(here + 15));
		EXPECT(kasan_last.has_alloc && kasan_last.has_free);
	}
	for (unsigned int i = 1; i < ARRAY_SIZE(p); i += 2)
		free_percpu(p[i]);
	EXPECT(pairs > 0);
}

static char kasan_global[13], kasan_other_global[13];

KTEST(kasan, image)
{
	char local[13];
	char *p = hidden(local), *gone;

	KTEST_NEEDS(KASAN);
	CAUGHT("global-out-of-bounds", kasan_read(hidden(kasan_global) + 13));
	CAUGHT("global-out-of-bounds", kasan_read(hidden(kasan_other_global) + 13));
	kasan_write(p + 12);
	CAUGHT("stack-out-of-bounds", kasan_read(p + 13));
	CAUGHT("stack-out-of-bounds", kasan_write(p - 1));
	{
		char inner[16];

		gone = hidden(inner);
		kasan_write(gone);
	}
	CAUGHT("stack-use-after-scope", kasan_read(gone));
}

/* What has no shadow is reported by the processor, as in every build. */
KTEST(kasan, strings)
{
	char *p;

	KTEST_NEEDS(KASAN);
	p = hidden(kmalloc(8, GFP_KERNEL));
	ASSERT(p);
	memset(p, 'x', 8);
	CAUGHT("slab-out-of-bounds", (void)strnlen(p, 9));
	CAUGHT("slab-out-of-bounds", (void)memcmp(p, "xxxxxxxxx", 9));
	kfree(p);
}
