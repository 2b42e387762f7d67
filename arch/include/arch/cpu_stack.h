/* SPDX-License-Identifier: MIT */
/*
 * A stack of pointers for each CPU: an allocator keeps there what this CPU freed last.
 *
 *   void *cpu_stack_pop(struct cpu_stack *const stacks[])              from this CPU's; NULL: it is empty
 *   bool cpu_stack_push(struct cpu_stack *const stacks[], void *item)  onto this CPU's; false: it is full
 *
 * stacks[] has a pointer for each CPU. Any context but NMI and handlers of exceptions. No lock is taken and interrupts
 * stay on. The sequence takes effect by its last store; if an interrupt or a move to another CPU comes before that, it
 * starts again (Bershad, Redell, Ellis: Fast Mutual Exclusion for Uniprocessors, 1992; Linux has it for programs,
 * rseq(2)). Other operations on a stack need its own CPU and interrupts off. What another CPU reads is a hint.
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
