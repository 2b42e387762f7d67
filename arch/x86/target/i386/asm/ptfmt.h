/* SPDX-License-Identifier: MIT */
/*
 * The format of this target's page tables: everything about their depth, as data.
 *
 *	level	PGD 2	PTE 1
 *	shift	22	12
 *
 * No NX bit. Leaves of 4M where the CPU has PSE.
 *
 * pte_read(p): one whole value, while other CPUs may write. pte_peek(p): the same for the entry's owner.
 * pte_read_low(p): the word with the flags; of a link that is the whole value. pte_complete(p, low): the whole value of
 * another entry, whose low word has been read. Writing: <arch/pte_write.h>.
 */
#pragma once

#include <lib/compiler.h>

typedef u32 pteval_t;
typedef struct { pteval_t val; } pte_t;
typedef struct { pteval_t val; } pgprot_t;

#define PTE_NX	  ((pteval_t)0)
#define PTE_FRAME 0xfffff000u

#define PT_MAX_LEVEL   2
#define PT_ENTRIES     1024 /* in a table page */
#define PT_TOP_ENTRIES 1024

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
	[1] = { 12, 10, 0, PT_LEAF_ALWAYS },
	[2] = { 22, 10, PT_LINK, PT_LEAF_WITH_2M },
};

static inline unsigned int pt_top(void) { return 2; }

/* The level whose kernel entries every process has a copy of. */
static inline unsigned int pt_sync_level(void) { return 2; }
