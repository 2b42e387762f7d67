/* SPDX-License-Identifier: MIT */
/*
 * Descriptor table and task state segments of one CPU, i386 and PAE.
 *
 * Double fault and machine check go through task gates, the only way to get a fresh stack without a change of ring. The
 * task's CR3 is the reference directory, so the report works even if the running directory was the reason. NMI is an
 * ordinary interrupt gate: a task gate would change CR3 and so hide a kernel entry that is missing in the running
 * directory.
 */
#include <arch/init.h>
#include <asm/cr.h>
#include <asm/irqflags.h>
#include <asm/percpu.h>
#include <asm/pti.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include "descriptors.h"

struct tss {
	u32 link;	       /* selector of the task that was interrupted */
	u32 sp0, ss0;	       /* stack for entering ring 0 from ring 3 */
	u32 ring12_stacks[4];
	u32 cr3, ip, flags;
	u32 ax, cx, dx, bx, sp, bp, si, di;
	u32 es, cs, ss, ds, fs, gs;
	u32 ldt;
	u16 trap, iomap; /* iomap: offset of the I/O map; beyond the limit: there is none */
} __packed;

/* A TSS must not lie across two pages unless these are adjacent in physical memory. With this alignment none does. */
struct cpu_tables {
	struct tss tss __aligned(128);
	struct tss double_fault __aligned(128);
	struct tss machine_check __aligned(128);
	u64 gdt[NR_GDT_ENTRIES];
};

DEFINE_PER_CPU(struct cpu_tables, cpu_tables); /* trap_entry_pti_32.S reads the thread's stack there */

/* With page-table isolation the CPU uses those of the entry area. */
static struct cpu_tables *tables_in_use(void)
{
	struct entry_page *page = raw_cpu_ptr(&cpu_roots)->page;

	return page ? (struct cpu_tables *)((char *)page + ENTRY_TABLES) : raw_cpu_ptr(&cpu_tables);
}

/* 0 until arch_set_reference_cr3(): until then the tasks use the boot tables. */
static u32 reference_cr3;

void arch_set_reference_cr3(phys_addr_t root)
{
	unsigned int cpu;

	reference_cr3 = root;
	for (cpu = 0; cpu < MAX_CPUS; cpu++)
		if (per_cpu_offset[cpu]) {
			per_cpu(cpu_tables, cpu).double_fault.cr3 = root;
			per_cpu(cpu_tables, cpu).machine_check.cr3 = root;
		}
}

/* The CPU saved the interrupted registers in the TSS of the interrupted task, and the selector of that in own->link. */
static const struct tss *interrupted_task(struct cpu_tables *t, const struct tss *own)
{
	switch (own->link & 0xffff) {
	case SEL_DF_TSS:
		return &t->double_fault;
	case SEL_MC_TSS:
		return &t->machine_check;
	default:
		return &t->tss;
	}
}

static void __noreturn report(unsigned long vector, const struct tss *own)
{
	const struct tss *old = interrupted_task(tables_in_use(), own);
	struct trap_frame frame = {
		.di = old->di, .si = old->si, .bp = old->bp, .bx = old->bx, .dx = old->dx, .cx = old->cx, .ax = old->ax,
		.ds = old->ds, .es = old->es, .fs = old->fs, .gs = old->gs, .vector = vector,
		.ip = old->ip, .cs = old->cs, .flags = old->flags, .sp = old->sp, .ss = old->ss,
	};

	write_flags(FLAGS_FIXED); /* clears "nested task", with which an IRET would switch tasks */
	trap_dispatch(&frame);
	panic("%s: the report returned", exception_name(vector));
}

static void __noreturn double_fault_task(void)
{
	report(VECTOR_DOUBLE_FAULT, &tables_in_use()->double_fault);
}

static void __noreturn machine_check_task(void)
{
	report(VECTOR_MACHINE_CHECK, &tables_in_use()->machine_check);
}

static struct tss task(void (*fn)(void), vaddr_t stack_top)
{
	return (struct tss){
		.cr3 = reference_cr3 ? reference_cr3 : read_cr3(),
		.ip = (u32)fn, .flags = FLAGS_FIXED, .sp = stack_top,
		.cs = SEL_KERNEL_CODE, .ss = SEL_KERNEL_DATA, .ds = SEL_KERNEL_DATA, .es = SEL_KERNEL_DATA,
		.fs = SEL_PERCPU, .iomap = sizeof(struct tss),
	};
}

