/* SPDX-License-Identifier: MIT */
/*
 * Descriptor table and task state segment of one CPU, x86_64.
 *
 * Double fault, machine check and NMI get stacks of their own (IST): each may strike when the current stack cannot be
 * trusted. Each may also strike between the entry from ring 3 and its SWAPGS, while GS still has the user's base. So
 * the word above such a stack's first frame holds the CPU's GS base, and trap_entry_64.S loads it from there.
 *
 *	stack top -> +------------------+
 *		     | unused           |
 *		     | GS base          |  <- IST pointer
 *		     | struct trap_frame|
 *
 * With page-table isolation the CPU uses another pair of tables, in the entry area, and the stacks as the area maps
 * them; rsp[0] is then the entry stack. The first pair stays, because the entry code reads the thread's stack there.
 */
#include <arch/init.h>
#include <asm/msr.h>
#include <asm/percpu.h>
#include <asm/pti.h>
#include <asm/stack.h>
#include <asm/trap.h>
#include <kernel/percpu.h>
#include "descriptors.h"

struct tss {
	u32 reserved0;
	u64 rsp[3]; /* stacks for entering rings 0..2; rsp[0] is for ring 3 */
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 iomap; /* offset of the I/O map; beyond the limit: there is none */
} __packed;

#define IST_RESERVE 16

/* The IST number of a stack, from 1 on. In a gate 0 means: no IST. */
#define IST(stack) ((stack) + 1)

struct cpu_tables {
	struct tss tss;
	vaddr_t percpu_base; /* in front of the GDT, for percpu_base_restore() */
	u64 gdt[NR_GDT_ENTRIES];
} __aligned(128);

DEFINE_PER_CPU(struct cpu_tables, cpu_tables); /* trap_entry_pti_64.S reads it */

static u64 ist_pointer(vaddr_t stack_top, vaddr_t gs_base)
{
	vaddr_t pointer = stack_top - IST_RESERVE;

	*(vaddr_t *)pointer = gs_base;
	return pointer;
}

/* at: where the CPU will find the tables. */
static void tables_fill(struct cpu_tables *t, unsigned int cpu, const struct cpu_tables *at)
{
	vaddr_t tss = (vaddr_t)&at->tss;
	u32 ring3 = DESC_RING3;

	for (unsigned int i = 0; i < NR_VECTOR_STACKS; i++)
		t->tss.ist[IST(i) - 1] = ist_pointer(per_cpu(own_stack_top, cpu)[i], per_cpu_offset[cpu]);
	t->tss.iomap = sizeof(t->tss);
	t->percpu_base = per_cpu_offset[cpu];

	t->gdt[SEL_KERNEL_CODE / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_CODE, DESC_PAGES | DESC_64BIT);
	t->gdt[SEL_KERNEL_DATA / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_DATA, DESC_PAGES | DESC_32BIT);
	t->gdt[SEL_USER_CODE32 / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_CODE | ring3, DESC_PAGES | DESC_32BIT);
	t->gdt[SEL_USER_DATA / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_DATA | ring3, DESC_PAGES | DESC_32BIT);
	t->gdt[SEL_USER_CODE64 / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_CODE | ring3, DESC_PAGES | DESC_64BIT);
	t->gdt[SEL_TSS / 8] = descriptor((u32)tss, sizeof(t->tss) - 1, DESC_PRESENT_TSS, 0);
	t->gdt[SEL_TSS / 8 + 1] = tss >> 32;
}

void gdt_load(unsigned int cpu)
{
	struct cpu_tables *t = &per_cpu(cpu_tables, cpu);
	struct table_register gdtr = { sizeof(t->gdt) - 1, (vaddr_t)t->gdt };

	tables_fill(t, cpu, t);
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tmov %2, %%ss\n\t"
			 "mov %3, %%ds\n\t"
			 "mov %3, %%es\n\t"
			 "mov %3, %%fs\n\t"
			 "mov %3, %%gs"
			 : : "m"(gdtr), "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA), "r"(0) : "rax", "memory");
	wrmsr(MSR_GS_BASE, per_cpu_offset[cpu]);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
	__asm__ volatile("lldt %w0" : : "r"(0)); /* else there may be one at address 0, where programs could write it */
}

/*
 * LTR writes into the descriptor table, and the entry area maps that read-only: so the table is loaded by the kernel's
 * address first.
 */
void gdt_use_entry(unsigned int cpu, const struct entry_stacks *stacks)
{
	const struct cpu_tables *at = (const struct cpu_tables *)(stacks->page_at + ENTRY_TABLES);
	struct cpu_tables *t = (struct cpu_tables *)((char *)stacks->page + ENTRY_TABLES);
	struct table_register gdtr = { sizeof(t->gdt) - 1, (vaddr_t)t->gdt };

	static_assert(ENTRY_TABLES + sizeof(*t) <= PAGE_SIZE, "the page has room for the tables");
	tables_fill(t, cpu, at);
	for (unsigned int i = 0; i < NR_VECTOR_STACKS; i++)
		t->tss.ist[IST(i) - 1] = stacks->top[i] - IST_RESERVE;
	t->tss.rsp[0] = stacks->top[STACK_ENTRY];
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
	gdtr.base = (vaddr_t)at->gdt;
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
}

/*
 * For exceptions in the few instructions around SWAPGS, where GS may have the wrong base. Each CPU has a descriptor
 * table of its own, and the word in front of it is the base. With a wrong base a panic would take this CPU for another
 * one, and would stop it as one of "the others".
 */
void percpu_base_restore(void)
{
	struct table_register gdtr;
	vaddr_t base;

	__asm__ volatile("sgdt %0" : "=m"(gdtr));
	base = *((const vaddr_t *)gdtr.base - 1);
	if (rdmsr(MSR_GS_BASE) != base)
		wrmsr(MSR_GS_BASE, base);
}

void set_entry_stack(void *stack_top)
{
	this_cpu(cpu_tables).tss.rsp[0] = (vaddr_t)stack_top;
}

void gdt_finish_idt(gate_t *idt)
{
	idt[VECTOR_DOUBLE_FAULT][1] |= IST(STACK_DOUBLE_FAULT);
	idt[VECTOR_MACHINE_CHECK][1] |= IST(STACK_MACHINE_CHECK);
	idt[VECTOR_NMI][1] |= IST(STACK_NMI);
}

/* Long mode has no task gates: a double fault is reported on the page tables on which it happened. */
void arch_set_reference_cr3(phys_addr_t root __maybe_unused)
{
}
