/* SPDX-License-Identifier: MIT */
/* Areas with large leaves in the booted kernel: every process sees them, whatever was at their address before. */
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <kernel/cmdline.h>
#include <kernel/inject.h>
#include <lib/math.h>
#include <mm/slab.h>

static struct crew crew;

static unsigned long leaf_size(void)
{
	return pt_level_size(2);
}

static unsigned int best_level(void)
{
	return pt_leaf_allowed(2) && !cmdline_has("nohugevmalloc") ? 2 : 1;
}

static void mark(char *p, unsigned long size, u32 value)
{
	for (unsigned long at = 0; at < size; at += PAGE_SIZE)
		*(volatile u32 *)(p + at) = value + (u32)(at >> PAGE_SHIFT);
}

static void seen_everywhere(char *p, unsigned long size, u32 value)
{
	for (unsigned long at = 0; at < size; at += PAGE_ALIGN(size / 5))
		crew_sees(&crew, p + at, value + (u32)(at >> PAGE_SHIFT));
	crew_sees(&crew, p + size - PAGE_SIZE, value + (u32)((size - PAGE_SIZE) >> PAGE_SHIFT));
}

static void made_and_seen(unsigned long size, u32 value)
{
	char *p = vmalloc_huge(size, GFP_KERNEL);

	if (!EXPECT(p != NULL))
		return;
	if (is_vm_area_hugepages(p))
		EXPECT_EQ(level_at((vaddr_t)p), best_level());
	EXPECT(best_level() == 2 || !is_vm_area_hugepages(p));
	mark(p, size, value);
	seen_everywhere(p, size, value);
	expect_parity();
	vfree(p);
	expect_parity();
}

/* Again and again, so that ranges go round in the cache. */
static void rounds(void)
{
	for (u32 round = 1; round <= 12; round++) {
		made_and_seen(leaf_size(), 0x10000 * round);
		made_and_seen(2 * leaf_size() + 3 * PAGE_SIZE, 0x10000 * round + 0x8000);
		made_and_seen(leaf_size() / 2, 0x10000 * round + 0xc000);
	}
}

KTEST(vm_huge, seen_by_every_process)
{
	WITH_CREW(crew, 1, rounds());
}

static void *in_place(vaddr_t start, unsigned long size, unsigned long flags)
{
	return __vmalloc_node_range(size, PAGE_SIZE, start, start + size + PAGE_SIZE, GFP_KERNEL, PAGE_KERNEL, flags,
				    -1, NULL);
}

/* A leaf, small pages, a leaf ... at one address, with processes that have used all of them. */
static void take_turns(vaddr_t start)
{
	unsigned long size = leaf_size();

	for (u32 round = 0; round < 6; round++) {
		unsigned long flags = round & 1 ? 0 : VM_ALLOW_HUGE_VMAP;
		char *p = in_place(start, size, flags);

		if (!EXPECT(p != NULL))
			return;
		if (!flags)
			EXPECT_EQ(level_at(start), 1);
		mark(p, size, 0x1000 * round);
		seen_everywhere(p, size, 0x1000 * round);
		vfree(p);
		expect_parity();
		vmalloc_shrink();
		EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
	}
}

KTEST(vm_huge, leaf_and_table_take_turns)
{
	vaddr_t start = ALIGN_DOWN(VMALLOC_END, leaf_size()) - 6 * leaf_size(); /* far from where the others begin */

	vmalloc_shrink();
	WITH_CREW(crew, 1, take_turns(start));
}

/* Every allocation of every kind fails once; whatever comes of it is whole. */
static void huge_sweep(enum inject_site site)
{
	for (unsigned int nth = 1, unreached = 0; !unreached; nth++) {
		char *p;

		vmalloc_shrink();
		inject_set(site, nth);
		p = vmalloc_huge(leaf_size() + PAGE_SIZE, GFP_KERNEL);
		unreached = inject_clear(site);
		if (p)
			mark(p, leaf_size() + PAGE_SIZE, nth);
		vfree(p);
		expect_parity();
		if (site == INJECT_PAGE && nth == 8)
			return; /* page by page from here on */
	}
}

KTEST(vm_huge, out_of_memory_at_each_step)
{
	KTEST_NEEDS(FAULT_INJECT);

	huge_sweep(INJECT_PAGE);
	huge_sweep(INJECT_TABLE);
	huge_sweep(INJECT_SLAB);
	EXPECT_EQ(vmalloc_check(), 0);
}

/* --- vmap --------------------------------------------------------------------------------------------------------- */

static void vmap_block(struct page **pages, struct page *block, unsigned int count)
{
	char *p = vmap(pages, count, VM_MAP, PAGE_KERNEL);

	if (!EXPECT(p != NULL))
		return;
	EXPECT_EQ(level_at((vaddr_t)p), best_level());
	*(volatile u32 *)page_address(block + 3) = 0x77;
	crew_sees(&crew, p + 3 * PAGE_SIZE, 0x77);
	EXPECT_EQ(probe_read(p + count * PAGE_SIZE, NULL), PROBE_NOT_PRESENT);
	vunmap(p);
	EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
	expect_parity();
}

KTEST(vm_huge, vmap_of_a_block)
{
	unsigned int count = (unsigned int)(leaf_size() >> PAGE_SHIFT);
	struct page *block = alloc_pages(GFP_KERNEL | __GFP_NOWARN, ilog2(count));
	struct page **pages = kmalloc(count * sizeof(*pages), GFP_KERNEL);

	for (unsigned int i = 0; block && pages && i < count; i++)
		pages[i] = block + i;
	if (block && pages)
		WITH_CREW(crew, 1, vmap_block(pages, block, count));
	kfree(pages);
	if (block)
		__free_pages(block, ilog2(count));
	else
		KTEST_SKIP("no block for a large leaf is left");
}
