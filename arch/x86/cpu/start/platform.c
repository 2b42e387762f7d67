/* SPDX-License-Identifier: MIT */
/* The machine around the CPU, in the order in which its parts need each other. */
#include <arch/init.h>
#include <asm/acpi.h>
#include <asm/cpuid.h>
#include <asm/mptable.h>
#include <asm/console_driver.h>
#include <asm/platform.h>
#include <kernel/printk.h>

#define CPUID_SEVERAL (1U << 28) /* leaf 1, EDX: a package may have several CPUs; EBX says how many ids it has */

static void read_mptable(struct acpi_cpus *cpus)
{
	struct cpuid_regs r = boot_cpu.apic ? cpuid_raw(1, 0) : (struct cpuid_regs){ 0 };

	mptable_read_cpus(cpus);
	if (r.edx & CPUID_SEVERAL)
		mptable_add_siblings(cpus, r.ebx >> 16 & 0xff);
}

void arch_init_platform(const struct boot_info *boot)
{
	struct acpi_cpus cpus;

	if (hypervisor_name())
		printk("hypervisor: %s\n", hypervisor_name());
	acpi_init(boot);
	serial_ask_firmware();
	acpi_read_cpus(&cpus);
	if (!cpus.nr)
		read_mptable(&cpus);
	pic_init();
	if (!apic_init(&cpus)) {
		printk("APIC: none, one CPU and the PIT's tick\n");
		cpus.nr = 0;
	}
	timer_init();
	smp_init(boot, &cpus);
}
