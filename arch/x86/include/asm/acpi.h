/* SPDX-License-Identifier: MIT */
/*
 * The little of ACPI that this kernel needs: the list of CPUs, the PM timer, power off and reset. (ACPI specification
 * 6.5, chapter 5.) Every length and every checksum is looked at before a byte is believed, and nothing is interpreted.
 */
#pragma once

#include <arch/layout.h>

struct boot_info;

/* What every system description table starts with. */
struct acpi_header {
	char signature[4];
	u32 length; /* of the whole table, header included */
	u8 revision, checksum;
	char oem_id[6], oem_table_id[8];
	u32 oem_revision, creator_id, creator_revision;
} __packed;

/* An address in memory (space 0) or I/O space (1). */
struct acpi_address {
	u8 space, bit_width, bit_offset, access_size;
	u64 address;
} __packed;

#define ACPI_SPACE_MEMORY 0
#define ACPI_SPACE_IO	  1

/*
 * Find the root table and read the FADT. Boot CPU, once, needs arch_device_mapper. Without usable tables everything
 * below answers that there is nothing.
 */
void acpi_init(const struct boot_info *boot);

/*
 * Map the first table with this signature; the whole table is readable and its checksum is right. Those that are
 * damaged are reported and passed over. NULL: there is none. Give it back with acpi_unmap().
 */
const struct acpi_header *acpi_find(const char *signature);
/* The same from an entry of the root table on: 0 first; afterwards *entry is behind the one that was found. */
const struct acpi_header *acpi_next(const char *signature, unsigned int *entry);
/* The same for a table whose address another table holds. */
const struct acpi_header *acpi_map(u64 phys, const char *signature);
void acpi_unmap(const struct acpi_header *table);

/* The checksum of firmware's tables, those of MP among them: all bytes add up to 0. Pure. */
bool acpi_sum_is_zero(const void *bytes, size_t len);

/* Is this the firmware of QEMU or Bochs (both sign as BOCHS)? */
bool acpi_is_emulator(void);

/* The processors that firmware names, enabled ones only, in its order, each once; the boot CPU is among them. */
struct acpi_cpus {
	u64 apic_phys;	 /* of the local APIC's registers; 0 = not given */
	unsigned int nr; /* 0: there is no table */
	unsigned int dropped; /* enabled, but beyond MAX_CPUS */
	u32 apic_id[MAX_CPUS];
};
void acpi_read_cpus(struct acpi_cpus *cpus);

/* The same from the bytes of a MADT, of which there are `len`, its header among them. Boot CPU. */
void acpi_decode_madt(const struct acpi_header *table, size_t len, struct acpi_cpus *cpus);
/* Enter one CPU, unless it is there. */
void acpi_cpus_begin(struct acpi_cpus *cpus);
void acpi_add_cpu(struct acpi_cpus *cpus, u32 apic_id);

/* Read the FADT: called by acpi_init(). */
void acpi_fadt_init(void);

/*
 * What the FADT says about registers, where its older and its newer fields have been decided between. Address 0: there
 * is none.
 */
struct acpi_fixed {
	bool hardware_reduced;
	u16 smi_port;
	u8 acpi_enable, reset_value;
	struct acpi_address pm1a, pm1b, pm_timer; /* not with hardware-reduced ACPI */
	struct acpi_address sleep, reset;
	u64 dsdt[2]; /* where to look, in this order */
};
/* From the bytes of a FADT, of which there are `len`, its header among them; what lies behind them is 0. Pure. */
void acpi_decode_fadt(const struct acpi_header *table, size_t len, struct acpi_fixed *fixed);

/* The PM timer counts 24 bits at 3579545 Hz. */
bool acpi_has_pm_timer(void);
u32 acpi_read_pm_timer(void);

/* Ask the machine to power off, or to reset. They return when there is no way to ask, or when it did not help. */
void acpi_power_off(void);
void acpi_reset(void);

/* The two sleep types of the package \_S5 in a block of AML. False: it is not there, or has another form. Pure. */
bool acpi_parse_s5(const u8 *aml, size_t len, u8 types[2]);
