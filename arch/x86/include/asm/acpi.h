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
 * Map the first table with this signature; the whole table is readable and its checksum is right. Those that are damaged are
 * reported and passed over. NULL: there is none. Give it back with acpi_unmap().
 */
const struct acpi_header *acpi_find(const char *signature);
/* The same from an entry of the root table on: 0 first; afterwards *entry is behind the one that was found. */
const struct acpi_header *acpi_next(const char *signature, unsigned int *entry);
/* The same for a table whose address another table holds. */
const struct acpi_header *acpi_map(u64 phys, const char *signature);
void acpi_unmap(const struct acpi_header *table);

/* Is this the firmware of QEMU or Bochs (both sign as BOCHS)? */
bool acpi_is_emulator(void);

/* The processors of the MADT, enabled ones only, in its order, each once; the boot CPU is among them. */
struct acpi_cpus {
	u64 apic_phys;	 /* of the local APIC's registers; 0 = not given */
	unsigned int nr; /* 0: there is no MADT */
	unsigned int dropped; /* enabled, but beyond MAX_CPUS */
	u32 apic_id[MAX_CPUS];
};
void acpi_read_cpus(struct acpi_cpus *cpus);

/* Read the FADT: called by acpi_init(). */
void acpi_fadt_init(void);

/* I/O port of the PM timer, or 0. It counts 24 bits at 3579545 Hz. */
u16 acpi_pm_timer(void);

/* Ask the machine to power off, or to reset. They return when there is no way to ask, or when it did not help. */
void acpi_power_off(void);
void acpi_reset(void);

/* The two sleep types of the package \_S5 in a block of AML. False: it is not there, or has another form. Pure. */
bool acpi_parse_s5(const u8 *aml, size_t len, u8 types[2]);
