/* SPDX-License-Identifier: MIT */
/* Parity: do all trees agree with the reference? Compares all entries (see pgtable_sync.c) and draws the result. */
#include "internal.h"

#include <kernel/printk.h>

enum slot_state { SLOT_EMPTY, SLOT_EQUAL, SLOT_DIFFERS, SLOT_MISSING, SLOT_PENDING };

/* A CPU is carrying a marked entry: such entries are not compared. */
static enum slot_state compare_slot(const struct pgtable *pt, vaddr_t addr)
{
	pte_t ref = pte_read(pt_entry(&kernel_pgtable, addr, pt_sync_level()));
	pte_t *p = pt_entry(pt, addr, pt_sync_level());
	pte_t own = p ? pte_read(p) : __pte(0);

	if (pte_pending(ref))
		return SLOT_PENDING;
	if (own.val == ref.val)
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

/* The grid has a column only for slots that some tree uses. */
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

#define ROW_MAX 512 /* at most: the kernel half has a gigabyte of 2 MiB slots with PAE */

static void dump_row(const char *format, const struct pgtable *pt, const char *mark)
{
	vaddr_t size = pt_size(pt_sync_level());
	char row[ROW_MAX + 1];
	unsigned int n = 0;

	for (vaddr_t addr = pt_next_shared_slot(size); addr && n < ROW_MAX; addr = pt_next_shared_slot(addr + size))
		if (slot_used(addr))
			row[n++] = mark[compare_slot(pt, addr)];
	row[n] = '\0';
	cprintf(format, pt->id, row);
}

static void dump_columns(const char *first, const char *next)
{
	vaddr_t size = pt_size(pt_sync_level());
	const char *between = first;

	for (vaddr_t addr = pt_next_shared_slot(size); addr; addr = pt_next_shared_slot(addr + size)) {
		if (!slot_used(addr))
			continue;
		cprintf("%s%u", between, pt_index(pt_sync_level(), addr));
		between = next;
	}
	cprintf("\n");
}

/* row: a format for a number and a string. mark: the character for each slot_state. */
static void dump_rows(const char *row, const char *mark)
{
	struct pgtable *pt;

	dump_row(row, &kernel_pgtable, mark);
	list_for_each_entry(pt, &pgd_list, list)
		dump_row(row, pt, mark);
}

void pgd_parity_machine(void)
{
	struct pgd_parity sum;

	pgd_lock_take();
	cprintf("slots level=%s used", pt_level_name(pt_sync_level()));
	dump_columns("=", ",");
	dump_rows("tree id=%u states=%s\n", "nedmc");
	pgd_lock_drop();
	sum = pgd_parity_check();
	cprintf("parity trees=%u slots=%u differs=%u missing=%u\n", sum.trees, sum.slots, sum.differs, sum.missing);
}

void pgd_parity_dump(void)
{
	struct pgd_parity sum;

	pgd_lock_take();
	cprintf("one column a used %s slot:", pt_level_name(pt_sync_level()));
	dump_columns(" ", " ");
	dump_rows("%6u  %s\n", ".=!?~");
	pgd_lock_drop();
	sum = pgd_parity_check();
	cprintf("= equal  . empty  ! differs  ? missing  ~ being carried\n");
	cprintf("parity: %s (%u processes, %u slots%s)\n", sum.differs + sum.missing ? "BROKEN" : "ok", sum.trees, sum.slots,
		sum.trees ? "" : "; nothing to compare");
}
