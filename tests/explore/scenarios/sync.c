/* SPDX-License-Identifier: MIT */
/*
 * New top entries (arch/x86/mm/pgtable_sync.c, theory 2 to 6). When a mapping call has returned, its address works in
 * every process, whoever installed the entry of the shared level; and every tree has what the reference has.
 */
#include "tests/explore/port/port.h"

#include <arch/mmu_sync.h>
#include <arch/x86/mm/internal.h>

static struct pgtable old_tree, new_tree;
static bool new_made;

static void one_process(void)
{
	port_machine(3);
	port_pgtable();
	port_tree(&old_tree);
}

static void map_and_touch(unsigned int i)
{
	port_map(i);
	port_touch(&old_tree, port_page(i), port_frame(i));
}
static void map_0(void) { map_and_touch(0); }
static void map_1(void) { map_and_touch(1); }
static void map_2(void) { map_and_touch(2); }

static void same_everywhere(const struct pgtable *pt)
{
	for (vaddr_t addr = layout.kernel_start; addr != layout.private_start; addr += pt_size(pt_sync_level())) {
		pte_t ref = *pt_entry(&kernel_pgtable, addr, pt_sync_level());

		MUST(ref.val == pt_entry(pt, addr, pt_sync_level())->val && !pte_pending(ref));
	}
}
static void all_same(void)
{
	same_everywhere(&old_tree);
	if (new_made)
		same_everywhere(&new_tree);
}

XP_SCENARIO(sync_two) = { .name = "sync.two_mappers", .setup = one_process, .cpu = { map_0, map_1 },
			  .check = all_same };
XP_SCENARIO(sync_three) = { .name = "sync.three_mappers", .setup = one_process, .cpu = { map_0, map_1, map_2 },
			    .check = all_same, .bound = 2 };

/* A process that is made meanwhile, and touches what was mapped before it looked. */
static unsigned int mapped;
static void map_0_and_say(void)
{
	port_map(0);
	smp_store_release(&mapped, 1);
}
static void make_process(void)
{
	port_tree(&new_tree);
	new_made = true;
	if (smp_load_acquire(&mapped))
		port_touch(&new_tree, port_page(0), port_frame(0));
}
XP_SCENARIO(sync_new) = { .name = "sync.mapper_new_process", .setup = one_process,
			  .cpu = { map_0_and_say, make_process }, .check = all_same };

/* A process that ends meanwhile: the hook must not write to its tree afterwards. */
static void two_processes(void)
{
	one_process();
	port_tree(&new_tree);
}
static void end_process(void) { pgtable_exit_process(&new_tree); }
XP_SCENARIO(sync_exit) = { .name = "sync.mapper_exit", .setup = two_processes, .cpu = { map_0, end_process },
			   .check = all_same };

/* In pieces: the hook gives the lock back after every tree. */
static void in_pieces(void)
{
	two_processes();
	new_made = true;
	sync_budget = 1;
}
XP_SCENARIO(sync_pieces) = { .name = "sync.two_mappers_in_pieces", .setup = in_pieces, .cpu = { map_0, map_1 },
			     .check = all_same };
static void in_pieces_exit(void)
{
	two_processes();
	sync_budget = 1;
}
XP_SCENARIO(sync_pieces_exit) = { .name = "sync.exit_in_pieces", .setup = in_pieces_exit, .cpu = { map_0, end_process },
				  .check = all_same };

/*
 * An entry of the shared level changes: the link to an empty table goes, a large leaf comes. (With 4 levels the entry
 * is below that level.) Meanwhile a process is made, or another CPU's hook runs, in pieces.
 */
static void empty_table(void)
{
	one_process();
	port_flush_by_contract = true;
	port_map(0);
	port_unmap(0);
}
static void leaf_instead(void)
{
	port_leaf_instead();
	port_touch(&old_tree, port_page(0), 0);
}
static void make_process_and_no_more(void)
{
	port_tree(&new_tree);
	new_made = true;
}
XP_SCENARIO(sync_change_new) = { .name = "sync.change_new_process", .setup = empty_table,
				 .cpu = { leaf_instead, make_process_and_no_more }, .check = all_same };
static void empty_table_in_pieces(void)
{
	empty_table();
	port_tree(&new_tree);
	new_made = true;
	sync_budget = 1;
}
static void map_other_slot(void)
{
	port_map((unsigned int)(pt_size(pt_sync_level()) >> PAGE_SHIFT));
}
XP_SCENARIO(sync_change_hook) = { .name = "sync.change_other_hook_in_pieces", .setup = empty_table_in_pieces,
				  .cpu = { leaf_instead, map_other_slot }, .check = all_same };

/* Broken: the second mapper returns without the hook, because it has installed nothing itself (Linux 4819e15f740e). */
static void map_1_without_hook(void)
{
	struct mmu_update u;

	arch_update_kernel_mappings_begin(&u, port_page(1), port_page(2));
	MUST(!pgtable_map(&kernel_pgtable, &u, port_page(1), port_page(2), port_frame(1), PAGE_KERNEL, PAGE_SHIFT));
	u.mask &= ~PGTBL_MODIFIED(pt_sync_level());
	arch_update_kernel_mappings_end(&u);
	port_touch(&old_tree, port_page(1), port_frame(1));
}
XP_SCENARIO(sync_broken) = { .name = "sync.broken_no_hook", .setup = one_process, .cpu = { map_0, map_1_without_hook },
			     .must_fail = "a fault at" };

/* Broken: the copy for a new process and its entry in the list are two critical sections. */
static void make_process_in_two_steps(void)
{
	vaddr_t addr = PORT_SPACE;
	pte_t copy;

	pgd_lock_take();
	copy = pte_read(pt_entry(&kernel_pgtable, addr, pt_sync_level()));
	pgd_lock_drop();
	port_tree(&new_tree);
	pte_store(pt_entry(&new_tree, addr, pt_sync_level()), __pte(copy.val & ~PTE_PENDING));
	new_made = true;
}
XP_SCENARIO(sync_broken_copy) = { .name = "sync.broken_copy_before_list", .setup = one_process,
				  .cpu = { map_0_and_say, make_process_in_two_steps }, .check = all_same,
				  .must_fail = "ref.val ==" };
