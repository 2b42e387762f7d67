/* SPDX-License-Identifier: MIT */
/* The Serial Port Console Redirection table (Microsoft, revision 4) names the UART of the firmware's own console. */
#include <asm/acpi.h>
#include <asm/serial.h>
#include <kernel/printk.h>

struct acpi_spcr {
	struct acpi_header head;
	u8 interface, reserved1[3];
	struct acpi_address base;
	u8 interrupt_type, irq;
	u32 gsi;
	u8 baud;
} __packed;

/* Kinds of UARTs that uart.c can drive as a 16550: a full 16550, its subset, a 16550 at a generic address. */
static bool is_16550(u8 interface)
{
	return interface == 0x00 || interface == 0x01 || interface == 0x12;
}

/* 0: keep the firmware's speed, since the code names none, or one that a plain 16550 does not have. */
static unsigned int baud_of(u8 code)
{
	static const unsigned int speed[] = { [3] = 9600, [4] = 19200, [6] = 57600, [7] = 115200 };

	return code < ARRAY_SIZE(speed) ? speed[code] : 0;
}

/* Registers that are 32 bits wide lie 4 bytes apart. */
static unsigned int stride_of(const struct acpi_address *base)
{
	return base->space == ACPI_SPACE_MEMORY && (base->bit_width == 32 || base->access_size == 3) ? 4 : 1;
}

static bool read_place(const struct acpi_spcr *spcr, struct serial_place *place)
{
	if (spcr->base.space > ACPI_SPACE_IO || !is_16550(spcr->interface))
		return false;
	*place = (struct serial_place){
		spcr->base.space == ACPI_SPACE_IO ? SERIAL_PORT : SERIAL_MEMORY, spcr->base.address,
		stride_of(&spcr->base), baud_of(spcr->baud),
	};
	return serial_place_fits(place);
}

bool acpi_serial_console(struct serial_place *place)
{
	const struct acpi_spcr *spcr = (const struct acpi_spcr *)acpi_find("SPCR");
	bool whole = spcr && spcr->head.length >= sizeof(*spcr), usable = whole && read_place(spcr, place);

	if (whole && spcr->base.address && !usable) /* address 0: there is no console */
		pr_warn("ACPI: SPCR names a console of kind %u at %#llx, which is no 16550 that can be reached\n",
			spcr->interface, spcr->base.address);
	acpi_unmap((const struct acpi_header *)spcr);
	return usable;
}
