/* SPDX-License-Identifier: MIT */
/*
 * The format of this target's page tables: everything about their depth, as data.
 *
 *	level	PGD 3	PMD 2	PTE 1
 *	shift	30	21	12
 *
 * A PGD entry has neither R/W nor U/S nor NX, and the CPU reads the four of them only when CR3 is loaded. A change
 * there would reach a running process too late, so every process owns the tables below it and the PMD is the level to
 * synchronise.
 *
 * pte_read(p): one whole value, while other CPUs may write. pte_peek(p): the same for the entry's owner, cheaper.
 * pte_read_low(p): the word with the flags; of a link that is the whole value. pte_complete(p, low): the whole value of
 * another entry, whose low word has been read. Writing: <arch/pte_write.h>.
 */
#pragma once

#include <lib/compiler.h>

typedef u64 pteval_t;
typedef struct { pteval_t val; } pte_t;
typedef struct { pteval_t val; } pgprot_t;

#define PTE_NX	  ((pteval_t)1 << 63)
#define PTE_FRAME 0x000ffffffffff000ull

#define PT_MAX_LEVEL   3
#define PT_ENTRIES     512 /* in a table page */
#define PT_TOP_ENTRIES 4 /* the top table uses only so many of its page */

/* When is an entry of a level allowed to be a leaf? */
enum pt_leaf_rule { PT_LEAF_NEVER, PT_LEAF_ALWAYS, PT_LEAF_WITH_2M, PT_LEAF_WITH_1G };

struct pt_level {
	u8 shift, bits;	     /* which address bits index a table of this level */
	/* of an entry that points to the next table; a user table adds PTE_USER if it has PTE_RW */
	u16 link_flags;
	enum pt_leaf_rule leaf;
};

#include <asm/pte_bits.h>
#include <asm/pte_atomic.h>

/* The leaf of the nr-th frame behind this one's. (The compiler would keep the sum of two words in memory.) */
static inline pte_t pte_advance_pfn(pte_t pte, unsigned long nr)
{
	u32 low = (u32)nr << 12, high = (u32)(nr >> 20);

	__asm__("addl %2, %0\n\tadcl %3, %1"
		: "+&r"(low), "+r"(high)
		: "g"((u32)pte.val), "g"((u32)(pte.val >> 32))
		: "cc");
	return __pte((pteval_t)high << 32 | low);
}

#define PT_LINK (PTE_PRESENT | PTE_RW | PTE_ACCESSED)

static const struct pt_level pt_level[PT_MAX_LEVEL + 1] = {
	[1] = { 12, 9, 0, PT_LEAF_ALWAYS },
	[2] = { 21, 9, PT_LINK, PT_LEAF_WITH_2M },
	[3] = { 30, 2, PTE_PRESENT, PT_LEAF_NEVER },
};

static inline unsigned int pt_top(void) { return 3; }

/* The level whose kernel entries every process has a copy of. */
static inline unsigned int pt_sync_level(void) { return 2; }
