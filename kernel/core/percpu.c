/* SPDX-License-Identifier: MIT */
/* Per-CPU areas: copies of the template .data..percpu. And the sets of online and of possible CPUs. */
#include <kernel/percpu.h>
#include <arch/init.h>
#include <kernel/cpumask.h>
#include <lib/string.h>

vaddr_t per_cpu_offset[MAX_CPUS] __ro_after_init;
cpumask_t __cpu_online_mask, __cpu_possible_mask;

/* Each CPU's copy holds that CPU's offset, which this_cpu_offset() reads. */
DEFINE_PER_CPU(vaddr_t, this_cpu_off);

size_t percpu_area_size(void)
{
	return (size_t)(__percpu_end - __percpu_start);
}

static void fill_cpu_area(unsigned int cpu, void *area, const void *from)
{
	memcpy(area, from, percpu_area_size());
	per_cpu_offset[cpu] = (vaddr_t)area - (vaddr_t)__percpu_start;
	per_cpu(this_cpu_off, cpu) = per_cpu_offset[cpu];
}

void percpu_area_init(unsigned int cpu, void *area)
{
	fill_cpu_area(cpu, area, __percpu_start);
}

void percpu_area_move(unsigned int cpu, void *area)
{
	fill_cpu_area(cpu, area, per_cpu_ptr(&__percpu_start[0], cpu));
}
