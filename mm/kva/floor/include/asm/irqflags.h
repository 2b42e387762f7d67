/* SPDX-License-Identifier: MIT */
/* The interrupt flag is the processor's; whether this is a handler, the host knows. */
#pragma once

#include <asm/percpu.h>
#include <lib/compiler.h>

#define FLAGS_IF (1UL << 9)
#define FLAGS_VM (1UL << 17)
#define FLAGS_ID (1UL << 21)

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
static inline bool irqs_disabled(void) { return !(read_flags() & FLAGS_IF); }

static inline void local_irq_enable(void) { __asm__ volatile("sti" : : : "memory"); }
static inline void local_irq_disable(void) { __asm__ volatile("cli" : : : "memory"); }

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

static inline bool in_interrupt(void) { return host_in_interrupt(); }
static inline unsigned int arch_trap_depth(void) { return host_in_interrupt(); }
