/* SPDX-License-Identifier: MIT */
/*
 * The rest of the vmalloc API on real tables: rights, sparse areas, foreign frames, low memory, pages that go with a
 * map.
 */
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <kernel/bug.h>
#include <kernel/schedule_point.h>
#include <lib/string.h>
#include <mm/slab.h>

#define P PAGE_SIZE

static void write_there(void *arg)
{
	*(volatile u8 *)arg = 1;
}

/* Read-only where it was asked for and nowhere else, on a CPU that had used the old right; and back. */
KTEST(vm_api, read_only_and_back)
{
	u8 *p = vmalloc(3 * P);
	struct worker w;

	ASSERT(p && worker_start(&w, another_cpu(), true));
	worker_call(&w, write_there, p + P);
	EXPECT_EQ(set_memory_ro((vaddr_t)p + P, 1), 0);
	EXPECT_EQ(probe_write(p), PROBE_OK);
	EXPECT_EQ(probe_write(p + P), PROBE_PROTECTION);
	EXPECT_EQ(probe_read(p + P, NULL), PROBE_OK);
	EXPECT_EQ(probe_write(p + 2 * P), PROBE_OK);
	EXPECT_EQ(set_memory_rw((vaddr_t)p + P, 1), 0);
	worker_call(&w, write_there, p + P);
	EXPECT_EQ(p[P], 1);
	worker_stop(&w);
	vfree(p);
}

KTEST(vm_api, executable_and_back)
{
	u8 *p = vmalloc(P);

	ASSERT(p);
	*p = 0xc3; /* ret */
	EXPECT_EQ(set_memory_rox((vaddr_t)p, 1), 0);
	set_vm_flush_reset_perms(p);
	EXPECT_EQ(probe_exec(p), PROBE_OK);
	EXPECT_EQ(probe_write(p), PROBE_PROTECTION);
	EXPECT_EQ(set_memory_nx((vaddr_t)p, 1), 0);
	if (cpu_has(FEATURE_NX))
		EXPECT_EQ(probe_exec(p), PROBE_PROTECTION);
	vfree(p);
	EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
}

KTEST(vm_api, rights_of_wrong_ranges)
{
	u8 *p = vmalloc(2 * P);

	ASSERT(p);
	EXPECT_EQ(set_memory_ro((vaddr_t)p, 3), -EINVAL);
	EXPECT_EQ(set_memory_ro((vaddr_t)p + 1, 1), -EINVAL);
	EXPECT_EQ(set_memory_ro((vaddr_t)p, 0), -EINVAL);
	EXPECT_EQ(set_memory_ro((vaddr_t)p, 1 + (1 << (32 - PAGE_SHIFT))), -EINVAL); /* 1 page, in 32 bits */
	EXPECT_EQ(set_memory_ro((vaddr_t)"text", 1), -EINVAL);
	EXPECT_EQ(probe_write(p), PROBE_OK);
	vfree(p);
}

static int never(pte_t *pte __maybe_unused, unsigned long addr __maybe_unused, void *called)
{
	*(bool *)called = true;
	return 0;
}

/*
 * Addresses below the kernel's, those that no pointer can hold included, though their indices are those of another's
 * entries.
 */
KTEST(vm_api, entries_below_the_kernel)
{
	u8 *p = vmalloc(P);
	const vaddr_t below[] = { P, layout.user_end, layout.kernel_start - P,
				  (vaddr_t)p & (layout.user_end | (P - 1)) };
	bool called = false;

	ASSERT(p);
	for (unsigned int i = 0; i < ARRAY_SIZE(below); i++) {
		EXPECT_EQ(apply_to_existing_page_range(&init_mm, below[i], P, never, &called), -EINVAL);
		EXPECT_EQ(apply_to_page_range(&init_mm, below[i], P, never, &called), -EINVAL);
	}
	EXPECT(!called);
	vfree(p);
}

/* A part of a large leaf is refused and its neighbours keep their rights; the whole leaf changes. */
static void rights_of_a_leaf(const struct piece *p)
{
	int pages = (int)(BLOCK_SIZE / P);

	ASSERT_EQ(piece_map(p, 0, BLOCK_SIZE, 30), 0);
	EXPECT_EQ(set_memory_ro(p->addr, 1), level_at(p->addr) > 1 ? -EINVAL : 0);
	EXPECT_EQ(probe_write((void *)(p->addr + P)), PROBE_OK);
	EXPECT_EQ(set_memory_ro(p->addr, pages), 0);
	EXPECT_EQ(probe_write((void *)(p->addr + BLOCK_SIZE - 1)), PROBE_PROTECTION);
	EXPECT_EQ(set_memory_rw(p->addr, pages), 0);
	EXPECT_EQ(probe_write((void *)p->addr), PROBE_OK);
	piece_unmap(p, 0, BLOCK_SIZE);
}

KTEST(museum, m62_rights_of_a_part_of_a_large_leaf)
{
	struct piece p;

	if (piece_get(&p))
		rights_of_a_leaf(&p);
	piece_put(&p);
}

