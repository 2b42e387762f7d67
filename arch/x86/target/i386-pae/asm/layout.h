/* SPDX-License-Identifier: MIT */
/* The fixed points of this target's address space. Also read by the assembler and by the linker script. */
#pragma once

#define IMAGE_BASE 0xc0000000 /* virtual = IMAGE_BASE + physical: the image lies inside the direct map */
#define IMAGE_PHYS 0x100000
#define IMAGE_IN_DIRECT_MAP 1

#define PAGE_OFFSET 0xc0000000 /* the direct map starts here; what follows it depends on the RAM (layout_32.c) */

/* From the top downwards; the last page stays empty, so that error pointers point at nothing. */
#define FIXMAP_END    0xfffff000
#define FIXMAP_START  0xffc00000
#define PRIVATE_END   0xffc00000 /* each process's own */
#define PRIVATE_START 0xff800000
#define VMALLOC_TOP   0xff800000
/* With page-table isolation, the entry area (entry_area.c). Vmalloc space then ends at 0xff400000; a hole follows. */
#define ENTRY_START   0xff408000
#define ENTRY_UNIT    0x8000	 /* a CPU's part of it */
#define ENTRY_SPAN    0x003f8000 /* from the area's start to the private slots: nothing else lies there */
#define EXIT_FRAME    84	 /* what the exit to ring 3 leaves on the entry stack: CR3 and a whole frame */
#define VMALLOC_GAP   0x00800000 /* unmapped, before vmalloc space: a stray access behind the page array faults */
#define VMALLOC_DEFAULT 0x08000000
#define VMALLOC_LEAST	0x02000000
#define VMALLOC_MOST	0x28000000
