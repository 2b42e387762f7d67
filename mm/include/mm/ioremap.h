/* SPDX-License-Identifier: MIT */
/*
 * Device memory. Leaves of 2M (4M) and 1G where size, address and frame allow, unless `nohugeiomap`.
 * NULL: size 0, wrap-around, beyond what the CPU can address, RAM that this kernel uses, or no space. Thread context.
 */
#pragma once

#include <mm/vmalloc.h>

#define __iomem

void __iomem *ioremap(phys_addr_t phys, unsigned long size);	   /* uncached */
void __iomem *ioremap_cache(phys_addr_t phys, unsigned long size); /* write-back: RAM that is nobody's, tables */
void iounmap(const volatile void __iomem *addr);
