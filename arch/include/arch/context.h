/* SPDX-License-Identifier: MIT */
/* Switching kernel stacks, and probing addresses without a crash. */
#pragma once

#include <arch/lazy_mmu.h>
#include <lib/compiler.h>

/* The architecture's state of a thread. All zero for code that is running already. */
struct arch_thread {
	void *sp;
	void *stack_top;	  /* where the stack begins when ring 3 enters the kernel */
	unsigned int fault_depth; /* number of page-fault handlers on its stack */
	struct lazy_mmu lazy_mmu; /* also used while it runs */
};

/* The running code becomes this thread. Once a CPU, before its first switch. */
void arch_adopt_thread(struct arch_thread *thread);

/*
 * Make a fresh stack such that switching to the thread calls entry(arg), which never returns.
 * stack_top: one past the highest byte, 16-byte aligned.
 */
void arch_prepare_thread(struct arch_thread *thread, void *stack_top, void (*entry)(void *arg), void *arg);

/* Switch to `next`. Returns when this thread is switched to again, perhaps on another CPU. Interrupts off. */
void arch_switch_to(struct arch_thread *this, struct arch_thread *next);

/* Read an address, write back the byte that is there, or call it. A fault is returned as the result. Thread context. */
enum probe_result {
	PROBE_OK,	      /* no fault */
	PROBE_NOT_PRESENT,    /* page fault, P=0 */
	PROBE_PROTECTION,     /* page fault, P=1 */
	PROBE_OTHER,	      /* general protection: not a canonical address */
};
enum probe_result probe_read(const void *addr, u8 *value);  /* value may be NULL */
enum probe_result probe_write(void *addr);
enum probe_result probe_exec(void *addr);
