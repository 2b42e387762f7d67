/* SPDX-License-Identifier: MIT */
/* Pushing and popping, restartable. The contract is <arch/cpu_stack.h>, which includes this. */
#pragma once

#include <asm/percpu.h>
#include <asm/restart.h>

/* The sequence may begin again, so it must not overwrite its inputs: every output has a register of its own (=&). */
#define THIS_CPU_STACK \
	"mov %%" PERCPU_SEGMENT ":%[cpu], %k[stack]\n\t" \
	"mov (%[stacks],%[stack],%c[word]), %[stack]\n\t" \
	"mov (%[stack]), %[n]\n\t"

/*
 * The result is in the carry flag, which moves, INC and DEC do not change. (asm goto cannot be used: gcc 12 loses the
 * values of outputs on its jumps.)
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
		__builtin_unreachable(); /* the compiler then drops the caller's check for NULL */
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
