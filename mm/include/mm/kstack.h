/* SPDX-License-Identifier: MIT */
/*
 * Stacks of kernel threads: KSTACK_SIZE bytes of vmalloc space, with an unmapped page below, which an overflow hits,
 * and one above. main.c hands these functions to the scheduler. Thread context; the stack in use must not be freed.
 */
#pragma once

/* The lowest byte, page-aligned; NULL = no memory. The contents are not cleared. */
void *kstack_alloc(void);
/* What kstack_alloc returned, or NULL. */
void kstack_free(void *stack);
