/* SPDX-License-Identifier: MIT */
/*
 * Stacks of pointers, one a CPU: how an allocator keeps what this CPU freed last.
 *
 *   void *cpu_stack_pop(struct cpu_stack *const stacks[])              from this CPU's; NULL: it is empty
 *   bool cpu_stack_push(struct cpu_stack *const stacks[], void *item)  onto this CPU's; false: it is full
 *
 * stacks[] has a pointer for each CPU. Any context but NMI and handlers of exceptions. Neither an interrupt nor a move to another CPU can come in between,
 * though interrupts stay on and nothing is locked: the sequence ends with the one store that makes it happen, and who was
 * interrupted before it begins again (Bershad, Redell, Ellis: Fast Mutual Exclusion for Uniprocessors, 1992; Linux has
 * the like for programs, rseq(2)). A stack's own CPU may do anything else with it with interrupts off; for others,
 * all they read is a hint.
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
