/* SPDX-License-Identifier: MIT */
/*
 * A short-lived mapping of any page for this CPU (Linux: kmap_local_page). A lowmem page needs none: the result is its
 * direct-map address. Mappings nest, at most KMAP_SLOTS deep on a CPU, interrupts included: unmap in the reverse order.
 * The thread must not schedule in between. Any context but NMI.
 */
#pragma once

#include <mm/page.h>

/*
 * Each CPU has 16 pages of the fixmap window and uses 15: the last page of the last CPU would be the last page of the
 * address space, where error pointers point.
 */
#define KMAP_STRIDE 16
#define KMAP_SLOTS  (KMAP_STRIDE - 1)

void *kmap_local_page(struct page *page);
void kunmap_local(const void *addr);

/*
 * Make the page tables of all slots and remember their entries, if there is highmem. Boot CPU, after page_alloc_init().
 */
void highmem_init(void);
