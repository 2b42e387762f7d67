/* SPDX-License-Identifier: MIT */
/*
 * Physical memory that is not this kernel's RAM, into vmalloc space. Leaves of 2M (4M) and 1G where size, address, frame
 * and the firmware's memory types (MTRRs) allow, unless `nohugeiomap`. Never executable. Thread context, may sleep.
 *
 * phys and size are in bytes and need not be aligned: the result has the same offset in its page as phys.
 * NULL: size 0 or wrap-around; beyond what the CPU can address, or any RAM in use in it (both warned); mapped elsewhere
 * with another memory type (printed, with both types); no space, no memory.
 */
#pragma once

#include <arch/io.h>
#include <mm/vmalloc.h>

void __iomem *ioremap(phys_addr_t phys, size_t size);	   /* UC-: uncached, or what an MTRR says */
void __iomem *ioremap_uc(phys_addr_t phys, size_t size);	   /* UC: uncached */
void __iomem *ioremap_wc(phys_addr_t phys, size_t size);	   /* WC: write-combining; UC- on a CPU without PAT */
void __iomem *ioremap_wt(phys_addr_t phys, size_t size);	   /* WT: write-through */
void __iomem *ioremap_cache(phys_addr_t phys, size_t size); /* WB: write-back: firmware's tables, RAM that is nobody's */
/* "Non-posted" writes: x86 has no such type, and Linux says so there in the same way: NULL. */
static inline void __iomem *ioremap_np(phys_addr_t phys __maybe_unused, size_t size __maybe_unused) { return NULL; }
/* With these rights and this type. */
void __iomem *ioremap_prot(phys_addr_t phys, size_t size, pgprot_t prot);
/* NULL is fine. What is not an address in the first page of a mapping is reported and nothing happens. */
void iounmap(volatile void __iomem *addr);

/*
 * Writes to [base, base + size) shall be combined, where ioremap_wc() alone cannot see to that, by an MTRR. With page attribute
 * tables (FEATURE_PAT) there is nothing to do: 0. Without: -ENODEV, since no MTRR is ever written here, and all works, slower.
 * arch_phys_wc_del() takes whatever the first one has returned.
 */
int arch_phys_wc_add(unsigned long base, unsigned long size);
void arch_phys_wc_del(int handle);

/*
 * Memory, device or not. The types that flags allow are tried in this order. MEMREMAP_WB of RAM is its direct map; RAM is
 * never mapped otherwise, and neither is a range with RAM in one part only: NULL (warned), also for RAM without a direct
 * map (highmem). No flags: NULL. memunmap() takes what memremap() has returned, NULL too.
 */
#define MEMREMAP_WB 1ul
#define MEMREMAP_WT 2ul
#define MEMREMAP_WC 4ul
void *memremap(phys_addr_t phys, size_t size, unsigned long flags);
void memunmap(void *addr);
