/* SPDX-License-Identifier: MIT */
/* One CPU's start: per-CPU area, descriptor tables, control registers. */
#include <arch/init.h>
#include <arch/irq.h>
#include <asm/percpu.h>
#include <asm/pti.h>
#include <asm/restart.h>
#include <asm/stack.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <lib/string.h>
#include "arch/x86/cpu/core/descriptors.h"
#include "arch/x86/cpu/core/features.h"

static DEFINE_GUARDED_STACK(boot_own_stacks[NR_OWN_STACKS]);

extern char __boot_percpu_start[];
extern char trap_stubs[]; /* trap_entry_*.S: NR_VECTORS of them */

/* After this, this_cpu() gives this CPU's own data, and faults are reported. */
static void load_tables(unsigned int cpu)
{
	write_flags(FLAGS_FIXED);
	gdt_load(cpu);
	this_cpu(cpu_number) = cpu;
	if (per_cpu(cpu_roots, cpu).page)
		entry_area_use(cpu); /* first: the stubs of the area find the CPU's page by the stack */
	idt_load();
}

void arch_init_cpu(void)
{
	percpu_area_init(0, __boot_percpu_start);
	for (unsigned int i = 0; i < NR_OWN_STACKS; i++)
		per_cpu(own_stack_top, 0)[i] = guarded_stack_top(&boot_own_stacks[i]);
	idt_init((vaddr_t)trap_stubs);
	restart_init();
	load_tables(0);
	features_init();
	cpumask_set(&__cpu_possible_mask, 0);
	cpumask_set(&__cpu_online_mask, 0);
}

void arch_move_percpu(void *area)
{
	BUG_ON(!irqs_disabled());
	percpu_area_move(0, area);
	gdt_load(0); /* the segment, and the tables, which lie in the area */
	memset(__boot_percpu_start, PERCPU_LEFT, percpu_area_size());
}

bool arch_init_ap(unsigned int cpu)
{
	load_tables(cpu);
	return features_init_ap();
}