static u64 task_descriptor(const struct tss *tss)
{
	return descriptor((u32)tss, sizeof(*tss) - 1, DESC_PRESENT_TSS, 0);
}

/* at: where the CPU will find the tables. */
static void tables_fill(struct cpu_tables *t, unsigned int cpu, const struct cpu_tables *at)
{
	u32 ring3 = DESC_RING3, flat = DESC_PAGES | DESC_32BIT;

	t->tss.iomap = sizeof(t->tss);
	t->tss.ss0 = SEL_KERNEL_DATA;
	t->double_fault = task(double_fault_task, per_cpu(own_stack_top, cpu)[STACK_DOUBLE_FAULT]);
	t->machine_check = task(machine_check_task, per_cpu(own_stack_top, cpu)[STACK_MACHINE_CHECK]);

	t->gdt[SEL_KERNEL_CODE / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_CODE, flat);
	t->gdt[SEL_KERNEL_DATA / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_DATA, flat);
	t->gdt[SEL_USER_CODE32 / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_CODE | ring3, flat);
	t->gdt[SEL_USER_DATA / 8] = descriptor(0, DESC_NO_LIMIT, DESC_PRESENT_DATA | ring3, flat);
	t->gdt[SEL_PERCPU / 8] = descriptor(per_cpu_offset[cpu], DESC_NO_LIMIT, DESC_PRESENT_DATA, flat);
	t->gdt[SEL_TSS / 8] = task_descriptor(&at->tss);
	t->gdt[SEL_DF_TSS / 8] = task_descriptor(&at->double_fault);
	t->gdt[SEL_MC_TSS / 8] = task_descriptor(&at->machine_check);
}

void gdt_load(unsigned int cpu)
{
	struct cpu_tables *t = &per_cpu(cpu_tables, cpu);
	struct table_register gdtr = { sizeof(t->gdt) - 1, (vaddr_t)t->gdt };

	tables_fill(t, cpu, t);
	__asm__ volatile("lgdt %0\n\t"
			 "ljmp %1, $1f\n"
			 "1:\tmov %2, %%ss\n\t"
			 "mov %2, %%ds\n\t"
			 "mov %2, %%es\n\t"
			 "mov %3, %%fs\n\t"
			 "mov %4, %%gs\n\t"
			 "ltr %w5"
			 : : "m"(gdtr), "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA), "r"(SEL_PERCPU), "r"(0),
			     "r"(SEL_TSS) : "memory");
	__asm__ volatile("lldt %w0" : : "r"(0)); /* else there may be one at address 0, where programs could write it */
}

void gdt_use_entry(unsigned int cpu, const struct entry_stacks *stacks)
{
	struct cpu_tables *at = (struct cpu_tables *)(stacks->page_at + ENTRY_TABLES);
	struct cpu_tables *t = (struct cpu_tables *)((char *)stacks->page + ENTRY_TABLES);
	struct table_register gdtr = { sizeof(t->gdt) - 1, (vaddr_t)at->gdt };

	static_assert(ENTRY_TABLES + sizeof(*t) <= PAGE_SIZE, "the page has room for the tables");
	tables_fill(t, cpu, at);
	t->tss.sp0 = stacks->top[STACK_ENTRY];
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

/* The entry code loads FS from the descriptor table each time, so the base cannot be wrong. */
void percpu_base_restore(void)
{
}

void set_entry_stack(void *stack_top)
{
	this_cpu(cpu_tables).tss.sp0 = (u32)stack_top;
}

void gdt_finish_idt(gate_t *idt)
{
	idt[VECTOR_DOUBLE_FAULT][0] = SEL_DF_TSS << 16;
	idt[VECTOR_DOUBLE_FAULT][1] = GATE_TASK;
	idt[VECTOR_MACHINE_CHECK][0] = SEL_MC_TSS << 16;
	idt[VECTOR_MACHINE_CHECK][1] = GATE_TASK;
}
