/* SPDX-License-Identifier: MIT */
/* Nothing interrupts a thread here or moves it. Other threads read the counts as hints. */
#pragma once

#include <asm/percpu.h>

static inline void *cpu_stack_pop(struct cpu_stack *const stacks[])
{
	struct cpu_stack *stack = stacks[smp_processor_id()];
	unsigned long n = stack->count;

	if (!n)
		return NULL;
	__atomic_store_n(&stack->count, n - 1, __ATOMIC_RELAXED);
	return stack->item[n - 1];
}

static inline bool cpu_stack_push(struct cpu_stack *const stacks[], void *item)
{
	struct cpu_stack *stack = stacks[smp_processor_id()];
	unsigned long n = stack->count;

	if (n >= stack->capacity)
		return false;
	__atomic_store_n(&stack->item[n], item, __ATOMIC_RELAXED);
	__atomic_store_n(&stack->count, n + 1, __ATOMIC_RELAXED);
	return true;
}
