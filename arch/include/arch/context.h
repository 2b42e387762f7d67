/* SPDX-License-Identifier: MIT */
/* Switching from one kernel stack to another, and calling with a net under one's feet. */
#pragma once

#include <arch/lazy_mmu.h>
#include <lib/compiler.h>

/* What the machine keeps of a thread that does not run. All zero for code that runs already. */
struct arch_thread {
	void *sp;
	void *stack_top;	  /* where ring 3 enters the kernel: on an empty stack */
	unsigned int fault_depth; /* page-fault handlers on its stack */
	struct lazy_mmu lazy_mmu; /* used while it runs, too */
};

/* The code that runs on this CPU already is this thread, from now on. Once a CPU, before it switches for the first time. */
void arch_adopt_thread(struct arch_thread *thread);

/*
 * Make a fresh stack such that switching to the thread calls entry(arg), which never returns.
 * stack_top: one past the highest byte, 16-byte aligned.
 */
void arch_prepare_thread(struct arch_thread *thread, void *stack_top, void (*entry)(void *arg), void *arg);

/* Leave this thread, go on with `next`; returns when this one is switched to again, perhaps on another CPU. Interrupts off. */
void arch_switch_to(struct arch_thread *this, struct arch_thread *next);

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
