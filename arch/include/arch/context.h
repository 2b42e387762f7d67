/* SPDX-License-Identifier: MIT */
/* Switching from one kernel stack to another, and calling with a net under one's feet. */
#pragma once

#include <lib/compiler.h>

/*
 * Build the first frame on a fresh stack so that switching to it calls entry(arg).
 * stack_top: one past the highest byte, 16-byte aligned. Returns the stack pointer for arch_switch_to. entry never returns.
 */
void *arch_prepare_stack(void *stack_top, void (*entry)(void *arg), void *arg);

/* Save the callee-saved state, store the stack pointer in *save, continue on `next`. Interrupts off. */
void arch_switch_to(void **save, void *next);

/* Read, write (the byte that was there) or call one address; the fault comes back instead of happening. Thread context. */
enum probe_result {
	PROBE_OK,	      /* no fault */
	PROBE_NOT_PRESENT,    /* page fault, P=0 */
	PROBE_PROTECTION,     /* page fault, P=1 */
	PROBE_OTHER,	      /* general protection: not a canonical address */
};
enum probe_result probe_read(const void *addr, u8 *value);  /* value may be NULL */
enum probe_result probe_write(void *addr);
enum probe_result probe_exec(void *addr);
