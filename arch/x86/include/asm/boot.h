/* SPDX-License-Identifier: MIT */
/* What boot/ defines for arch/x86. The copy of the loader's tags is in <arch/init.h>. */
#pragma once

#include <lib/types.h>
#include <asm/stack.h>

extern u32 boot_levels; /* 2, 3, 4 or 5, decided before paging was first switched on */

/* The first top tables. They map the first arch_boot_reach() bytes at 0 and in the kernel's half (see boot/target). */
extern u8 boot_root[PAGE_SIZE];
extern u8 boot_root5[PAGE_SIZE]; /* x86_64 with 5 levels: the top table, above boot_root */

/* The stack on which kmain() runs. */
extern struct guarded_stack boot_stack;
