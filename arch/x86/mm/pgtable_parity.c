/* SPDX-License-Identifier: MIT */
/* Parity: do all trees agree with the reference? Compares all shared entries (pgtable_sync.c) and draws the result. */
#include "internal.h"

#include <kernel/printk.h>
#include <lib/bitmap.h>

enum slot_state { SLOT_EMPTY, SLOT_EQUAL, SLOT_DIFFERS, SLOT_MISSING, SLOT_PENDING };

/*
 * If an entry lacks these, a CPU sets them, in one tree alone. Ours have them from the start (asm/pte_bits.h); entries
 * of an adopted tree need not (mm/kva/floor).
 */
#define SET_BY_CPU (PTE_ACCESSED | PTE_DIRTY)

/* A marked entry is not compared: not every tree has it yet. */
static enum slot_state compare_slot(const struct pgtable *pt, vaddr_t addr)
{
	pte_t ref = pte_read(pt_entry(&kernel_pgtable, addr, pt_sync_level()));
	pte_t *p = pt_entry(pt, addr, pt_sync_level());
	pte_t own = p ? pte_read(p) : __pte(0);

	if (pte_pending(ref))
		return SLOT_PENDING;
	if (!((own.val ^ ref.val) & ~(pteval_t)SET_BY_CPU))
		return own.val ? SLOT_EQUAL : SLOT_EMPTY;
	return own.val ? SLOT_DIFFERS : SLOT_MISSING;
}

static void compare_tree(const struct pgtable *pt, struct pgd_parity *sum)
{
	vaddr_t size = pt_size(pt_sync_level());

	sum->trees++;
	sum->slots = 0;
	for (vaddr_t addr = pt_next_shared_slot(size); addr; addr = pt_next_shared_slot(addr + size)) {
		enum slot_state state = compare_slot(pt, addr);

		sum->slots++;
		sum->differs += state == SLOT_DIFFERS;
		sum->missing += state == SLOT_MISSING;
	}
	sum->differs += user_root_differs(pt);
}

struct pgd_parity pgd_parity_check(void)
{
	struct pgd_parity sum = { 0 };
	struct pgtable *pt;

	pgd_lock_take();
	list_for_each_entry(pt, &pgd_list, list)
		compare_tree(pt, &sum);
	pgd_lock_drop();
	return sum;
}

/* --- for people and for programs: a row a tree, a column a slot that some tree uses ------------------------------ */

#define SLOTS_MAX 512 /* with PAE, whose kernel half is one gigabyte in slots of 2 MiB */

struct grid {
	const char *mark; /* for each slot_state */
	DECLARE_BITMAP(used, SLOTS_MAX);
	unsigned int tree; /* whose row it is: 0, the reference, is the first */
	char row[SLOTS_MAX + 1];
};

/* n: the slot's number among the shared ones. */
#define for_each_shared_slot(n, addr)                                                                            \
	for ((n) = 0, (addr) = pt_next_shared_slot(pt_size(pt_sync_level())); (addr) && (n) < SLOTS_MAX;         \
	     (n)++, (addr) = pt_next_shared_slot((addr) + pt_size(pt_sync_level())))

static bool slot_used(vaddr_t addr)
{
	struct pgtable *pt;

	if (!pte_none(pte_read(pt_entry(&kernel_pgtable, addr, pt_sync_level()))))
		return true;
	list_for_each_entry(pt, &pgd_list, list)
		if (compare_slot(pt, addr) != SLOT_EMPTY)
			return true;
	return false;
}

static void find_columns(struct grid *grid)
{
	unsigned int n;
	vaddr_t addr;

	pgd_lock_take();
	for_each_shared_slot(n, addr)
		if (slot_used(addr))
			__set_bit(n, grid->used);
	pgd_lock_drop();
}

static void fill_row(struct grid *grid, const struct pgtable *pt)
{
	unsigned int n, length = 0;
	vaddr_t addr;

	for_each_shared_slot(n, addr)
		if (test_bit(n, grid->used))
			grid->row[length++] = grid->mark[compare_slot(pt, addr)];
	grid->row[length] = '\0';
	grid->tree = pt->id;
}

/* The list is sorted by id. False: there is no tree behind the one whose row it was. */
static bool next_row(struct grid *grid)
{
	unsigned int after = grid->tree;
	struct pgtable *pt;

	pgd_lock_take();
	list_for_each_entry(pt, &pgd_list, list)
		if (pt->id > after) {
			fill_row(grid, pt);
			break;
		}
	pgd_lock_drop();
	return grid->tree != after;
}

static void print_columns(const struct grid *grid, const char *first, const char *next)
{
	const char *between = first;
	unsigned int n;
	vaddr_t addr;

	for_each_shared_slot(n, addr) {
		if (!test_bit(n, grid->used))
			continue;
		cprintf("%s%u", between, pt_index(pt_sync_level(), addr));
		between = next;
	}
	cprintf("\n");
}

/* row: a format for a number and a string. No lock is held while the console prints. */
static void print_rows(struct grid *grid, const char *row)
{
	fill_row(grid, &kernel_pgtable);
	do
		cprintf(row, grid->tree, grid->row);
	while (next_row(grid));
}

void pgd_parity_machine(void)
{
	struct grid grid = { .mark = "nedmc" };
	struct pgd_parity sum;

	find_columns(&grid);
	cprintf("slots level=%s used", pt_level_name(pt_sync_level()));
	print_columns(&grid, "=", ",");
	print_rows(&grid, "tree id=%u states=%s\n");
	sum = pgd_parity_check();
	cprintf("parity trees=%u slots=%u differs=%u missing=%u\n", sum.trees, sum.slots, sum.differs, sum.missing);
}

void pgd_parity_dump(void)
{
	struct grid grid = { .mark = ".=!?~" };
	struct pgd_parity sum;

	find_columns(&grid);
	cprintf("one column a used %s slot:", pt_level_name(pt_sync_level()));
	print_columns(&grid, " ", " ");
	print_rows(&grid, "%6u  %s\n");
	sum = pgd_parity_check();
	cprintf("= equal  . empty  ! differs  ? missing  ~ being carried\n");
	cprintf("parity: %s (%u processes, %u slots%s)\n", sum.differs + sum.missing ? "BROKEN" : "ok", sum.trees,
		sum.slots, sum.trees ? "" : "; nothing to compare");
}
