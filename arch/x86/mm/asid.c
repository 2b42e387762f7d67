/* SPDX-License-Identifier: MIT */
/*
 * Address-space identifiers (PCIDs): each CPU has a few, for the trees that it ran on last.
 *
 * 1. Each tree counts its user flushes (struct pgtable, flushes). Each slot remembers the number of the last one that
 *    its PCID has seen. A flush interrupts only CPUs that run on the tree. The other CPUs compare the numbers when they
 *    load the tree again or come back to it.
 *
 *	tree 7, flushes = 12	slot 2: tree 7, seen 12		nothing to do
 *				slot 2: tree 7, seen 11		flush when CR3 is loaded
 *				no slot				take the next one, flush it
 *
 * 2. A flush of ranges is enough only if the PCID has seen all flushes before it: seen + 1 == number. Otherwise the
 *    whole PCID is flushed, and has then seen every flush that had begun before. Requests of two initiators may arrive
 *    in the wrong order; the second one then has nothing left to do.
 *
 * 3. A tree is known by a serial number that is never used again, not by its address: a new process may get the memory
 *    of an old one's tree, and must not use its translations.
 *
 * 4. INVLPG drops a page that is not global only under the PCID in CR3. If kernel pages are not global, a kernel flush
 *    of ranges leaves all other slots stale; they are emptied before the next tree is loaded.
 *
 * 5. With page-table isolation a slot has a second PCID, for the user root, and no invalidation reaches that. So
 *    whatever is dropped of the tree makes the second one stale, as a whole. It is flushed before ring 3 runs again.
 *
 * 6. A new tree never gets the slot that is in CR3 (unless there is but one). An NMI right after CR3 was loaded may
 *    still go to the old tree by the word of the entry page (pgtable_cpu.c), and leaves translations of it under the
 *    old tree's PCID. Under the new tree's they would be wrong, and stay.
 */
#include "asid.h"

bool asid_enter(struct asid_cpu *a, u64 tree, unsigned long latest)
{
	unsigned int nr = max(a->nr, 1u);

	for (unsigned int i = 0; a->others_stale && i < nr; i++)
		if (i != a->here)
			a->slot[i].tree = 0;
	a->others_stale = false;
	for (unsigned int i = 0; i < nr; i++) {
		bool flush = a->slot[i].seen != latest;

		if (a->slot[i].tree != tree)
			continue;
		a->slot[i].seen = latest;
		a->slot[i].user_stale |= flush;
		a->here = i;
		return flush;
	}
	if (a->next == a->here)
		a->next = (a->next + 1) % nr;
	a->here = a->next;
	a->next = (a->next + 1) % nr;
	a->slot[a->here] = (struct asid_slot){ .tree = tree, .seen = latest, .user_stale = true };
	return true;
}

enum asid_work asid_catch_up(struct asid_cpu *a, unsigned long number, unsigned long latest)
{
	struct asid_slot *slot = &a->slot[a->here];

	if ((long)(number - slot->seen) <= 0)
		return ASID_NOTHING;
	slot->user_stale = true;
	if (number == slot->seen + 1) {
		slot->seen = number;
		return ASID_RANGES;
	}
	slot->seen = latest;
	return ASID_EVERYTHING;
}

void asid_others_stale(struct asid_cpu *a)
{
	a->others_stale = a->nr > 1;
}
