/* SPDX-License-Identifier: MIT */
/* The flags register, and the interrupt flag of this CPU in it. */
#pragma once

#include <lib/compiler.h>
#include <lib/types.h>

#define FLAGS_FIXED (1UL << 1)	/* always 1 */
#define FLAGS_TF    (1UL << 8)	/* single step */
#define FLAGS_IF    (1UL << 9)	/* interrupts enabled */
#define FLAGS_DF    (1UL << 10) /* string instructions run downwards */
#define FLAGS_NT    (1UL << 14) /* nested task */
#define FLAGS_RF    (1UL << 16) /* the next instruction passes its breakpoint */
#define FLAGS_VM    (1UL << 17) /* virtual-8086 mode */
#define FLAGS_AC    (1UL << 18) /* SMAP: the kernel may access user memory */
#define FLAGS_ID    (1UL << 21) /* if it can be changed, there is a CPUID instruction */

static inline unsigned long read_flags(void)
{
	unsigned long flags;

	__asm__ volatile("pushf\n\tpop %0" : "=r"(flags) : : "memory");
	return flags;
}

static inline void write_flags(unsigned long flags)
{
	__asm__ volatile("push %0\n\tpopf" : : "r"(flags) : "memory", "cc");
}

static inline void local_irq_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void local_irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline bool irqs_disabled(void)
{
	return !(read_flags() & FLAGS_IF);
}

static inline bool arch_local_irq_save(void)
{
	bool enabled = !irqs_disabled();

	local_irq_disable();
	return enabled;
}

static inline void local_irq_restore(bool flags)
{
	if (likely(flags))
		local_irq_enable();
}
