/* SPDX-License-Identifier: MIT */
/* Pushing and popping, restartable. The contract is <arch/cpu_stack.h>, which includes this. */
#pragma once

#include <asm/percpu.h>
#include <asm/restart.h>

/* The inputs must be intact when it begins again; therefore every output has a register of its own (=&). */
#define THIS_CPU_STACK \
	"mov %%" PERCPU_SEGMENT ":%[cpu], %k[stack]\n\t" \
	"mov (%[stacks],%[stack],%c[word]), %[stack]\n\t" \
	"mov (%[stack]), %[n]\n\t"

/*
 * The carry flag tells; moves, INC and DEC leave it alone. (asm goto is no way: gcc 12 forgets what a variable is to be
 * on its edges.)
 */
static __always_inline void *cpu_stack_pop(struct cpu_stack *const stacks[])
{
	struct cpu_stack *stack;
	void *item; /* first the count */
	bool empty;

	__asm__ volatile(RESTARTABLE(
			THIS_CPU_STACK
			"sub $1, %[n]\n\t"
			"jc 662f\n\t"
			"mov %c[items](%[stack],%[n],%c[word]), %[n]\n\t"
			"dec" WORD_SUFFIX " (%[stack])")
		: [stack] "=&r"(stack), [n] "=&r"(item), "=@ccc"(empty)
		: [stacks] "r"(stacks), [cpu] "m"(cpu_number), [word] "i"(sizeof(long)),
		  [items] "i"(offsetof(struct cpu_stack, item))
		: "memory");
	if (unlikely(empty))
		return NULL;
	if (!item)
		__builtin_unreachable(); /* so that nobody asks for NULL twice */
	return item;
}

static __always_inline bool cpu_stack_push(struct cpu_stack *const stacks[], void *item)
{
	struct cpu_stack *stack;
	unsigned long n;
	bool room;

	__asm__ volatile(RESTARTABLE(
			THIS_CPU_STACK
			"cmp %c[capacity](%[stack]), %[n]\n\t"
			"jnc 662f\n\t"
			"mov %[item], %c[items](%[stack],%[n],%c[word])\n\t"
			"inc" WORD_SUFFIX " (%[stack])")
		: [stack] "=&r"(stack), [n] "=&r"(n), "=@ccc"(room)
		: [stacks] "r"(stacks), [item] "r"(item), [cpu] "m"(cpu_number), [word] "i"(sizeof(long)),
		  [items] "i"(offsetof(struct cpu_stack, item)), [capacity] "i"(offsetof(struct cpu_stack, capacity))
		: "memory");
	return likely(room);
}
