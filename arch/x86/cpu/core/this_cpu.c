/* SPDX-License-Identifier: MIT */
/* What other chambers ask about the CPU on which they run, and the device mapper that main.c hands in. */
#include <arch/cpu.h>
#include <arch/init.h>
#include <asm/cpuid.h>
#include <asm/msr.h>
#include <asm/trap.h>
#include <kernel/percpu.h>

DEFINE_PER_CPU(unsigned int, cpu_number);
DEFINE_PER_CPU(vaddr_t, own_stack_top[NR_OWN_STACKS]);

const struct device_mapper *arch_device_mapper;

void arch_set_device_mapper(const struct device_mapper *mapper)
{
	arch_device_mapper = mapper;
}

void arch_cpu_stop(void)
{
	for (;;)
		__asm__ volatile("cli\n\thlt" : : : "memory");
}

u64 arch_cycles(void)
{
	return boot_cpu.tsc ? rdtsc() : 0;
}