KTEST(vm_api, sparse_area)
{
	struct vm_struct *area = get_vm_area(8 * P, VM_SPARSE);
	struct page *pages[3];
	vaddr_t at;

	ASSERT(area);
	ASSERT_EQ(alloc_page_array(GFP_KERNEL, 3, pages), 3);
	at = (vaddr_t)area->addr;
	EXPECT_EQ(vm_area_map_pages(area, at + 2 * P, at + 5 * P, pages), 0);
	EXPECT_EQ(probe_read((void *)(at + P), NULL), PROBE_NOT_PRESENT);
	*(u32 *)(at + 4 * P) = 0x5a;
	EXPECT_EQ(*(u32 *)page_address(pages[2]), 0x5a);
	vm_area_unmap_pages(area, at + 3 * P, at + 4 * P);
	EXPECT_EQ(probe_read((void *)(at + 2 * P), NULL), PROBE_OK);
	EXPECT_EQ(probe_read((void *)(at + 3 * P), NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(vm_area_map_pages(area, at + 3 * P, at + 4 * P, pages + 1), 0);
	EXPECT_EQ(vm_area_map_pages(area, at + 7 * P, at + 9 * P, pages), -ERANGE);
	free_vm_area(area);
	free_page_array(pages, 3);
}

KTEST(vm_api, frames_without_struct_page)
{
	unsigned long pfns[2] = { 0xfee00, 0xfec00 }; /* the APICs */
	struct page *page = alloc_page(GFP_KERNEL);
	u8 *p = vmap_pfn(pfns, 2, PAGE_KERNEL_NOCACHE);

	if (EXPECT(p && page)) {
		EXPECT_EQ(vmalloc_to_pfn(p + P), pfns[1]);
		EXPECT(!vmalloc_to_page(p));
		vunmap(p);
		EXPECT_EQ(probe_read(p, NULL), PROBE_NOT_PRESENT);
		pfns[1] = page_to_pfn(page);
		warn_expected(true);
		EXPECT(!vmap_pfn(pfns, 2, PAGE_KERNEL));
		warn_expected(false);
	}
	__free_page(page);
}

/* Below 4 GiB: a matter of chance without RAM above it, but never wrong. */
KTEST(vm_api, low_memory)
{
	u8 *p = vmalloc_32(40 * P), *user = vmalloc_32_user(2 * P);

	ASSERT(p && user);
	for (unsigned int i = 0; i < 40; i++)
		EXPECT((u64)page_to_phys(vmalloc_to_page(p + i * P)) < 1ull << 32);
	EXPECT_EQ(user[2 * P - 1], 0);
	EXPECT_EQ(find_vm_area(user)->flags, VM_ALLOC | VM_USERMAP);
	vfree(user);
	vfree(p);
}

KTEST(vm_api, kvmalloc_small_and_large)
{
	u8 *small = kvzalloc(100, GFP_KERNEL), *large = kvcalloc(2 << MAX_PAGE_ORDER, P, GFP_KERNEL);

	ASSERT(small && large);
	EXPECT(!is_vmalloc_addr(small) && is_vmalloc_addr(large)); /* no block is so large */
	EXPECT_EQ(large[(P << MAX_PAGE_ORDER) + 5], 0);
	memset(small, 0x5b, 100);
	small = kvrealloc(small, (P << MAX_PAGE_ORDER) + 1, GFP_KERNEL);
	if (EXPECT(is_vmalloc_addr(small)))
		EXPECT_EQ(small[99], 0x5b);
	kvfree(small);
	kvfree(large);
}

KTEST(vm_api, pages_go_with_the_map)
{
	struct page **pages = kvmalloc_array(4, sizeof(*pages), GFP_KERNEL);
	u8 *p;

	ASSERT(pages);
	ASSERT_EQ(alloc_page_array(GFP_KERNEL, 4, pages), 4);
	p = vmap(pages, 4, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
	ASSERT(p);
	get_page(pages[1]); /* somebody else uses it too */
	struct page *kept = pages[1];
	vfree(p);
	EXPECT_EQ(atomic_read(&kept->refcount), 1);
	__free_page(kept);
}

static u8 seen[P];

static void read_page(void *p)
{
	memset(seen, 0xff, P);
	vread((char *)seen, p, P);
}

/* What was unmapped while it was being copied does not get out: its page may be somebody else's by then. */
static void free_while_read(struct worker *w, u8 *p)
{
	memset(p, 0x66, P);
	sched_hold("vread:copied");
	worker_post(w, read_page, p);
	if (EXPECT(sched_wait_held("vread:copied", 1000)))
		vfree(p);
	sched_release("vread:copied");
	worker_wait(w);
	EXPECT(seen[0] == 0 && seen[P - 1] == 0);
}

KTEST(vm_api, vread_of_what_goes_meanwhile)
{
	KTEST_NEEDS(SCHED_POINTS);
	struct worker w;
	u8 *p = vmalloc(P);

	ASSERT(p && worker_start(&w, another_cpu(), false));
	if (have_two_cpus())
		free_while_read(&w, p);
	else
		vfree(p);
	worker_stop(&w);
	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
}

static unsigned long asked;

static int count_call(struct notifier_block *nb, unsigned long action, void *freed)
{
	(void)nb;
	(void)freed;
	asked += 1 + action;
	return 0;
}

KTEST(vm_api, notifier_when_space_runs_out)
{
	struct notifier_block nb = { .notifier_call = count_call };
	void *one = get_vm_area(P, VM_MAP); /* so that not all space is free, whatever the machine has mapped */

	ASSERT(one);
	asked = 0;
	ASSERT_EQ(register_vmap_purge_notifier(&nb), 0);
	EXPECT(!get_vm_area(VMALLOC_END - VMALLOC_START - P, VM_MAP));
	EXPECT_EQ(asked, 1);
	EXPECT_EQ(unregister_vmap_purge_notifier(&nb), 0);
	EXPECT(!get_vm_area(VMALLOC_END - VMALLOC_START - P, VM_MAP));
	EXPECT_EQ(asked, 1);
	free_vm_area(one);
}
