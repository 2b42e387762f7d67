/* SPDX-License-Identifier: MIT */
/* The fixed points of this target's address space. Also read by the assembler and by the linker script. */
#pragma once

#define IMAGE_BASE 0xffffffff80000000 /* virtual = IMAGE_BASE + physical, for the kernel's image */
#define IMAGE_PHYS 0x100000
#define IMAGE_IN_DIRECT_MAP 0

/* 4-level paging: 512 GiB a top entry. The borders are those that Linux documents for its own map. */
#define L4_USER_END	 0x00007ffffffff000
#define L4_DIRECT_START	 0xffff888000000000 /* 64 TiB */
#define L4_DIRECT_END	 0xffffc88000000000
#define L4_VMALLOC_START 0xffffc90000000000 /* 32 TiB = 64 top entries */
#define L4_VMALLOC_END	 0xffffe90000000000
#define L4_VMEMMAP_START 0xffffea0000000000 /* 1 TiB */
#define L4_VMEMMAP_END	 0xffffeb0000000000
#define L4_PRIVATE_START 0xfffffe0000000000 /* one top entry, each process's own */
#define L4_PRIVATE_END	 0xfffffe8000000000
#define L4_MOVED_END	 0xfffffe0000000000 /* direct map, vmalloc space and page array move below that */

#define L4_ENTRY_START	 0xffffff0000000000 /* one top entry, which the user roots have too: entry_area.c */

/* 5-level paging: 256 TiB a top entry. */
#define L5_USER_END	 0x00fffffffffff000
#define L5_DIRECT_START	 0xff11000000000000 /* 32 PiB */
#define L5_DIRECT_END	 0xff91000000000000
#define L5_VMALLOC_START 0xffa0000000000000 /* 12800 TiB = 50 top entries */
#define L5_VMALLOC_END	 0xffd2000000000000
#define L5_VMEMMAP_START 0xffd4000000000000
#define L5_VMEMMAP_END	 0xffd6000000000000
#define L5_ENTRY_START	 0xfffd000000000000
#define L5_PRIVATE_START 0xfffe000000000000
#define L5_PRIVATE_END	 0xffff000000000000
#define L5_MOVED_END	 0xfffc000000000000

#define ENTRY_UNIT 0x20000   /* a CPU's part of the entry area */
#define ENTRY_SPAN 0x1000000 /* nothing else lies so close behind the area's start */
/* What the exit to ring 3 leaves on the entry stack: CR3, RAX, and IRET's frame of five words. */
#define EXIT_FRAME 56

#define FIXMAP_START 0xffffff8000000000
#define FIXMAP_END   0xffffff8000400000
