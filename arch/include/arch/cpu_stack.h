/* SPDX-License-Identifier: MIT */
/*
 * A stack of pointers for each CPU, in which an allocator keeps what this CPU freed last.
 *
 *   void *cpu_stack_pop(struct cpu_stack *const stacks[])              from this CPU's; NULL: it is empty
 *   bool cpu_stack_push(struct cpu_stack *const stacks[], void *item)  onto this CPU's; false: it is full
 *
 * stacks[] has a pointer for each CPU. Any context but NMI and handlers of exceptions. No lock is taken and interrupts
 * stay on. Push and pop take effect by their last store. If an interrupt comes before that, they start again (Bershad,
 * Redell, Ellis: Fast Mutual Exclusion for Uniprocessors, 1992; Linux offers it to programs, rseq(2)). Other changes of
 * a stack are made on its own CPU with interrupts off. Another CPU may read a stack, as a hint.
 */
#pragma once

#include <lib/types.h>

struct cpu_stack {
	unsigned long count, capacity;
	void *item[];
};

/* Storage for one. */
#define CPU_STACK_ROOM(items) union { \
	struct cpu_stack stack; \
	void *room[sizeof(struct cpu_stack) / sizeof(void *) + (items)]; \
}

#include <asm/cpu_stack.h>
