/* SPDX-License-Identifier: MIT */
/* Powering off and resetting by ACPI's registers (ACPI 6.5, 4.8). */
#include <arch/irq.h>
#include <asm/acpi.h>
#include "arch/x86/cpu/acpi/acpi_ready.h"

#define PM1_SCI_ENABLED	 0x0001
#define PM1_SLEEP_TYPE	 0x1c00
#define PM1_SLEEP_ENABLE 0x2000
#define SLEEP_ENABLE	 0x20 /* sleep control register of hardware-reduced ACPI; its type is in bits 2..4 */

static bool in_acpi_mode(void)
{
	return register_read_16(&acpi_ready.pm1a) & PM1_SCI_ENABLED;
}

/* The PM1 registers obey the kernel only in ACPI mode. The machine may still be in legacy mode. */
static void enter_acpi_mode(void)
{
	if (in_acpi_mode() || !acpi_ready.smi_port || !acpi_ready.acpi_enable)
		return;
	outb(acpi_ready.acpi_enable, acpi_ready.smi_port);
	arch_wait_until(in_acpi_mode, 1000000);
}

static void pm1_sleep(const struct ready_register *control, u8 type)
{
	u16 value = register_read_16(control) & ~(PM1_SLEEP_TYPE | PM1_SLEEP_ENABLE);

	register_write_16(control, value | (u16)(type & 7) << 10 | PM1_SLEEP_ENABLE);
}

void acpi_power_off(void)
{
	if (!acpi_ready.s5)
		return;
	if (register_is_there(&acpi_ready.pm1a)) {
		enter_acpi_mode();
		pm1_sleep(&acpi_ready.pm1a, acpi_ready.s5_types[0]);
		if (register_is_there(&acpi_ready.pm1b))
			pm1_sleep(&acpi_ready.pm1b, acpi_ready.s5_types[1]);
	} else {
		register_write_8(&acpi_ready.sleep, (u8)((acpi_ready.s5_types[0] & 7) << 2 | SLEEP_ENABLE));
	}
	arch_udelay(500000); /* powering off takes a moment */
}

void acpi_reset(void)
{
	register_write_8(&acpi_ready.reset, acpi_ready.reset_value);
	arch_udelay(50000);
}
