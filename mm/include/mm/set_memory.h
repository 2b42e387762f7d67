/* SPDX-License-Identifier: MIT */
/*
 * Rights, memory type and presence of memory that is in use, under Linux's names and prototypes. Thread context, may
 * sleep, no lock held. On return the change is effective on every CPU.
 *
 * addr is page-aligned. The range of numpages pages (at least 1) lies in the direct map, in the kernel's image, or in
 * one area of vmalloc space. The caller owns it and keeps others from mapping, unmapping or changing it meanwhile.
 * Returns 0 or an error. After an error nothing has changed:
 *	-ENOMEM	no page for a table. A range of the direct map or the image has no other failure, if its RAM is online.
 *	-EINVAL	the range lies in none of these three; or it has RAM that is not online; or, in vmalloc space, it has
 *		a part of a large leaf, or it is of device frames and the type would change
 *	-EFAULT	a page in vmalloc space is not mapped
 * Holes in the direct map are skipped.
 *
 * OTHER MAPPINGS OF THE SAME FRAMES. The direct map (and on 64-bit the image) follows: in memory type, in presence and
 * in the right to write. A change of NX elsewhere never changes the direct map. Other mappings (vmap, vm_map_ram,
 * of a process) do not follow. The caller makes them after the change: vmap() with a prot of the new type (any other is
 * refused), remap_vmalloc_range() and kmap_local_page() with the page's own type; vm_map_ram() refuses such pages. A
 * frame of highmem has no direct map.
 *
 * FREEING. Pages must go back to the page allocator as they came: present, writable, write-back. vfree() does that for
 * its own pages. All other owners do it themselves before they free; otherwise the free is refused and reported.
 *
 * The kernel's text and constants never become writable, and text always stays executable: such a bit of a change is
 * left out, the rest is done, and the call succeeds.
 */
#pragma once

#include <mm/page.h>

int set_memory_ro(unsigned long addr, int numpages);
int set_memory_rw(unsigned long addr, int numpages);
int set_memory_x(unsigned long addr, int numpages); /* without NX in the CPU, x and nx change nothing */
int set_memory_nx(unsigned long addr, int numpages);
int set_memory_rox(unsigned long addr, int numpages);

/*
 * Memory types: UC-, WC (UC- without PAT), and WB, which RAM has at first. A range may go from each type to each other.
 * After UC- and WC no line of the range is in any cache.
 */
int set_memory_uc(unsigned long addr, int numpages);
int set_memory_wc(unsigned long addr, int numpages);
int set_memory_wb(unsigned long addr, int numpages);

/* Not present. */
int set_memory_np(unsigned long addr, int numpages);
/* Present again, with the rights and type from before and later changes of these. */
int set_memory_p(unsigned long addr, int numpages);
/* Split all large leaves of the range; nothing else changes. */
int set_memory_4k(unsigned long addr, int numpages);

/*
 * Change the direct map of one page and nothing else: not present; present and writable again; the third does either
 * for nr pages side by side. TLBs may hold the old translation until the caller flushes (flush_tlb_kernel_range). 0 for
 * highmem. -ENOMEM.
 */
int set_direct_map_invalid_noflush(struct page *page);
int set_direct_map_default_noflush(struct page *page);
int set_direct_map_valid_noflush(struct page *page, unsigned int nr, bool valid);
/* Is the page in the direct map? Any context. */
bool kernel_page_present(struct page *page);
