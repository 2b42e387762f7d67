/* SPDX-License-Identifier: MIT */
/*
 * Rights, memory type and presence of memory that is in use, under Linux's names and prototypes. Thread context, may sleep, no
 * lock held; whole and effective on every CPU on return.
 *
 * addr is page-aligned and the range of numpages pages, one at least, lies in the direct map, in the kernel's image, or in one area of
 * vmalloc space; it is the caller's, who keeps others from mapping, unmapping or changing it meanwhile. 0, or an error, and then
 * nothing has changed:
 *	-ENOMEM	no page for a table. Of a range of RAM there is no other failure.
 *	-EINVAL	another range; RAM that is not online; in vmalloc space a part of a large leaf, or a new type for a device's frames
 *	-EFAULT	a page in vmalloc space is not mapped
 * A hole in the direct map has no leaf to change and is stepped over.
 *
 * OTHER MAPPINGS OF THE SAME FRAMES. The direct map's (and on 64-bit the image's) follow: in memory type, in presence and in the
 * right to write. A change of NX alone leaves them alone, and they always have NX. Mappings that somebody else made (vmap,
 * vm_map_ram, a process's) are the caller's affair: he makes them afterwards, with the type that the frames have then.
 * A frame of highmem has no direct map; whatever maps it for the kernel (kmap_local_page) uses its type.
 *
 * THE END. Pages go back to the page allocator as they came: present, writable, write-back. vfree() sees to that for its own.
 * Everybody else does so before he frees, or the free is refused and reported.
 *
 * What can never be had: a writable page of the kernel's text or constants, and text without the right to execute. There
 * the rest of a change is done, and the call succeeds.
 */
#pragma once

#include <mm/page.h>

int set_memory_ro(unsigned long addr, int numpages);
int set_memory_rw(unsigned long addr, int numpages);
int set_memory_x(unsigned long addr, int numpages); /* without NX in the CPU, x and nx change nothing */
int set_memory_nx(unsigned long addr, int numpages);
int set_memory_rox(unsigned long addr, int numpages);

/*
 * Memory types: UC-, WC (UC- without PAT), and WB, which RAM has at first. Any may follow any. On return no line of the
 * range is in any cache, if it is not WB.
 */
int set_memory_uc(unsigned long addr, int numpages);
int set_memory_wc(unsigned long addr, int numpages);
int set_memory_wb(unsigned long addr, int numpages);

/* Not present, and present again, with what it had before and was given meanwhile. */
int set_memory_np(unsigned long addr, int numpages);
int set_memory_p(unsigned long addr, int numpages);
/* No large leaf in the range; nothing else changes. */
int set_memory_4k(unsigned long addr, int numpages);

/*
 * The direct map of one page, and nothing else: not present; present and writable again. CPUs may remember what was before
 * until the caller flushes it (flush_tlb_kernel_range). The third: of nr pages side by side. 0 for highmem. -ENOMEM.
 */
int set_direct_map_invalid_noflush(struct page *page);
int set_direct_map_default_noflush(struct page *page);
int set_direct_map_valid_noflush(struct page *page, unsigned int nr, bool valid);
/* Is the page in the direct map? Any context. */
bool kernel_page_present(struct page *page);
