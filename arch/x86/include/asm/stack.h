/* SPDX-License-Identifier: MIT */
/*
 * Stacks that are part of the image. Below each is a page that pgtable_init_image() leaves unmapped. So a stack
 * overflow is a double fault with a report, and corrupts nothing.
 *
 *	.bss.stacks (page-aligned):  | guard page | 16 KiB stack | guard page | 16 KiB stack | ...
 */
#pragma once

#include <arch/layout.h>
#include <asm/stack_size.h>

struct guarded_stack {
	u8 guard[PAGE_SIZE];
	u8 stack[IMAGE_STACK_SIZE];
} __aligned(4096);

static_assert(sizeof(struct guarded_stack) == GUARDED_STACK_UNIT, "assembly and C agree on the size");

/* File-scope; the name is a global symbol, so assembly can reach its top as name + GUARDED_STACK_UNIT. */
#define DEFINE_GUARDED_STACK(name) struct guarded_stack name __section(".bss.stacks")

/* One past the highest byte, 16-byte aligned. */
static inline vaddr_t guarded_stack_top(const struct guarded_stack *s)
{
	return (vaddr_t)(s + 1);
}
