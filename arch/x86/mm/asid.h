/* SPDX-License-Identifier: MIT */
/*
 * Which trees one CPU may still hold translations of, and how up to date they are. Pure bookkeeping: asid.c decides,
 * pgtable_cpu.c and tlb.c do.
 *
 * Without PCIDs there is one slot, that of the tree in CR3. With them there are ASID_SLOTS, and a slot's PCID is its
 * number + 1; PCID 0 is what a CPU starts with and no tree ever has.
 */
#pragma once

#include <lib/compiler.h>

#define ASID_SLOTS 6

struct asid_slot {
	u64 tree;	    /* serial number of the tree; 0: empty */
	unsigned long seen; /* user flushes of it up to this number have been done under this PCID */
};

struct asid_cpu {
	struct asid_slot slot[ASID_SLOTS];
	unsigned int nr;    /* slots in use; 0 counts as 1 */
	unsigned int here;  /* the slot whose PCID is in CR3 */
	unsigned int next;  /* the slot that is given away next */
	bool others_stale;  /* kernel pages were invalidated under the PCID in CR3 alone */
};

/*
 * `tree`, of which `latest` user flushes have begun, goes into CR3. The slot it gets is a->here afterwards. True: what the
 * CPU holds under its PCID must be flushed as CR3 is loaded.
 */
bool asid_enter(struct asid_cpu *a, u64 tree, unsigned long latest);

/* What a CPU must do about the nr-th flush of the tree in CR3, of which `latest` have begun. It is noted as done. */
enum asid_work { ASID_NOTHING, ASID_RANGES, ASID_EVERYTHING };
enum asid_work asid_catch_up(struct asid_cpu *a, unsigned long nr, unsigned long latest);

/* Only what the CPU holds under the PCID in CR3 has been invalidated: the others must be flushed before they are used. */
void asid_others_stale(struct asid_cpu *a);
