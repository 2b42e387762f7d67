/* SPDX-License-Identifier: MIT */
/* Historic bugs of carrying entries, at the places that few think of: the page array, holes, the stack in use. */
#include "handlers.h"
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <mm/page/page_internal.h>
#include <mm/kstack.h>

static struct crew crew;

/* --- 44: the array of struct pages grows by a top entry, in a task with tables of its own ------------------------- */

static vaddr_t array_slot(unsigned int i)
{
	return ALIGN_DOWN(layout.vmemmap_start, slot_size()) + i * slot_size();
}

static unsigned int array_slots_present(void)
{
	unsigned int present = 0;

	for (unsigned int i = 0; array_slot(i) < layout.vmemmap_end; i++)
		present += !pte_none(pgtable_read_entry(&kernel_pgtable, array_slot(i), pt_sync_level()));
	return present;
}

/* A few sections, until the array needs a new top entry. */
static void bring_online(void *arg)
{
	unsigned int before = array_slots_present(), *sections = arg;

	while (*sections < 20 && array_slots_present() == before && page_offline_left()) {
		for (unsigned int z = 0; z < NR_ZONES; z++)
			if (READ_ONCE(zones[z].offline) && page_online_next((enum zone_id)z, true))
				break;
		++*sections;
	}
}

static void count_free_pages(void *arg)
{
	*(unsigned int *)arg += page_alloc_check();
}

static void online_in_a_process(void)
{
	unsigned int before = array_slots_present(), sections = 0, faults = 0;

	worker_call(&crew.worker[1], bring_online, &sections);
	expect_parity();
	crew_call(&crew, count_free_pages, &faults); /* walks the free lists, and so the new struct pages */
	EXPECT_EQ(faults, 0);
	ktest_note("%u sections, %u new top entries", sections, array_slots_present() - before);
}

KTEST(museum, m44_page_array_grows_in_a_process)
{
	if (!page_offline_left())
		KTEST_SKIP("all RAM is online: 32-bit modes need more than 1G, others more than 512M");
	WITH_CREW(crew, 2, online_in_a_process());
}

struct array_page {
	vaddr_t at;
	struct page *page;
	int err;
};

/* What bringing online does, in a slot that no RAM of this machine reaches. */
static void map_in_array(void *arg)
{
	struct array_page *a = arg;
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, a->at, a->at + PAGE_SIZE);
	a->err = pgtable_map(&kernel_pgtable, &u, a->at, a->at + PAGE_SIZE, page_to_phys(a->page), PAGE_KERNEL,
			     PAGE_SHIFT);
	arch_update_kernel_mappings_end(&u);
}

static void unmap_in_array(const struct array_page *a)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, a->at, a->at + PAGE_SIZE);
	pgtable_unmap(&kernel_pgtable, &u, a->at, a->at + PAGE_SIZE);
	tlb_batch_add(&u.tlb, a->at, a->at + PAGE_SIZE);
	arch_update_kernel_mappings_end(&u);
}

static vaddr_t unused_array_slot(void)
{
	for (unsigned int i = 0; array_slot(i) < layout.vmemmap_end; i++)
		if (array_slot(i) >= layout.vmemmap_start &&
		    pte_none(pgtable_read_entry(&kernel_pgtable, array_slot(i), pt_sync_level())))
			return array_slot(i);
	return 0;
}

KTEST(museum, m44_new_top_entry_of_the_page_array)
{
	struct array_page a = { .at = unused_array_slot() };

	if (!a.at)
		KTEST_SKIP("every top entry of the page array is in use");
	a.page = alloc_page(GFP_KERNEL);
	ASSERT(a.page);
	*(u32 *)page_address(a.page) = 0x4400;
	ASSERT(crew_start(&crew, 2));
	worker_call(&crew.worker[1], map_in_array, &a);
	EXPECT_EQ(a.err, 0);
	expect_parity();
	crew_sees(&crew, (void *)a.at, 0x4400);
	unmap_in_array(&a);
	crew_stop(&crew);
	__free_page(a.page);
}

/* --- 46: entries behind a hole ------------------------------------------------------------------------------------ */

static int put_entry(pte_t *ptep, unsigned long addr __maybe_unused, void *data)
{
	pte_store(ptep, pfn_pte(page_to_pfn(data), pgprot_supported(PAGE_KERNEL)));
	return 0;
}

