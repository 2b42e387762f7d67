/* SPDX-License-Identifier: MIT */
/*
 * What the FADT gives: the PM timer, and the registers by which ../start/acpi_power.c powers off and resets. All of it
 * is read and mapped at boot, so that the last steps of a run, which may be those of a panic, need no memory and no
 * tables. (ACPI 6.5, 5.2.9 and 4.8.)
 */
#include <arch/init.h>
#include <asm/acpi.h>
#include <kernel/printk.h>
#include <lib/string.h>
#include "acpi_ready.h"

struct fadt {
	struct acpi_header header;
	u32 facs, dsdt;
	u8 reserved0, profile;
	u16 sci_irq;
	u32 smi_port;
	u8 acpi_enable, acpi_disable, s4bios, pstate;
	u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
	u8 lengths[8];
	u16 latencies[4];
	u8 offsets[5];
	u16 boot_flags;
	u8 reserved1;
	u32 flags;
	struct acpi_address reset_register;
	u8 reset_value;
	u16 arm_flags;
	u8 minor_revision;
	u64 x_facs, x_dsdt;
	struct acpi_address x_blocks[8];
	struct acpi_address sleep_control, sleep_status;
} __packed;

static_assert(sizeof(struct fadt) == 268, "the FADT as the specification has it");

#define FADT_RESET_SUPPORTED  (1U << 10)
#define FADT_HARDWARE_REDUCED (1U << 20)

struct acpi_ready acpi_ready __ro_after_init;

/* --- what the table says ------------------------------------------------------------------------------------------ */

static bool usable(const struct acpi_address *a)
{
	return a->address && ((a->space == ACPI_SPACE_IO && a->address <= 0xffff) ||
			      (a->space == ACPI_SPACE_MEMORY && a->address < arch_phys_limit()));
}

/* The newer field if it is usable, else the older one. (ACPI 6.5, table 5.9.) */
static struct acpi_address choose(const struct acpi_address *newer, u32 older)
{
	struct acpi_address port = { .space = ACPI_SPACE_IO, .address = older };

	if (usable(newer))
		return *newer;
	return usable(&port) ? port : (struct acpi_address){ 0 };
}

enum { X_PM1A_CONTROL = 2, X_PM1B_CONTROL = 3, X_PM_TIMER = 5 }; /* in x_blocks */

void acpi_decode_fadt(const struct acpi_header *table, size_t len, struct acpi_fixed *fixed)
{
	struct fadt f = { 0 };

	memcpy(&f, table, min(len, sizeof(f)));
	*fixed = (struct acpi_fixed){
		.hardware_reduced = f.flags & FADT_HARDWARE_REDUCED, .reset_value = f.reset_value,
	};
	fixed->dsdt[0] = f.x_dsdt ? f.x_dsdt : f.dsdt;
	fixed->dsdt[1] = f.x_dsdt ? f.dsdt : 0;
	if (f.flags & FADT_RESET_SUPPORTED)
		fixed->reset = choose(&f.reset_register, 0);
	if (fixed->hardware_reduced) {
		fixed->sleep = choose(&f.sleep_control, 0);
		return;
	}
	fixed->smi_port = f.smi_port <= 0xffff ? (u16)f.smi_port : 0;
	fixed->acpi_enable = f.acpi_enable;
	fixed->pm1a = choose(&f.x_blocks[X_PM1A_CONTROL], f.pm1a_control);
	fixed->pm1b = choose(&f.x_blocks[X_PM1B_CONTROL], f.pm1b_control);
	fixed->pm_timer = choose(&f.x_blocks[X_PM_TIMER], f.pm_timer);
}

/* --- registers ---------------------------------------------------------------------------------------------------- */

static struct ready_register make_ready(const struct acpi_address *a, unsigned int bytes)
{
	struct ready_register r = { 0 };

	if (a->address && a->space == ACPI_SPACE_IO)
		r.port = (u16)a->address;
	else if (a->address)
		r.mapped = arch_device_mapper->map((phys_addr_t)a->address, bytes, MEMTYPE_UC_MINUS);
	return r;
}

/* --- reading it at boot ------------------------------------------------------------------------------------------- */

static bool s5_from(const struct acpi_header *table)
{
	bool found =
		table && acpi_parse_s5((const u8 *)(table + 1), table->length - sizeof(*table), acpi_ready.s5_types);

	acpi_unmap(table);
	return found;
}

/* \_S5 is usually in the DSDT, sometimes in an SSDT. */
static bool find_s5(const u64 dsdt[2])
{
	const struct acpi_header *ssdt;
	unsigned int entry = 0;

	if (s5_from(acpi_map(dsdt[0], "DSDT")) || s5_from(acpi_map(dsdt[1], "DSDT")))
		return true;
	while ((ssdt = acpi_next("SSDT", &entry)))
		if (s5_from(ssdt))
			return true;
	return false;
}

static void say_what_is_missing(const struct acpi_fixed *fixed)
{
	if (!register_is_there(fixed->hardware_reduced ? &acpi_ready.sleep : &acpi_ready.pm1a))
		pr_warn("ACPI: no %s register, so this machine cannot be switched off by software\n",
			fixed->hardware_reduced ? "sleep control (hardware-reduced ACPI)" : "PM1a control");
	else if (!acpi_ready.s5)
		pr_warn("ACPI: no \\_S5, so this machine cannot be switched off by software\n");
}

void acpi_fadt_init(void)
{
	const struct acpi_header *table = acpi_find("FACP");
	struct acpi_fixed fixed;

	memset(&acpi_ready, 0, sizeof(acpi_ready));
	if (!table)
		return;
	acpi_decode_fadt(table, table->length, &fixed);
	acpi_unmap(table);
	acpi_ready.smi_port = fixed.smi_port;
	acpi_ready.acpi_enable = fixed.acpi_enable;
	acpi_ready.reset_value = fixed.reset_value;
	acpi_ready.pm_timer = make_ready(&fixed.pm_timer, 4);
	acpi_ready.pm1a = make_ready(&fixed.pm1a, 2);
	acpi_ready.pm1b = make_ready(&fixed.pm1b, 2);
	acpi_ready.sleep = make_ready(&fixed.sleep, 1);
	acpi_ready.reset = make_ready(&fixed.reset, 1);
	acpi_ready.s5 = find_s5(fixed.dsdt);
	say_what_is_missing(&fixed);
}

/* --- using it ----------------------------------------------------------------------------------------------------- */

bool acpi_has_pm_timer(void)
{
	return register_is_there(&acpi_ready.pm_timer);
}

u32 acpi_read_pm_timer(void)
{
	return acpi_ready.pm_timer.port ? inl(acpi_ready.pm_timer.port) : readl(acpi_ready.pm_timer.mapped);
}
