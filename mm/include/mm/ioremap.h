/* SPDX-License-Identifier: MIT */
/*
 * Mapping physical memory that is not this kernel's RAM into vmalloc space. Leaves of 2M (4M) and 1G are used where
 * size, address, frame and the firmware's memory types (MTRRs) allow, unless `nohugeiomap`. Never executable. Thread
 * context, may sleep.
 *
 * phys and size are in bytes and need not be aligned: the result has the same offset in its page as phys.
 * NULL: size 0 or wrap-around; beyond what the CPU can address, or with RAM in use in it (both warned); mapped
 * elsewhere with another memory type (printed, with both types); no space, no memory.
 */
#pragma once

#include <arch/io.h>
#include <mm/vmalloc.h>

void __iomem *ioremap(phys_addr_t phys, size_t size);	   /* UC-: uncached, or what an MTRR says */
void __iomem *ioremap_uc(phys_addr_t phys, size_t size);	   /* UC: uncached */
void __iomem *ioremap_wc(phys_addr_t phys, size_t size);	   /* WC: write-combining; UC- on a CPU without PAT */
void __iomem *ioremap_wt(phys_addr_t phys, size_t size);	   /* WT: write-through */
void __iomem *ioremap_cache(phys_addr_t phys, size_t size); /* WB: write-back, for firmware's tables and unused RAM */
/* "Non-posted" writes: x86 has no such type; NULL, as in Linux. */
static inline void __iomem *ioremap_np(phys_addr_t phys __maybe_unused, size_t size __maybe_unused) { return NULL; }
/* With the rights and the type of prot. */
void __iomem *ioremap_prot(phys_addr_t phys, size_t size, pgprot_t prot);
/* NULL is fine. An address that is not in the first page of a mapping is reported, and nothing happens. */
void iounmap(volatile void __iomem *addr);

/*
 * Ask for an MTRR that makes writes to [base, base + size) combined where ioremap_wc() cannot. With page attribute
 * tables (FEATURE_PAT) there is nothing to do: 0. Without them: -ENODEV, because this kernel never writes an MTRR;
 * writes are slower then. arch_phys_wc_del() takes the result of arch_phys_wc_add().
 */
int arch_phys_wc_add(unsigned long base, unsigned long size);
void arch_phys_wc_del(int handle);

/*
 * Map memory, RAM or not. The types in flags are tried in the order below. MEMREMAP_WB of RAM returns its direct-map
 * address. NULL (warned): RAM with other flags, a range that is only partly RAM, highmem, RAM that is not write-back.
 * NULL: no flags. memunmap() takes any result of memremap(), NULL too.
 */
#define MEMREMAP_WB 1ul
#define MEMREMAP_WT 2ul
#define MEMREMAP_WC 4ul
void *memremap(phys_addr_t phys, size_t size, unsigned long flags);
void memunmap(void *addr);
