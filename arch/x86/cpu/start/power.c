/* SPDX-License-Identifier: MIT */
/*
 * The ways to end: an exit code for QEMU, power off, reset. The ports that power off an emulator belong to other
 * devices on real machines, so they are written only in an emulator. If the machine cannot be switched off, the kernel
 * says so and halts.
 */
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/acpi.h>
#include <asm/console_driver.h>
#include <asm/io.h>
#include <asm/platform.h>
#include <kernel/printk.h>

#define QEMU_EXIT_PORT 0xf4 /* isa-debug-exit; QEMU's status is code * 2 + 1 */
#define QEMU_PM1A      0x604
#define OLD_QEMU_PM1A  0xb004
#define PM1A_S5	       0x2000
#define BOCHS_SHUTDOWN 0x8900

#define I8042_COMMAND	 0x64
#define I8042_INPUT_FULL 0x02
#define I8042_RESET	 0xfe
#define I8042_POLLS	 20000

/* The device reads as 0. Without it a read gives all ones. */
bool arch_in_qemu(void)
{
	return qemu_present() && inb(QEMU_EXIT_PORT) == 0;
}

void arch_exit(unsigned int code)
{
	console_drain();
	if (arch_in_qemu())
		outb((u8)code, QEMU_EXIT_PORT);
	arch_power_off();
}

static void emulator_power_off(void)
{
	outw(PM1A_S5, QEMU_PM1A);
	outw(PM1A_S5, OLD_QEMU_PM1A);
	for (const char *p = "Shutdown"; *p; p++)
		outb((u8)*p, BOCHS_SHUTDOWN);
}

void arch_power_off(void)
{
	local_irq_disable();
	console_drain();
	acpi_power_off();
	if (qemu_present() || bochs_present() || acpi_is_emulator())
		emulator_power_off();
	printk("This machine cannot be switched off by software. It is safe to do it by hand.\n");
	console_drain();
	arch_cpu_stop();
}

static void i8042_reset(void)
{
	for (unsigned int i = 0; i < I8042_POLLS && (inb(I8042_COMMAND) & I8042_INPUT_FULL); i++)
		cpu_relax();
	outb(I8042_RESET, I8042_COMMAND);
	arch_udelay(50000);
}

/* A breakpoint without an interrupt table ends in a triple fault, which resets the CPU. */
static void triple_fault(void)
{
	static const struct {
		u16 limit;
		vaddr_t base;
	} __packed no_table;

	__asm__ volatile("lidt %0\n\tint3" : : "m"(no_table));
}

void arch_reboot(void)
{
	local_irq_disable();
	console_drain();
	acpi_reset();
	i8042_reset();
	triple_fault();
	arch_cpu_stop();
}
