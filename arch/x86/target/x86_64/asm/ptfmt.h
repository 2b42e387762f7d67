/* SPDX-License-Identifier: MIT */
/*
 * The format of this target's page tables: everything about their depth, as data.
 *
 *	level	PGD 5	P4D 4	PUD 3	PMD 2	PTE 1
 *	shift	48	39	30	21	12
 *
 * With 4-level paging the top is level 4 and is called PGD; CPUID and `no5lvl` decide at boot (boot/target/x86_64.S).
 *
 * pte_read(p): one whole value, while other CPUs may write. pte_peek(p): the same for the entry's owner.
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

#define PT_MAX_LEVEL   5
#define PT_ENTRIES     512 /* in a table page */
#define PT_TOP_ENTRIES 512

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

/* The leaf of the nr-th frame behind this one's. */
static inline pte_t pte_advance_pfn(pte_t pte, unsigned long nr) { return __pte(pte.val + ((pteval_t)nr << 12)); }

#define PT_LINK (PTE_PRESENT | PTE_RW | PTE_ACCESSED)

static const struct pt_level pt_level[PT_MAX_LEVEL + 1] = {
	[1] = { 12, 9, 0, PT_LEAF_ALWAYS },
	[2] = { 21, 9, PT_LINK, PT_LEAF_WITH_2M },
	[3] = { 30, 9, PT_LINK, PT_LEAF_WITH_1G },
	[4] = { 39, 9, PT_LINK, PT_LEAF_NEVER },
	[5] = { 48, 9, PT_LINK, PT_LEAF_NEVER },
};

extern unsigned int pt_levels; /* 4 or 5 */
static inline unsigned int pt_top(void)
{
	if (pt_levels < 4)
		__builtin_unreachable(); /* so the compiler knows that loops over levels run at least once */
	return pt_levels;
}

/* The level whose kernel entries every process has a copy of. */
static inline unsigned int pt_sync_level(void) { return pt_levels; }
