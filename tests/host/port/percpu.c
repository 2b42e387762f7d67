/* SPDX-License-Identifier: MIT */
/* Per-CPU areas: port.ld gathers the template, as the kernel's linker script does, and each CPU gets a copy. */
#include "tests/host/port/port.h"
#include "tests/host/port/host.h"

#include <stdlib.h>

vaddr_t per_cpu_offset[MAX_CPUS];
cpumask_t __cpu_online_mask, __cpu_possible_mask;
static char *areas; /* PERCPU_STRIDE apart, as on the machine, in the order of the CPUs */

__thread unsigned int host_cpu;
__thread bool host_irqs_on = true;
__thread unsigned int host_trap_depth;
__thread bool host_in_nmi;

size_t percpu_area_size(void) { return __percpu_end - __percpu_start; }

/* Byte by byte and unchecked: between the variables lie the red zones that the address sanitizer has put there. */
__attribute__((no_sanitize("address", "thread")))
static void copy_template(volatile char *to)
{
	for (const volatile char *from = __percpu_start; from != __percpu_end; from++)
		*to++ = *from;
}

void percpu_area_init(unsigned int cpu, void *new_area)
{
	BUG_ON(percpu_area_size() > PERCPU_UNIT_SIZE);
	copy_template(new_area);
	per_cpu_offset[cpu] = (vaddr_t)new_area - (vaddr_t)__percpu_start;
}

void host_percpu_init(u64 cpu_mask)
{
	char *area;

	free(areas);
	area = areas = aligned_alloc(PAGE_SIZE, MAX_CPUS * PERCPU_STRIDE);
	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++) {
		per_cpu_offset[cpu] = 0;
		cpumask_clear(&__cpu_online_mask, cpu);
		cpumask_clear(&__cpu_possible_mask, cpu);
		if (!(cpu_mask >> cpu & 1))
			continue;
		percpu_area_init(cpu, area);
		area += PERCPU_STRIDE;
		cpumask_set(&__cpu_possible_mask, cpu);
		cpumask_set(&__cpu_online_mask, cpu);
	}
}

unsigned int host_run_on(unsigned int cpu)
{
	unsigned int was = host_cpu;

	BUG_ON(cpu >= MAX_CPUS || !per_cpu_offset[cpu]);
	host_cpu = cpu;
	return was;
}
