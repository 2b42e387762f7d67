/* SPDX-License-Identifier: MIT */
/*
 * Unused page tables of vmalloc space are freed when memory is short.
 *
 * 1. A table may go when all addresses that it maps lie in one hole. Then nothing is mapped there, and nobody has a
 *    pointer to its entries: only descriptors of ranges in use have such pointers (busy, lazy, clean, blocks).
 *
 * 2. So a piece of the hole is cut out like an allocation. Nobody else can use it while its tables are taken away. Then
 *    it becomes a hole again:
 *
 *	cut out → clear the links → carry that to every process → flush → (free after a grace period) → hole again
 *
 *    The walker does the middle part, as when a large leaf replaces a table. The grace period protects readers that
 *    walk without a lock (vmalloc_to_page, dumps, handlers).
 *
 * 3. A piece is small beside the arena, and only one is out at a time. A caller that finds no space meanwhile waits for
 *    it in vm_make_space(). A caller that may not wait may fail, as with any other shortage.
 *
 * 4. Only the lowest tables are freed: each maps 2 or 4 MiB. The tables above them have a five-hundredth of that
 *    memory.
 */
#include "mm/kva/space/space.h"

#define PIECE_TABLES 32ul

static DEFINE_MUTEX(tables_lock); /* one piece is out at most */
static bool at_work;

/* Descriptors for cutting. They mostly come back with the piece, so this seldom needs memory when memory is short. */
static struct vm_range *spare[2];

static unsigned long piece_most(void)
{
	unsigned long arena = VMALLOC_END - VMALLOC_START, table = pt_level_size(2);

	return max(min(PIECE_TABLES * table, ALIGN_DOWN(arena / 16, table)), table);
}

/* Cut out what the table at addr and those behind it map, as far as one hole goes. NULL: the table is in use. */
static struct vm_range *cut_piece(vaddr_t addr)
{
	unsigned long table = pt_level_size(2);
	struct vm_range *hole, *piece = NULL;
	vaddr_t start = ALIGN_DOWN(addr, table), end;

	spin_lock(&vm_hole_lock);
	hole = vm_hole_below(start + 1);
	end = hole ? ALIGN_DOWN(hole->end, table) : 0;
	if (end > start) /* start + piece_most() may be above the last address */
		piece = vm_hole_cut(start, start + min(end - start, piece_most()), spare);
	spin_unlock(&vm_hole_lock);
	return piece;
}

/* Under tables_lock. The flags forbid to wait or to report a shortage: this runs because memory is short. */
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
		if (CONFIG_KASAN)
			kasan_release(piece->start, piece->end);
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
