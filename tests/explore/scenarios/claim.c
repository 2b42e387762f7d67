/* SPDX-License-Identifier: MIT */
/*
 * Claims of ranges (mm/kva/space/vm_index.c). Of those who free a range at once, one gets it. Who only looks keeps it
 * still for a moment, and a claim then waits; nobody sees a range that is not whole. The range may go back to a hole,
 * and its descriptor serve again, while somebody looks.
 */
#include "tests/explore/port/port.h"

#include "mm/kva/space/space.h"

static struct vm_range ranges[2];
static struct vm_range *got[XP_CPUS];

static vaddr_t start_of(unsigned int i) { return PORT_SPACE + (1 + 4 * i) * PAGE_SIZE; }

static void range_make(unsigned int i)
{
	ranges[i].start = start_of(i);
	ranges[i].end = start_of(i) + 2 * PAGE_SIZE;
	ranges[i].kind = VM_RANGE_RAM;
	MUST(!vm_index_add(&ranges[i], GFP_KERNEL));
	vm_range_publish(&ranges[i]);
}

static void two_ranges(void)
{
	port_machine(3);
	port_xarrays();
	range_make(0);
	range_make(1);
}

static void claim_it(void) { got[xp_cpu()] = vm_range_claim(start_of(0), VM_RANGE_RAM, 0); }
static void claim_wrong_kind(void) { MUST(!vm_range_claim(start_of(0), VM_RANGE_BLOCK, 0)); }
static void look_at_it(void)
{
	struct vmap_area *va = find_vmap_area(start_of(0) + PAGE_SIZE);

	MUST(!va || va->va_start == start_of(0));
}

static void one_got_it(void)
{
	unsigned int nr = 0;

	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		nr += got[cpu] != NULL;
	MUST(nr == 1 && ranges[0].state == VM_HELD && ranges[1].state == VM_BUSY);
}

XP_SCENARIO(claim_claim) = { .name = "claim.claim", .setup = two_ranges, .cpu = { claim_it, claim_it },
			     .check = one_got_it };
XP_SCENARIO(claim_look) = { .name = "claim.look", .setup = two_ranges, .cpu = { claim_it, look_at_it },
			    .check = one_got_it };
XP_SCENARIO(claim_wrong) = { .name = "claim.wrong_kind", .setup = two_ranges, .cpu = { claim_it, claim_wrong_kind },
			     .check = one_got_it };
XP_SCENARIO(claim_three) = { .name = "claim.claim_claim_look", .setup = two_ranges,
			     .cpu = { claim_it, claim_it, look_at_it }, .check = one_got_it };

/* The claimer gives the range back, and the descriptor serves elsewhere, while another looks at or claims it. */
static void claim_and_reuse(void)
{
	struct vm_range *range = vm_range_claim(start_of(0), VM_RANGE_RAM, 0);

	got[0] = range;
	if (!range)
		return;
	vm_index_remove(range);
	range->start = start_of(0) + 8 * PAGE_SIZE;
	range->end = range->start + PAGE_SIZE;
	MUST(!vm_index_add(range, GFP_KERNEL));
	vm_range_publish(range);
}
static void one_claimed(void) { MUST((got[0] != NULL) + (got[1] != NULL) == 1); }
static bool is_right(struct vm_range *range)
{
	MUST(range->start == start_of(0));
	return false;
}
static void look_or_nothing(void) { vm_range_area_after(start_of(0) + PAGE_SIZE, is_right); }
XP_SCENARIO(claim_reuse) = { .name = "claim.reuse", .setup = two_ranges, .cpu = { claim_and_reuse, claim_it },
			     .check = one_claimed };
XP_SCENARIO(claim_reuse_look) = { .name = "claim.reuse_look", .setup = two_ranges,
				  .cpu = { claim_and_reuse, look_or_nothing } };

/* Broken: a claim that looks first and writes then. */
static void claim_without_exchange(void)
{
	if (smp_load_acquire(&ranges[0].state) != VM_BUSY)
		return;
	vm_range_set_state(&ranges[0], VM_HELD);
	got[xp_cpu()] = &ranges[0];
}
XP_SCENARIO(claim_broken) = { .name = "claim.broken", .setup = two_ranges,
			      .cpu = { claim_it, claim_without_exchange }, .check = one_got_it,
			      .must_fail = "nr == 1" };
