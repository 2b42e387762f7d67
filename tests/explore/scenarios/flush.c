/* SPDX-License-Identifier: MIT */
/*
 * Flushes (arch/x86/mm/tlb.c, tlb_gen.c). When a flush returns, no CPU translates by what was cleared before it. When a
 * stamp is covered, no CPU translates by what was cleared before the stamp. Initiators do not wait for each other.
 */
#include "tests/explore/port/port.h"

#include <arch/x86/mm/internal.h>
#include <asm/tlb.h>
#include <lib/atomic.h>

static pte_t *entry;
static atomic_long_t raised;

static void machine_of(unsigned int cpus)
{
	port_machine(cpus);
	port_pgtable();
	entry = phys_to_virt(port_table_alloc(GFP_KERNEL));
	entry->val = 0x100000 | PTE_PRESENT;
	port_tlb_watch(entry, PORT_SPACE);
	tlb_init();
}
static void machine_2(void) { machine_of(2); }
static void machine_3(void) { machine_of(3); }

static void clear_and_flush(void)
{
	pte_store(entry, __pte(0));
	flush_tlb_all();
	port_tlb_only(entry, 0, "after the flush");
}
static void flush_only(void) { flush_tlb_all(); }

XP_SCENARIO(flush_one) = { .name = "flush.one", .setup = machine_2, .cpu = { clear_and_flush, xp_idle },
			   .irq = port_irq };
XP_SCENARIO(flush_crossing) = { .name = "flush.crossing", .setup = machine_2, .cpu = { clear_and_flush, flush_only },
				.irq = port_irq };
XP_SCENARIO(flush_all_of_three) = { .name = "flush.one_asks_two", .setup = machine_3,
				    .cpu = { clear_and_flush, xp_idle, xp_idle }, .irq = port_irq };

/* The second initiator asks only the first one, which has the tree: so two of them and an idle CPU are not too many. */
static struct pgtable tree;
static void flush_tree(void) { flush_tlb_user(&tree); }
static void machine_tree_0(void)
{
	machine_3();
	tree.cpus[0] = 1 << 0;
}
XP_SCENARIO(flush_three) = { .name = "flush.crossing_and_idle", .setup = machine_tree_0,
			     .cpu = { clear_and_flush, flush_tree, xp_idle }, .irq = port_irq };

/* The second request comes when the first one has just been answered. */
static void clear_and_flush_again(void)
{
	flush_tlb_all();
	clear_and_flush();
}
XP_SCENARIO(flush_twice_idle) = { .name = "flush.twice", .setup = machine_2, .cpu = { clear_and_flush_again, xp_idle },
				  .irq = port_irq };

/* Two CPUs ask a third one at once. So that they do not ask each other too, it is the only one that has the tree. */
static void machine_tree(void)
{
	machine_3();
	tree.cpus[0] = 1 << 2;
}
XP_SCENARIO(flush_two_ask) = { .name = "flush.two_ask_one", .setup = machine_tree,
			       .cpu = { flush_tree, flush_tree, xp_idle }, .irq = port_irq };

/* Broken: the other CPU is not asked. */
static void clear_and_flush_here(void)
{
	pte_store(entry, __pte(0));
	flush_tlb_local();
	port_tlb_only(entry, 0, "after the flush");
}
XP_SCENARIO(flush_broken) = { .name = "flush.broken_only_here", .setup = machine_2,
			      .cpu = { clear_and_flush_here, xp_idle }, .irq = port_irq,
			      .must_fail = "may still translate" };

/* --- stamps ------------------------------------------------------------------------------------------------- */

static void clear_and_stamp(void)
{
	tlb_stamp_t stamp;

	pte_store(entry, __pte(0));
	stamp = tlb_stamp();
	if (tlb_stamp_covered(stamp))
		port_tlb_only(entry, 0, "the stamp is covered");
}
static void flush_twice(void)
{
	flush_tlb_all();
	flush_tlb_all();
}
XP_SCENARIO(stamp_flush) = { .name = "stamp.flush", .setup = machine_2, .cpu = { clear_and_stamp, flush_only },
			     .irq = port_irq };
XP_SCENARIO(stamp_flush_twice) = { .name = "stamp.flush_twice", .setup = machine_2,
				   .cpu = { clear_and_stamp, flush_twice }, .irq = port_irq };

/* Flushes that overlap, and end in another order. Their numbers are real; their work on each CPU is one step. */
static void machine_steps(void)
{
	machine_3();
	port_flush_by_contract = true;
}
XP_SCENARIO(stamp_two) = { .name = "stamp.two_flushes", .setup = machine_steps,
			   .cpu = { clear_and_stamp, flush_only, flush_only } };
XP_SCENARIO(stamp_three) = { .name = "stamp.three_flushes", .setup = machine_steps,
			     .cpu = { clear_and_stamp, flush_twice, flush_only } };

/* Broken: no barrier between the cleared entry and the stamp. */
static void clear_and_stamp_unordered(void)
{
	tlb_stamp_t stamp;

	pte_store(entry, __pte(0));
	stamp = tlb_stamp_ordered();
	if (tlb_stamp_covered(stamp))
		port_tlb_only(entry, 0, "the stamp is covered");
}
XP_SCENARIO(stamp_broken) = { .name = "stamp.broken_no_barrier", .setup = machine_2,
			      .cpu = { clear_and_stamp_unordered, flush_only }, .irq = port_irq,
			      .must_fail = "may still translate" };

/* Broken: the flush with the stamp's own number counts. */
static void clear_and_stamp_equal(void)
{
	tlb_stamp_t stamp;

	pte_store(entry, __pte(0));
	stamp = tlb_stamp();
	stamp.gen--;
	if (tlb_stamp_covered(stamp))
		port_tlb_only(entry, 0, "the stamp is covered");
}
XP_SCENARIO(stamp_broken_equal) = { .name = "stamp.broken_own_number", .setup = machine_2,
				    .cpu = { clear_and_stamp_equal, flush_only }, .irq = port_irq,
				    .must_fail = "may still translate" };

/* --- the highest of many stamps ----------------------------------------------------------------------------- */

static void raise_1(void) { tlb_stamp_raise(&raised, (tlb_stamp_t){ 1 }); }
static void raise_2(void) { tlb_stamp_raise(&raised, (tlb_stamp_t){ 2 }); }
static void raise_3(void) { tlb_stamp_raise(&raised, (tlb_stamp_t){ 3 }); }
static void machine_raise(void) { port_machine(3); }
static void is_3(void) { MUST(atomic_long_read(&raised) == 3); }
XP_SCENARIO(raise) = { .name = "stamp.raise", .setup = machine_raise, .cpu = { raise_1, raise_3, raise_2 },
		       .check = is_3 };

/* Broken: the loser of the exchange does not try again. */
static void raise_3_once(void)
{
	unsigned long seen = (unsigned long)atomic_long_read(&raised);

	if (tlb_gen_later(3, seen))
		atomic_long_cmpxchg(&raised, (long)seen, 3);
}
XP_SCENARIO(raise_broken) = { .name = "stamp.broken_raise_once", .setup = machine_raise,
			      .cpu = { raise_1, raise_3_once, raise_2 }, .check = is_3, .must_fail = "== 3" };
