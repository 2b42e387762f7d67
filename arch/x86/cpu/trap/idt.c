/* SPDX-License-Identifier: MIT */
/*
 * The interrupt descriptor table: one for all CPUs. Each vector is an interrupt gate to its stub in trap_entry_*.S;
 * gdt_finish_idt() then gives some vectors stacks of their own (on i386 these are task gates).
 */
#include <arch/layout.h>
#include <asm/trap.h>
#include "arch/x86/cpu/core/descriptors.h"

#define STUB_SIZE 16 /* bytes from one to the next, in both lists of stubs */

/* Nothing else lies in its page: with page-table isolation programs could read it. */
static union {
	gate_t gate[NR_VECTORS];
	u8 page[PAGE_SIZE];
} idt __aligned(PAGE_SIZE) __ro_after_init;
static vaddr_t idt_at __ro_after_init = (vaddr_t)&idt;

static void set_gate(u32 *gate, vaddr_t handler)
{
	gate[0] = SEL_KERNEL_CODE << 16 | (handler & 0xffff);
	gate[1] = (handler & 0xffff0000) | GATE_INTERRUPT;
	if (GATE_WORDS == 4)
		gate[2] = (u64)handler >> 32;
}

void idt_init(vaddr_t stubs)
{
	unsigned int vector;

	for (vector = 0; vector < NR_VECTORS; vector++)
		set_gate(idt.gate[vector], stubs + vector * STUB_SIZE);
	idt.gate[VECTOR_SYSCALL][1] |= GATE_RING3;
	idt.gate[VECTOR_BREAKPOINT][1] |= GATE_RING3; /* INT3 and INTO are a program's own exceptions */
	idt.gate[VECTOR_OVERFLOW][1] |= GATE_RING3;
	gdt_finish_idt(idt.gate);
}

const void *idt_page(void)
{
	return &idt;
}

void idt_move(vaddr_t at)
{
	idt_at = at;
}

void idt_load(void)
{
	struct table_register idtr = { sizeof(idt.gate) - 1, idt_at };

	__asm__ volatile("lidt %0" : : "m"(idtr));
}
