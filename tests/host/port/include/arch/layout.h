/* SPDX-License-Identifier: MIT */
/*
 * The contract's layout, with the one thing that differs here. `layout` holds the numbers of the real mode, and nothing
 * is mapped at them in this process. What code dereferences is the direct map and the page array, and those two lie
 * where mmap() has put them. So: calculate with `layout`, dereference only through phys_to_virt() and pfn_to_page().
 */
#pragma once

#define phys_to_virt contract_phys_to_virt
#define virt_to_phys contract_virt_to_phys
#include_next <arch/layout.h>
#undef phys_to_virt
#undef virt_to_phys
#undef VMEMMAP_START

extern char *host_ram, *host_page_array;

#define VMEMMAP_START host_page_array

static inline void *phys_to_virt(phys_addr_t phys) { return host_ram + phys; }
static inline phys_addr_t virt_to_phys(const void *virt) { return (phys_addr_t)((const char *)virt - host_ram); }
