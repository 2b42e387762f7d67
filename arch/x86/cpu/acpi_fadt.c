/* SPDX-License-Identifier: MIT */
/*
 * What the FADT gives: the PM timer, and how to power off and to reset. All of it is read and mapped at boot, so that
 * the last steps of a run, which may be those of a panic, need no memory and no tables. (ACPI 6.5, 5.2.9 and 4.8.)
 */
#include <arch/init.h>
#include <arch/irq.h>
#include <asm/acpi.h>
#include <asm/io.h>
#include <kernel/printk.h>
#include <lib/string.h>

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

#define PM1_SCI_ENABLED	 0x0001
#define PM1_SLEEP_TYPE	 0x1c00
#define PM1_SLEEP_ENABLE 0x2000
#define SLEEP_ENABLE	 0x20 /* sleep control register of hardware-reduced ACPI; its type is in bits 2..4 */

/* A byte register, ready to be written. */
struct ready_register {
	u16 port;		 /* 0: in memory */
	volatile u8 *mapped; /* NULL too: there is none */
};

static struct {
	u16 pm_timer, smi_port, pm1a, pm1b;
	u8 acpi_enable, reset_value;
	u8 s5_types[2];
	bool s5;
	struct ready_register sleep, reset;
} fadt;

static struct ready_register make_ready(const struct acpi_address *a)
{
	struct ready_register r = { 0 };

	if (a->address == 0)
		return r;
	if (a->space == ACPI_SPACE_IO && a->address <= 0xffff)
		r.port = (u16)a->address;
	else if (a->space == ACPI_SPACE_MEMORY && a->address < arch_phys_limit())
		r.mapped = arch_device_mapper->map((phys_addr_t)a->address, 1, MEMTYPE_UC_MINUS);
	return r;
}

static void write_register(const struct ready_register *r, u8 value)
{
	if (r->port)
		outb(value, r->port);
	else if (r->mapped)
		writeb(value, r->mapped);
}

static bool s5_from(const struct acpi_header *table)
{
	bool found = table && acpi_parse_s5((const u8 *)(table + 1), table->length - sizeof(*table), fadt.s5_types);

	acpi_unmap(table);
	return found;
}

/* \_S5 stands in the DSDT as a rule, in an SSDT now and then. */
static bool find_s5(const struct fadt *f)
{
	const struct acpi_header *ssdt;
	unsigned int entry = 0;

	if (s5_from(acpi_map(f->x_dsdt ? f->x_dsdt : f->dsdt, "DSDT")))
		return true;
	while ((ssdt = acpi_next("SSDT", &entry)))
		if (s5_from(ssdt))
			return true;
	return false;
}

static u16 port_or_none(u32 address)
{
	return address <= 0xffff ? (u16)address : 0;
}

void acpi_fadt_init(void)
{
	const struct acpi_header *table = acpi_find("FACP");
	struct fadt f = { 0 };

	if (!table)
		return;
	memcpy(&f, table, min((size_t)table->length, sizeof(f)));
	acpi_unmap(table);
	if (f.flags & FADT_HARDWARE_REDUCED) {
		fadt.sleep = make_ready(&f.sleep_control);
	} else {
		fadt.pm_timer = port_or_none(f.pm_timer);
		fadt.smi_port = port_or_none(f.smi_port);
		fadt.acpi_enable = f.acpi_enable;
		fadt.pm1a = port_or_none(f.pm1a_control);
		fadt.pm1b = port_or_none(f.pm1b_control);
	}
	if (f.flags & FADT_RESET_SUPPORTED)
		fadt.reset = make_ready(&f.reset_register);
	fadt.reset_value = f.reset_value;
	fadt.s5 = find_s5(&f);
}

u16 acpi_pm_timer(void)
{
	return fadt.pm_timer;
}

/* The PM1 registers obey the system only in ACPI mode; firmware may still be in the older one. */
static void enter_acpi_mode(void)
{
	if ((inw(fadt.pm1a) & PM1_SCI_ENABLED) || !fadt.smi_port || !fadt.acpi_enable)
		return;
	outb(fadt.acpi_enable, fadt.smi_port);
	for (unsigned int ms = 0; ms < 1000 && !(inw(fadt.pm1a) & PM1_SCI_ENABLED); ms++)
		arch_udelay(1000);
}

static void pm1_sleep(u16 port, u8 type)
{
	u16 value = inw(port) & ~(PM1_SLEEP_TYPE | PM1_SLEEP_ENABLE);

	outw(value | (u16)(type & 7) << 10 | PM1_SLEEP_ENABLE, port);
}

void acpi_power_off(void)
{
	if (!fadt.s5)
		return;
	if (fadt.pm1a) {
		enter_acpi_mode();
		pm1_sleep(fadt.pm1a, fadt.s5_types[0]);
		if (fadt.pm1b)
			pm1_sleep(fadt.pm1b, fadt.s5_types[1]);
	} else {
		write_register(&fadt.sleep, (u8)((fadt.s5_types[0] & 7) << 2 | SLEEP_ENABLE));
	}
	arch_udelay(500000); /* it takes a moment */
}

void acpi_reset(void)
{
	write_register(&fadt.reset, fadt.reset_value);
	arch_udelay(50000);
}
