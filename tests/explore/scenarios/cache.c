/* SPDX-License-Identifier: MIT */
/*
 * Caches of freed ranges (mm/kva/space/vm_cache.c). A range is used again, or becomes a hole, only when a flush has
 * covered its stamp; and it goes to one place.
 */
#include "tests/explore/port/port.h"

#include "mm/kva/space/space.h"

static struct vm_range range;
static pte_t *entry;
static unsigned int taken; /* by the next user, or as a hole; each CPU counts in its own */
static unsigned int takers[XP_CPUS];

/* What vm_holes.c would do: nothing may be left of the range in any TLB. */
void vm_range_discard_list(struct vm_range *list)
{
	for (; list; list = list->next) {
		port_tlb_only(entry, 0, "a range becomes a hole");
		takers[xp_cpu()]++;
	}
}
void vm_purge_soon(void) { }

static const struct vm_request request = { .size = 2 * PAGE_SIZE, .align = PAGE_SIZE, .hi = ~0ul };

static void range_in_use(void)
{
	port_machine(2);
	port_xarrays();
	port_pgtable();
	port_flush_by_contract = true;
	entry = phys_to_virt(port_table_alloc(GFP_KERNEL));
	entry->val = 0x100000 | PTE_PRESENT;
	port_tlb_watch(entry, PORT_SPACE);
	vm_space_unit = PAGE_SIZE;
	range.start = PORT_SPACE;
	range.end = PORT_SPACE + 2 * PAGE_SIZE;
	range.kind = VM_RANGE_RAM;
	vm_range_weigh(&range, 2);
}

static void retire(void)
{
	pte_store(entry, __pte(0));
	vm_range_retire(&range);
}
static void find(void)
{
	if (!vm_cache_find(&request))
		return;
	port_tlb_only(entry, 0, "a range is used again");
	takers[xp_cpu()]++;
}
static void retire_and_find(void)
{
	retire();
	find();
}
static void reclaim(void) { vm_cache_reclaim(); }
static void flush(void) { flush_tlb_all(); }
static void taken_once(void)
{
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		taken += takers[cpu];
	MUST(taken <= 1);
}

XP_SCENARIO(cache_flush) = { .name = "cache.retire_find_flush", .setup = range_in_use,
			     .cpu = { retire_and_find, flush }, .check = taken_once };
XP_SCENARIO(cache_reclaim) = { .name = "cache.retire_find_reclaim", .setup = range_in_use,
			       .cpu = { retire_and_find, reclaim }, .check = taken_once };

/* What is lazy already: its CPU looks for it while another empties all caches. */
static void range_is_lazy(void)
{
	range_in_use();
	retire();
}
XP_SCENARIO(cache_find) = { .name = "cache.find_reclaim", .setup = range_is_lazy, .cpu = { find, reclaim },
			    .check = taken_once };
XP_SCENARIO(cache_three) = { .name = "cache.find_reclaim_flush", .setup = range_is_lazy,
			     .cpu = { find, reclaim, flush }, .check = taken_once };

/* Broken: the entries are cleared after the range was retired. */
static void retire_too_early(void)
{
	vm_range_retire(&range);
	pte_store(entry, __pte(0));
	find();
}
XP_SCENARIO(cache_broken) = { .name = "cache.broken_retire_first", .setup = range_in_use,
			      .cpu = { retire_too_early, flush }, .must_fail = "may still translate" };
