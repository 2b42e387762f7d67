/* SPDX-License-Identifier: MIT */
/*
 * The XArray (kernel/core/xarray.c): readers without a lock beside writers. A reader finds an entry that was there at
 * some moment of its search, and never follows a node that is free.
 */
#include "tests/explore/port/port.h"

#include <kernel/preempt.h>
#include <kernel/xarray.h>

static DEFINE_XARRAY(array);
static unsigned int item[4];

static void machine(void)
{
	port_machine(3);
	port_xarrays();
}
static void one_at_0(void)
{
	machine();
	MUST(!xa_err(xa_store(&array, 0, &item[0], GFP_KERNEL)));
}
static void two_nodes(void)
{
	one_at_0();
	MUST(!xa_err(xa_store(&array, 70, &item[1], GFP_KERNEL)));
}

static void *look(unsigned long index)
{
	void *entry;

	preempt_disable();
	entry = xa_load(&array, index);
	preempt_enable();
	return entry;
}
static void load_0(void) { MUST(look(0) == &item[0]); }
static void load_70(void)
{
	void *entry = look(70);

	MUST(!entry || entry == &item[1]);
}
static void load_1(void)
{
	void *entry = look(1);

	MUST(!entry || entry == &item[2]);
}
static void store_70(void) { MUST(!xa_store(&array, 70, &item[1], GFP_KERNEL)); }
static void erase_70(void) { MUST(xa_erase(&array, 70) == &item[1]); }
static void store_1(void) { MUST(!xa_store(&array, 1, &item[2], GFP_KERNEL)); }
static void both_there(void) { MUST(xa_load(&array, 0) == &item[0] && xa_load(&array, 70) == &item[1]); }
static void shrunk(void) { MUST(xa_load(&array, 0) == &item[0] && !xa_load(&array, 70) && !port_objects()); }
static void three_there(void) { both_there(); MUST(xa_load(&array, 1) == &item[2]); }

XP_SCENARIO(xa_grow) = { .name = "xarray.load_store_grows", .setup = one_at_0, .cpu = { load_0, store_70 },
			 .check = both_there };
XP_SCENARIO(xa_grow_new) = { .name = "xarray.load_new_store_grows", .setup = one_at_0, .cpu = { load_70, store_70 },
			     .check = both_there };
XP_SCENARIO(xa_shrink) = { .name = "xarray.load_erase_shrinks", .setup = two_nodes, .cpu = { load_0, erase_70 },
			   .check = shrunk };
XP_SCENARIO(xa_shrink_new) = { .name = "xarray.load_gone_erase_shrinks", .setup = two_nodes,
			       .cpu = { load_70, erase_70 }, .check = shrunk };
XP_SCENARIO(xa_two_writers) = { .name = "xarray.store_store", .setup = one_at_0, .cpu = { store_70, store_1 },
				.check = three_there };
XP_SCENARIO(xa_readers) = { .name = "xarray.load_load_erase", .setup = two_nodes,
			    .cpu = { load_0, erase_70, load_70 }, .check = shrunk };
XP_SCENARIO(xa_read_write) = { .name = "xarray.load_store_erase", .setup = two_nodes,
			       .cpu = { load_1, erase_70, store_1 } };

/*
 * An entry of four slots goes, and a smaller one comes into its first slot. Who has read that a later slot belongs to
 * the first must not take the small entry for what is there.
 */
static void four_slots(void)
{
	XA_STATE_ORDER(xas, &array, 0, 2);

	machine();
	do {
		xa_lock(&array);
		xas_store(&xas, &item[0]);
		xa_unlock(&array);
	} while (xas_nomem(&xas, GFP_KERNEL));
	MUST(!xa_store(&array, 20, &item[2], GFP_KERNEL)); /* so the node stays */
	MUST(xa_load(&array, 2) == &item[0]);
}
static void load_2(void)
{
	void *entry = look(2);

	MUST(!entry || entry == &item[0]);
}
static void replace_0(void)
{
	MUST(xa_erase(&array, 0) == &item[0]);
	MUST(!xa_store(&array, 0, &item[1], GFP_KERNEL));
}
static void small_there(void) { MUST(xa_load(&array, 0) == &item[1] && !xa_load(&array, 2)); }
XP_SCENARIO(xa_sibling) = { .name = "xarray.load_sibling_replace", .setup = four_slots, .cpu = { load_2, replace_0 },
			    .check = small_there };

/* Marks, and a search for them. */
static void mark_70(void) { xa_set_mark(&array, 70, XA_MARK_0); }
static void find_marked(void)
{
	unsigned long index = 0;
	void *entry;

	preempt_disable();
	entry = xa_find(&array, &index, ~0ul, XA_MARK_0);
	preempt_enable();
	MUST(!entry || (entry == &item[1] && index == 70));
}
static void find_any(void)
{
	unsigned long index = 1;
	void *entry;

	preempt_disable();
	entry = xa_find(&array, &index, ~0ul, XA_PRESENT);
	preempt_enable();
	MUST(!entry || (entry == &item[1] && index == 70));
}
XP_SCENARIO(xa_marks) = { .name = "xarray.find_mark", .setup = two_nodes, .cpu = { find_marked, mark_70 } };
XP_SCENARIO(xa_find_erase) = { .name = "xarray.find_erase", .setup = two_nodes, .cpu = { find_any, erase_70 },
			       .check = shrunk };

/* Broken: nodes are freed without a grace period. */
static void two_nodes_without_rcu(void)
{
	two_nodes();
	port_rcu_broken = true;
}
XP_SCENARIO(xa_broken) = { .name = "xarray.broken_no_grace_period", .setup = two_nodes_without_rcu,
			   .cpu = { load_70, erase_70 }, .must_fail = "freed" };
