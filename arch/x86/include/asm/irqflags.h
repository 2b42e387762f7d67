/* SPDX-License-Identifier: MIT */
/* The interrupt flag of this CPU. The contract is <arch/irq.h>. */
#pragma once

#include <asm/eflags.h>
#include <asm/percpu.h>

extern unsigned int trap_depth; /* per-CPU, arch/x86/cpu/trap/trap.c: exceptions and interrupts nested on this CPU */

static inline unsigned int arch_trap_depth(void)
{
	return this_cpu_read(trap_depth);
}

static inline bool in_interrupt(void)
{
	return arch_trap_depth() != 0;
}
