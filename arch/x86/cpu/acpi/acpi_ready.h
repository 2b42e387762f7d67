/* SPDX-License-Identifier: MIT */
/*
 * The registers that the FADT names. acpi_fadt.c finds them; ../start/acpi_power.c writes to them.
 */
#pragma once

#include <asm/io.h>
#include <lib/types.h>

/* A register, ready to be used. */
struct ready_register {
	u16 port;		/* 0: the register is in memory */
	volatile void *mapped;	/* port 0 and NULL: there is no register */
};

/* What the FADT gives, read at boot. */
extern struct acpi_ready {
	struct ready_register pm_timer, pm1a, pm1b, sleep, reset;
	u16 smi_port;
	u8 acpi_enable, reset_value;
	u8 s5_types[2];
	bool s5;
} acpi_ready;

static inline bool register_is_there(const struct ready_register *r)
{
	return r->port || r->mapped;
}

static inline void register_write_8(const struct ready_register *r, u8 value)
{
	if (r->port)
		outb(value, r->port);
	else if (r->mapped)
		writeb(value, r->mapped);
}

static inline u16 register_read_16(const struct ready_register *r)
{
	return r->port ? inw(r->port) : readw(r->mapped);
}

static inline void register_write_16(const struct ready_register *r, u16 value)
{
	if (r->port)
		outw(value, r->port);
	else
		writew(value, r->mapped);
}
