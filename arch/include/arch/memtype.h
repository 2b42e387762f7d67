/* SPDX-License-Identifier: MIT */
/*
 * Memory types: how accesses to a frame are cached. A type is a part of a pgprot_t, and two mappings of one frame must
 * agree in it: what happens when they do not is undefined, up to a machine check. mm/kva/map/memtype.c sees to that.
 *
 *   pgprot_t pgprot_set_memtype(prot, type)   the same rights with another type
 *   enum memtype pgprot_memtype(prot)         the type in use: what this machine makes of the one that was asked for
 *   enum memtype pte_memtype(pte, level)      of a leaf
 *   pgprot_t pgprot_noncached(prot)           UC-, pgprot_writecombine(prot), pgprot_writethrough(prot): Linux's names
 *
 * A machine without page attribute tables (FEATURE_PAT, or `nopat`) has no write-combining: it is UC- there.
 * Any context.
 */
#pragma once

#include <lib/compiler.h>

enum memtype {
	MEMTYPE_WB,	  /* write-back: RAM */
	MEMTYPE_WT,	  /* write-through */
	MEMTYPE_UC_MINUS, /* uncached, unless the firmware has said write-combining for these addresses (MTRRs) */
	MEMTYPE_UC,	  /* uncached, whatever the firmware has said */
	MEMTYPE_WC,	  /* write-combining: frame buffers */
	NR_MEMTYPES
};

/*
 * May [start, start + size) be one leaf, as far as the types go that firmware has laid down by address (MTRRs)? start is
 * aligned to size, a power of two above a page. False if more than one type is in it, or may be.
 */
bool memtype_uniform(u64 start, u64 size);
/* The same for every leaf of `size` bytes in [start, start + bytes). */
bool memtype_each_uniform(u64 start, u64 bytes, u64 size);

/*
 * Does an entry's type mean the same on the CPU that runs this as on the boot CPU? For tests. (MTRRs are not compared:
 * firmware made them equal, and an emulator that forgets an AP's at its INIT would be blamed on us.)
 */
bool arch_memtype_check(void);

#include <asm/memtype.h>
