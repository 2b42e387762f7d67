/* SPDX-License-Identifier: MIT */
/*
 * Page tables of vmalloc space that nobody needs any more go back when memory is short.
 *
 * 1. A table can go when every address below it lies in one hole. Then nothing is mapped there, and nobody keeps a pointer to
 *    its entries: descriptors that do (busy, lazy, clean, blocks) are ranges, and a range is no hole.
 *
 * 2. So the piece of the hole is cut out like an allocation, which shuts it for everybody, its tables are taken away, and it
 *    becomes a hole again:
 *
 *	cut out → clear the links → carry that to every process → flush → (free after a grace period) → hole again
 *
 *    The walker does the middle part as it does when a large leaf follows small pages. That RCU stands between the flush
 *    and the free is for those who walk without a lock (vmalloc_to_page, dumps, handlers).
 *
 * 3. Pieces are small beside the arena, and one is out at a time. Whoever finds no space meanwhile comes to vm_make_space(),
 *    which waits for its return. Who may not wait may fail, as with any other shortage.
 *
 * 4. Only the lowest tables go: one for 2 or 4 MiB of addresses. What is above them is a five-hundredth of that.
 */
#include "mm/kva/space/space.h"

#define PIECE_TABLES 32ul

static DEFINE_MUTEX(tables_lock); /* one piece is out at most */
static bool at_work;

/* Descriptors for cutting. They come back with the piece, so there is no need of memory when memory is short. */
static struct vm_range *spare[2];

static unsigned long piece_most(void)
{
	unsigned long arena = VMALLOC_END - VMALLOC_START, table = pt_level_size(2);

	return max(min(PIECE_TABLES * table, ALIGN_DOWN(arena / 16, table)), table);
}

/* The part of a hole that the table at addr and those behind it serve. NULL: the table serves somebody. */
static struct vm_range *cut_piece(vaddr_t addr)
{
	unsigned long table = pt_level_size(2);
	struct vm_range *hole, *piece = NULL;
	vaddr_t start = ALIGN_DOWN(addr, table), end;

	spin_lock(&vm_hole_lock);
	hole = vm_hole_below(start + 1);
	end = hole ? min(ALIGN_DOWN(hole->end, table), start + piece_most()) : 0;
	if (end > start)
		piece = vm_hole_cut(start, end, spare);
	spin_unlock(&vm_hole_lock);
	return piece;
}

/* Under tables_lock. No call for memory from here: this is what is called. */
static bool have_spares(void)
{
	return vm_descriptors_fill(spare, GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY);
}

void vm_tables_init(void)
{
	if (!have_spares())
		printk("vmalloc: no memory for descriptors: page tables are only given back when there is some\n");
}

unsigned long vm_tables_reclaim(void)
{
	unsigned long freed = 0;
	vaddr_t addr = VMALLOC_START;

	mutex_lock(&tables_lock);
	WRITE_ONCE(at_work, true);
	while (pgtable_next_table(&kernel_pgtable, &addr, VMALLOC_END) && have_spares()) {
		struct vm_range *piece = cut_piece(addr);

		if (!piece) {
			addr = ALIGN_DOWN(addr, pt_level_size(2)) + pt_level_size(2);
			continue;
		}
		schedule_point("vm_tables:cut");
		addr = piece->end;
		freed += pgtable_free_tables(&kernel_pgtable, piece->start, piece->end);
		vm_hole_give_back(piece, spare);
	}
	WRITE_ONCE(at_work, false);
	mutex_unlock(&tables_lock);
	return freed;
}

bool vm_tables_wait(void)
{
	if (!READ_ONCE(at_work))
		return false;
	mutex_lock(&tables_lock);
	mutex_unlock(&tables_lock);
	return true;
}

static void shrink(void)
{
	vm_tables_reclaim();
}

const struct vm_keeper vm_tables_keeper = { .reclaim = vm_tables_wait, .shrink = shrink };