struct seen {
	vaddr_t base;
	unsigned int calls;
	u64 pages; /* a bit each, of the first 64 */
	vaddr_t last;
};

static int see_entry(pte_t *ptep __maybe_unused, unsigned long addr, void *data)
{
	struct seen *seen = data;
	unsigned long page = (addr - seen->base) >> PAGE_SHIFT;

	seen->calls++;
	seen->pages |= page < 64 ? (u64)1 << page : 0;
	seen->last = addr;
	return 0;
}

static struct seen look_at_holes(vaddr_t base, unsigned long size, bool create)
{
	struct seen seen = { .base = base };

	EXPECT_EQ(create ? apply_to_page_range(&init_mm, base, size, see_entry, &seen)
			 : apply_to_existing_page_range(&init_mm, base, size, see_entry, &seen), 0);
	return seen;
}

/* Entries 0, 1 and 5, and one behind a table's worth of nothing. */
static void walk_over_holes(vaddr_t base, struct page *page)
{
	static const unsigned int present[] = { 0, 1, 5 };
	vaddr_t far = base + 2 * pt_level_size(2);
	struct seen seen;

	for (unsigned int i = 0; i < ARRAY_SIZE(present); i++)
		EXPECT_EQ(apply_to_page_range(&init_mm, base + present[i] * PAGE_SIZE, PAGE_SIZE, put_entry, page), 0);
	seen = look_at_holes(base, 8 * PAGE_SIZE, false);
	EXPECT_EQ(seen.calls, 3);
	EXPECT_EQ(seen.pages, 0x23);
	seen = look_at_holes(base, 8 * PAGE_SIZE, true);
	EXPECT_EQ(seen.calls, 8);
	EXPECT_EQ(seen.pages, 0xff);
	EXPECT_EQ(apply_to_page_range(&init_mm, far, PAGE_SIZE, put_entry, page), 0);
	seen = look_at_holes(base, far + 2 * PAGE_SIZE - base, false);
	EXPECT_EQ(seen.calls, 4);
	EXPECT_EQ(seen.last, far);
}

KTEST(museum, m46_walk_stops_at_the_first_hole)
{
	struct vm_struct *area = get_vm_area(4 * pt_level_size(2), VM_MAP);
	struct page *page = alloc_page(GFP_KERNEL);

	if (EXPECT(area && page))
		walk_over_holes(ALIGN((vaddr_t)area->addr, pt_level_size(2)), page);
	if (area)
		free_vm_area(area);
	if (page)
		__free_page(page);
}

/* --- 49: the stack in use must be in the tables that are loaded --------------------------------------------------- */

/* As kstack_alloc(), at the start of a fresh slot. */
static void *stack_in_fresh_slot(void)
{
	char *area = vmalloc_in_fresh_slot(PAGE_SIZE + KSTACK_SIZE);

	return area ? area + PAGE_SIZE : NULL;
}

struct visitor {
	struct mm_struct *mm;
	vaddr_t stack;
	bool in_tree;
};

/* On a stack that is younger than the process whose tables are used: borrowed first, then as one of its threads. */
static void run_in_older_process(void *arg)
{
	struct visitor *v = arg;

	v->stack = (vaddr_t)__builtin_frame_address(0);
	msleep(1);
	kthread_use_mm(v->mm);
	msleep(1);
	v->in_tree = pgtable_query(pgtable_current(), v->stack).present;
	kthread_unuse_mm(v->mm);
}

static void fresh_stack(struct worker *w)
{
	struct visitor v = { .mm = w->mm };
	vaddr_t slot = fresh_slot();
	struct task *task;

	REPLACE_HANDLER(sched_set_stack_allocator(stack_in_fresh_slot, kstack_free));
	task = thread_run_on(w->cpu, run_in_older_process, &v, "visitor");
	REPLACE_HANDLER(sched_set_stack_allocator(kstack_alloc, kstack_free));
	ASSERT(task);
	thread_join(task);
	EXPECT(v.stack >= slot && v.stack - slot < slot_size());
	EXPECT(v.in_tree);
}

KTEST(museum, m49_stack_missing_in_the_next_tables)
{
	if (!fresh_slot())
		KTEST_SKIP(NO_FRESH_SLOT);
	WITH_CREW(crew, 2, fresh_stack(&crew.worker[1]));
}
