/* SPDX-License-Identifier: MIT */
/*
 * The shape of the entry area (arch/x86/cpu/start/entry_area.c). Constants only: assembly includes it too.
 * <asm/layout.h> has ENTRY_UNIT: a CPU's part, which starts at a multiple of this. So any address on its stacks leads
 * to its first page.
 */
#pragma once

#include <asm/layout.h>

#define ENTRY_WORD __SIZEOF_LONG__

/* struct entry_page: the first page of such a part. */
#define ENTRY_KERNEL_CR3  0
#define ENTRY_PERCPU_BASE ENTRY_WORD
#define ENTRY_KEEP	  (2 * ENTRY_WORD)

/* struct cpu_roots, per-CPU. */
#define ROOTS_EXIT_STACK 0
#define ROOTS_USER_CR3	 ENTRY_WORD
#define ROOTS_KEEP	 (2 * ENTRY_WORD)
