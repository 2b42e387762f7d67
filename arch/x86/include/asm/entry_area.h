/* SPDX-License-Identifier: MIT */
/* The shape of the entry area (arch/x86/cpu/start/entry_area_64.c). Constants only: assembly includes it too. */
#pragma once

/* A CPU's part of the area, which starts at a multiple of this. So any address on its stacks leads to its page. */
#define ENTRY_UNIT 0x20000

/* struct entry_page: the first page of such a part. */
#define ENTRY_KERNEL_CR3  0
#define ENTRY_PERCPU_BASE 8
#define ENTRY_KEEP	  16

/* struct cpu_roots, per-CPU. */
#define ROOTS_EXIT_STACK 0
#define ROOTS_USER_CR3	 8
#define ROOTS_KEEP	 16

/* What the exit to ring 3 leaves on the entry stack: CR3, RAX, and IRET's frame of five words. */
#define EXIT_FRAME 56
