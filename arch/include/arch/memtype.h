/* SPDX-License-Identifier: MIT */
/*
 * Memory types: how accesses to a frame are cached. A type is a part of a pgprot_t. All mappings of one frame must have
 * the same type; otherwise the behaviour is undefined, up to a machine check. mm/kva/map/memtype.c takes care of that.
 *
 *   pgprot_t pgprot_set_memtype(prot, type)   the same rights with another type
 *   enum memtype pgprot_memtype(prot)         the type in use: what this machine makes of the one that was asked for
 *   enum memtype pte_memtype(pte, level)      the type of a leaf
 *   pgprot_t pgprot_noncached(prot)           the same rights with UC- (Linux's name)
 *   pgprot_t pgprot_writecombine(prot)        the same rights with WC (likewise)
 *   pgprot_t pgprot_writethrough(prot)        the same rights with WT (likewise)
 *
 * Without page attribute tables (the CPU lacks FEATURE_PAT, or `nopat` was given) write-combining becomes UC-.
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
 * Has [start, start + size) one memory type in the firmware's MTRRs, so that it may be one leaf? start is aligned to
 * size, a power of two larger than a page. False if it has more than one type, or may have.
 */
bool memtype_uniform(u64 start, u64 size);
/* The same for every leaf of `size` bytes in [start, start + bytes). */
bool memtype_each_uniform(u64 start, u64 bytes, u64 size);

/*
 * Do the memory types of entries mean the same on this CPU as on the boot CPU? For tests. (MTRRs are not compared:
 * firmware made them equal, but some emulators lose an AP's MTRRs at INIT.)
 */
bool arch_memtype_check(void);

#include <asm/memtype.h>
