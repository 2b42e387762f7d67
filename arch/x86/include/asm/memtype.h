/* SPDX-License-Identifier: MIT */
/*
 * Memory types in entries (Intel SDM vol. 3, 12.12). PAT, PCD and PWT choose one of eight slots of the IA32_PAT
 * register:
 *
 *	slot	0   1   2   3   4   5   6   7
 *	power-on	WB  WT  UC- UC  WB  WT  UC- UC
 *	here	WB  WT  UC- UC  WB  WT  WC  UC
 *
 * So slots 0 to 3 mean the same on every CPU at any time, even on one without the register. Write-combining without its
 * PAT bit is UC-. So it does no harm if the bit is masked (pgprot_supported) or a CPU ignores it.
 */
#pragma once

#include <asm/ptfmt.h>

#define PAT_VALUE 0x0001040600070406ull /* a byte a slot, 0 first: UC 0, WC 1, WT 4, WB 6, UC- 7 */

static inline pgprot_t pgprot_set_memtype(pgprot_t prot, enum memtype type)
{
	pteval_t bits = type == MEMTYPE_WC ? PTE_PAT | PTE_PCD : (pteval_t)type * PTE_PWT;

	return __pgprot((prot.val & ~(PTE_PAT | PTE_PCD | PTE_PWT)) | bits);
}

static inline enum memtype pgprot_memtype(pgprot_t prot)
{
	pteval_t bits = prot.val & pte_supported & (PTE_PAT | PTE_PCD | PTE_PWT);

	if (bits == (PTE_PAT | PTE_PCD))
		return MEMTYPE_WC;
	return (enum memtype)((bits & (PTE_PCD | PTE_PWT)) / PTE_PWT);
}

static inline enum memtype pte_memtype(pte_t pte, unsigned int level) { return pgprot_memtype(leaf_prot(pte, level)); }

static inline pgprot_t pgprot_noncached(pgprot_t prot) { return pgprot_set_memtype(prot, MEMTYPE_UC_MINUS); }
static inline pgprot_t pgprot_writecombine(pgprot_t prot) { return pgprot_set_memtype(prot, MEMTYPE_WC); }
static inline pgprot_t pgprot_writethrough(pgprot_t prot) { return pgprot_set_memtype(prot, MEMTYPE_WT); }
