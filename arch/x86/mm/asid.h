/* SPDX-License-Identifier: MIT */
/*
 * The trees of which one CPU may still hold translations, and how up to date these are. Only bookkeeping: asid.c
 * decides, pgtable_cpu.c and tlb_local.c execute.
 *
 * Without PCIDs there is one slot, for the tree in CR3. With PCIDs there are ASID_SLOTS slots. The PCID of a slot is
 * its index + 1; with page-table isolation its user root has that + ASID_SLOTS. A CPU starts with PCID 0, which no tree
 * ever gets.
 */
#pragma once

#include <lib/compiler.h>

#define ASID_SLOTS 6

struct asid_slot {
	u64 tree;	    /* serial number of the tree; 0: empty */
	unsigned long seen; /* all user flushes of the tree up to this number have been done under this PCID */
	bool user_stale;    /* the user root's PCID lacks some of these flushes */
};

struct asid_cpu {
	struct asid_slot slot[ASID_SLOTS];
	unsigned int nr;    /* slots in use; 0 counts as 1 */
	unsigned int here;  /* index of the slot whose PCID is in CR3 */
	unsigned int next;  /* index of the slot that is reused next */
	bool others_stale;  /* kernel pages were invalidated only under the PCID in CR3 */
};

/*
 * CR3 is about to get `tree`; `latest` is the number of user flushes begun on it so far. Afterwards a->here is the slot
 * of the tree. True: loading CR3 must flush what the CPU holds under the slot's PCID.
 */
bool asid_enter(struct asid_cpu *a, u64 tree, unsigned long latest);

/*
 * What this CPU must do for flush `number` of the tree in CR3; `latest` flushes of that tree have begun. The work
 * counts as done.
 */
enum asid_work { ASID_NOTHING, ASID_RANGES, ASID_EVERYTHING };
enum asid_work asid_catch_up(struct asid_cpu *a, unsigned long number, unsigned long latest);

/* Kernel pages were invalidated only under the PCID in CR3. The other slots must be flushed before they are used. */
void asid_others_stale(struct asid_cpu *a);
