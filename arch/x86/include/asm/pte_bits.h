/* SPDX-License-Identifier: MIT */
/*
 * The bits of a page-table entry that all x86 formats share (Intel SDM vol. 3, chapter 4), and the rights made of them.
 * Included by <asm/ptfmt.h>, which supplies pteval_t, PTE_NX and PTE_FRAME.
 */
#pragma once

#define PTE_PRESENT  ((pteval_t)1 << 0)
#define PTE_RW	     ((pteval_t)1 << 1)
#define PTE_USER     ((pteval_t)1 << 2)
#define PTE_PWT	     ((pteval_t)1 << 3)
#define PTE_PCD	     ((pteval_t)1 << 4)
#define PTE_ACCESSED ((pteval_t)1 << 5)
#define PTE_DIRTY    ((pteval_t)1 << 6)
#define PTE_PSE	     ((pteval_t)1 << 7) /* above level 1: this entry is a leaf */
/*
 * The third bit of the memory type. In a pgprot_t and at level 1 it is bit 7; in a larger leaf, where that is taken,
 * bit 12.
 */
#define PTE_PAT	      ((pteval_t)1 << 7)
#define PTE_PAT_LARGE ((pteval_t)1 << 12)
#define PTE_GLOBAL   ((pteval_t)1 << 8)

/* Free for software at every level: this entry of the reference table is not yet in every process's copy. */
#define PTE_PENDING  ((pteval_t)1 << 9)

/* Kernel entries carry A (leaves: and D) from the start, so that no CPU ever writes to one, or to a copy of one. */
#define PROT_KERNEL_BITS (PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL)
#define PROT_USER_BITS	 (PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | PTE_USER)

#define __pgprot(bits) ((pgprot_t){ (bits) })

#define PAGE_KERNEL	    __pgprot(PROT_KERNEL_BITS | PTE_RW | PTE_NX)
#define PAGE_KERNEL_RO	    __pgprot(PROT_KERNEL_BITS | PTE_NX)
#define PAGE_KERNEL_ROX	    __pgprot(PROT_KERNEL_BITS)
#define PAGE_KERNEL_NOCACHE __pgprot(PROT_KERNEL_BITS | PTE_RW | PTE_NX | PTE_PCD)
#define PAGE_USER	    __pgprot(PROT_USER_BITS | PTE_RW | PTE_NX)
#define PAGE_USER_RO	    __pgprot(PROT_USER_BITS | PTE_NX)
#define PAGE_USER_ROX	    __pgprot(PROT_USER_BITS)

/* Single rights, for pgtable_protect(). A leaf without the third is hidden: see pte_hide(). */
#define PROT_BIT_RW	    __pgprot(PTE_RW)
#define PROT_BIT_NX	    __pgprot(PTE_NX)
#define PROT_BIT_PRESENT    __pgprot(PTE_PRESENT)

/* The bits that this CPU knows: NX, G and PAT may be missing. Set once by pgtable_init_image(). */
extern pteval_t pte_supported;

static inline pgprot_t pgprot_supported(pgprot_t prot) { return __pgprot(prot.val & pte_supported); }
static inline pgprot_t pgprot_nx(pgprot_t prot) { return __pgprot(prot.val | PTE_NX); }

static inline pte_t __pte(pteval_t val) { return (pte_t){ val }; }
static inline bool pte_none(pte_t pte) { return !(pte.val & ~PTE_PENDING); }
static inline bool pte_present(pte_t pte) { return pte.val & PTE_PRESENT; }
static inline bool pte_pending(pte_t pte) { return pte.val & PTE_PENDING; }
static inline bool pte_leaf(pte_t pte, unsigned int level)
{
	return pte_present(pte) && (level == 1 || (pte.val & PTE_PSE));
}
static inline bool pte_table_link(pte_t pte, unsigned int level) { return pte_present(pte) && !pte_leaf(pte, level); }
static inline bool pte_writable(pte_t pte) { return pte.val & PTE_RW; }

/*
 * pte_hide(): the leaf made not present, with its frame inverted. It keeps all other bits, so that it can be shown
 * again. A CPU with the L1TF flaw reads ahead through the frame of an entry that is not present. The inverted frame is
 * no RAM, if frames have more bits than RAM needs. pte_show(): the leaf as it was, without PTE_PRESENT; a present leaf
 * stays as it is.
 */
static inline pte_t pte_hide(pte_t pte) { return (pte_t){ (pte.val & ~PTE_PRESENT) ^ PTE_FRAME }; }
static inline bool pte_hidden(pte_t pte) { return !pte_present(pte) && !pte_none(pte); }
static inline pte_t pte_show(pte_t pte) { return pte_present(pte) ? pte : (pte_t){ pte.val ^ PTE_FRAME }; }
/* Of a link or a leaf of level 1; in a larger leaf PTE_PAT_LARGE stands among these bits, see leaf_phys(). */
static inline phys_addr_t pte_phys(pte_t pte) { return (phys_addr_t)(pte.val & PTE_FRAME); }
static inline unsigned long pte_pfn(pte_t pte) { return (unsigned long)((pte.val & PTE_FRAME) >> 12); }

/* prot must have gone through pgprot_supported(). */
static inline pte_t pfn_pte(unsigned long pfn, pgprot_t prot) { return __pte((pteval_t)pfn << 12 | prot.val); }

/* The bits of prot in a leaf of `level`, without the frame; and the reverse. */
static inline pteval_t prot_leaf(pgprot_t prot, unsigned int level)
{
	if (level == 1)
		return prot.val;
	return (prot.val & ~PTE_PAT) | (prot.val & PTE_PAT ? PTE_PAT_LARGE : 0) | PTE_PSE;
}
static inline pgprot_t leaf_prot(pte_t pte, unsigned int level)
{
	pteval_t bits = pte.val & (level == 1 ? ~PTE_FRAME : ~(PTE_FRAME | PTE_PSE));

	return __pgprot(bits | (level > 1 && (pte.val & PTE_PAT_LARGE) ? PTE_PAT : 0));
}
