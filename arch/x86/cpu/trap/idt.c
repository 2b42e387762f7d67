/* SPDX-License-Identifier: MIT */
/*
 * The interrupt descriptor table: one for all CPUs. Each vector is an interrupt gate to its stub in trap_entry_*.S;
 * gdt_finish_idt() then gives some vectors stacks of their own (on i386 these are task gates).
 */
#include <asm/trap.h>
#include "arch/x86/cpu/core/descriptors.h"

#define STUB_SIZE 16

extern char trap_stubs[]; /* NR_VECTORS of them, STUB_SIZE bytes apart */

static gate_t idt[NR_VECTORS] __aligned(16) __ro_after_init;

static void set_gate(u32 *gate, vaddr_t handler)
{
	gate[0] = SEL_KERNEL_CODE << 16 | (handler & 0xffff);
	gate[1] = (handler & 0xffff0000) | GATE_INTERRUPT;
	if (GATE_WORDS == 4)
		gate[2] = (u64)handler >> 32;
}

void idt_init(void)
{
	unsigned int vector;

	for (vector = 0; vector < NR_VECTORS; vector++)
		set_gate(idt[vector], (vaddr_t)trap_stubs + vector * STUB_SIZE);
	idt[VECTOR_SYSCALL][1] |= GATE_RING3;
	idt[VECTOR_BREAKPOINT][1] |= GATE_RING3; /* INT3 and INTO are a program's own exceptions */
	idt[VECTOR_OVERFLOW][1] |= GATE_RING3;
	gdt_finish_idt(idt);
}

void idt_load(void)
{
	struct table_register idtr = { sizeof(idt) - 1, (vaddr_t)idt };

	__asm__ volatile("lidt %0" : : "m"(idtr));
}
