/* SPDX-License-Identifier: MIT */
/* All RAM of the host machine can be reached, highmem too, so a short-lived mapping is nothing but its address. */
#include <mm/highmem.h>

void *kmap_local_page(struct page *page) { return phys_to_virt(page_to_phys(page)); }
void kunmap_local(const void *addr) { (void)addr; }
void highmem_init(void) { }
