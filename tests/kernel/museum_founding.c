/* SPDX-License-Identifier: MIT */
/*
 * The two bugs that this kernel was started for, one way after the other (founding.c has the reports as they came).
 * 6: a mapping crosses a border of the shared level, so it needs a new entry there; a process older than that entry
 * reads through it. 7: a handler touches a buffer behind such an entry, and is the first in its process to do so.
 */
#include "handlers.h"
#include "places.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/fault.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <lib/string.h>
#include <mm/slab.h>

static struct crew crew;

/* --- 6: across 2^39, 2^48, 2M or 4M, in leaves of every size ------------------------------------------------------ */

/* What is mapped lies around a border: `half` bytes below it, and as many above, where the new entry is. */
struct crossing {
	vaddr_t border, half;
	phys_addr_t phys; /* at the border */
	unsigned int shift;
};

static void cross(const struct crossing *c, bool map)
{
	vaddr_t start = c->border - c->half, end = c->border + c->half;
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, start, end);
	if (map) {
		EXPECT_EQ(pgtable_map(&kernel_pgtable, &u, start, end, c->phys - c->half, PAGE_KERNEL, c->shift), 0);
	} else {
		pgtable_unmap(&kernel_pgtable, &u, start, end);
		tlb_batch_add(&u.tlb, start, end);
	}
	arch_update_kernel_mappings_end(&u);
}

static void read_across(const struct crossing *c, unsigned int level)
{
	struct sync_counters before = sync_counters();
	struct slot_snapshot slots;

	ASSERT(slots_snapshot(&slots));
	cross(c, true);
	expect_parity();
	EXPECT_EQ(sync_counters().carried - before.carried, slots_changed(&slots));
	EXPECT(sync_counters().carried != before.carried);
	EXPECT_EQ(level_at(c->border), level);
	EXPECT_EQ(pgtable_query(&kernel_pgtable, c->border - 1).phys, c->phys - 1);
	*(volatile u32 *)c->border = 0x06;
	crew_sees(&crew, (void *)c->border, 0x06);
	cross(c, false);
	expect_parity();
}

/* The crew's processes are older than the entry. */
static void cross_with(phys_addr_t phys, vaddr_t half, unsigned int level)
{
	struct crossing c = { fresh_border(), half, phys, pt_level[level].shift };
	struct vm_struct *area = area_at(c.border - half, c.border + half + PAGE_SIZE, 2 * half, VM_MAP);

	if (EXPECT(area))
		WITH_CREW(crew, 2, read_across(&c, level));
	if (area)
		free_vm_area(area);
}

KTEST(museum, m06_crossing_in_small_pages)
{
	struct page *block = alloc_pages(GFP_KERNEL, 5);

	ASSERT(block);
	if (fresh_border())
		cross_with(page_to_phys(block) + 16 * PAGE_SIZE, 16 * PAGE_SIZE, 1);
	__free_pages(block, 5);
	if (!fresh_border())
		KTEST_SKIP(NO_FRESH_SLOT);
}

/* Below the border lies whatever is below the block in memory: nobody reads it. */
KTEST(museum, m06_crossing_in_large_leaves)
{
	struct page *block;

	if (!pt_leaf_allowed(2))
		KTEST_SKIP("this CPU has no large pages");
	if (!fresh_border())
		KTEST_SKIP(NO_FRESH_SLOT);
	block = alloc_pages(GFP_KERNEL, MAX_PAGE_ORDER);
	ASSERT(block);
	cross_with(page_to_phys(block), pt_level_size(2), 2);
	__free_pages(block, MAX_PAGE_ORDER);
}

KTEST(museum, m06_crossing_in_gigabytes)
{
	u64 phys = left_out_ram(2ull << 30, 1ull << 30);

	if (!cpu_has(FEATURE_HUGE_1G))
		KTEST_SKIP("this CPU has no 1 GiB pages");
	if (!phys)
		KTEST_SKIP(NO_LEFT_OUT_RAM);
	if (!fresh_border())
		KTEST_SKIP(NO_FRESH_SLOT);
	cross_with((phys_addr_t)(phys + (1ull << 30)), (vaddr_t)1 << 30, 3);
}

/* --- 7: handlers of three kinds, each the first in its process to touch the buffer -------------------------------- */

/* A page a CPU. */
static unsigned long *buffer;

static unsigned long *counter(void) { return buffer + smp_processor_id() * (PAGE_SIZE / sizeof(long)); }

static void count_fault(vaddr_t addr __maybe_unused) { ++*counter(); }
static void count_trap(struct trap_frame *frame __maybe_unused) { ++*counter(); }

#define USER_PAGE 0x400000ul

static void cause_fault(void *arg __maybe_unused)
{
	EXPECT_EQ(mm_map_anonymous(current->mm, USER_PAGE, PAGE_SIZE), 0);
	EXPECT_EQ(probe_write((void *)USER_PAGE), PROBE_OK);
}

/* It arrives when it likes; looking at the counter meanwhile would be touching the buffer first. */
static void cause_nmi(void *arg __maybe_unused)
{
	arch_send_nmi(smp_processor_id());
	arch_udelay(1000);
}

static void cause_debug(void *arg __maybe_unused) { arch_debug_exception(); }

static void first_touch(void (*cause)(void *), unsigned int depth)
{
	buffer = vmalloc_in_fresh_slot(MAX_CPUS * PAGE_SIZE);
	ASSERT(buffer);
	memset(buffer, 0, MAX_CPUS * PAGE_SIZE);
	REPLACE_HANDLER(arch_set_fault_tracer(depth ? count_fault : NULL));
	REPLACE_HANDLER(arch_set_nmi_handler(count_trap));
	REPLACE_HANDLER(arch_set_debug_handler(count_trap));
	fault_reset_max_depth();
	crew_call(&crew, cause, NULL);
	REPLACE_HANDLER(arch_set_debug_handler(NULL));
	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	REPLACE_HANDLER(arch_set_fault_tracer(NULL));
	EXPECT_EQ(fault_counters().max_depth, depth);
	for (unsigned int i = 0; i < crew.nr; i++)
		EXPECT(buffer[crew.worker[i].cpu * (PAGE_SIZE / sizeof(long))] >= 1);
	vfree(buffer);
}

KTEST(museum, m07_tracer_in_the_page_fault_handler)
{
	if (!fresh_slot())
		KTEST_SKIP(NO_FRESH_SLOT);
	WITH_CREW(crew, 3, first_touch(cause_fault, 1));
}

KTEST(museum, m07_tracer_in_the_nmi_handler)
{
	if (!fresh_slot())
		KTEST_SKIP(NO_FRESH_SLOT);
	WITH_CREW(crew, 3, first_touch(cause_nmi, 0));
}

KTEST(museum, m07_tracer_in_the_debug_handler)
{
	if (!fresh_slot())
		KTEST_SKIP(NO_FRESH_SLOT);
	WITH_CREW(crew, 3, first_touch(cause_debug, 0));
}
