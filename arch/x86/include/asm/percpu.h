/* SPDX-License-Identifier: MIT */
/*
 * Who am I: one segment register points every CPU at its own per-CPU area (GS on x86_64, FS on i386).
 *
 * The base of that segment is the CPU's *offset*, the distance from the template in the image to the CPU's copy. So
 * "segment:&variable" is the CPU's own instance of the variable, and a base of 0 (as the boot loader leaves it) means
 * the template itself.
 */
#pragma once

#include <lib/types.h>
#include <asm/machine.h> /* PERCPU_SEGMENT */

extern vaddr_t this_cpu_off;	/* per-CPU, kernel/core/percpu.c: this CPU's offset */
extern unsigned int cpu_number; /* per-CPU, arch/x86/cpu/init_cpu.c: this CPU's id */

static inline vaddr_t this_cpu_offset(void)
{
	vaddr_t offset;

	__asm__ volatile("mov %%" PERCPU_SEGMENT ":%1, %0" : "=r"(offset) : "m"(this_cpu_off));
	return offset;
}

static inline unsigned int smp_processor_id(void)
{
	unsigned int cpu;

	__asm__ volatile("movl %%" PERCPU_SEGMENT ":%1, %0" : "=r"(cpu) : "m"(cpu_number));
	return cpu;
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/* STI takes effect after the next instruction, so an interrupt cannot slip in between the two and be slept through. */
static inline void arch_cpu_idle(void)
{
	__asm__ volatile("sti\n\thlt" : : : "memory");
}
