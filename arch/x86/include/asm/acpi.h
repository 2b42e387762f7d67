/* SPDX-License-Identifier: MIT */
/*
 * The little of ACPI that this kernel needs: the list of CPUs, the PM timer, power off and reset. (ACPI specification
 * 6.5, chapter 5.) Lengths and checksums are checked before a table is used. AML is not interpreted.
 */
#pragma once

#include <arch/layout.h>

struct boot_info;

/* The header of every system description table. */
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
 * Find the root table and read the FADT. Boot CPU, once, needs arch_device_mapper. Without usable tables all functions
 * below find nothing.
 */
void acpi_init(const struct boot_info *boot);

/*
 * Map the first table with this signature; the whole table is readable and its checksum is right. Damaged tables are
 * reported and skipped. NULL: there is no such table. Unmap it with acpi_unmap().
 */
const struct acpi_header *acpi_find(const char *signature);
/* The same, from entry *entry of the root table on (first: 0). Moves *entry behind the table that was found. */
const struct acpi_header *acpi_next(const char *signature, unsigned int *entry);
/* The same for a table whose address another table holds. */
const struct acpi_header *acpi_map(u64 phys, const char *signature);
void acpi_unmap(const struct acpi_header *table);

/* The checksum of firmware's tables, MP tables included: is the sum of all bytes 0? Pure. */
bool acpi_sum_is_zero(const void *bytes, size_t len);

/* Is this the firmware of QEMU or Bochs? (Both have the OEM id BOCHS.) */
bool acpi_is_emulator(void);

/* The enabled processors that firmware names, in its order, each once; the boot CPU is one of them. */
struct acpi_cpus {
	u64 apic_phys;	 /* of the local APIC's registers; 0: not given */
	unsigned int nr; /* 0: there is no table */
	unsigned int dropped; /* number of enabled CPUs beyond MAX_CPUS */
	u32 apic_id[MAX_CPUS];
};
void acpi_read_cpus(struct acpi_cpus *cpus);

/* The same from a MADT of `len` bytes, header included. Boot CPU. */
void acpi_decode_madt(const struct acpi_header *table, size_t len, struct acpi_cpus *cpus);
/* Empty the list; add a CPU, unless the list has it already. */
void acpi_cpus_begin(struct acpi_cpus *cpus);
void acpi_add_cpu(struct acpi_cpus *cpus, u32 apic_id);

/* Read the FADT: called by acpi_init(). */
void acpi_fadt_init(void);

/*
 * What the FADT says about registers, after the choice between its older and its newer fields. Address 0: there is no
 * such register.
 */
struct acpi_fixed {
	bool hardware_reduced;
	u16 smi_port;
	u8 acpi_enable, reset_value;
	struct acpi_address pm1a, pm1b, pm_timer; /* not with hardware-reduced ACPI */
	struct acpi_address sleep, reset;
	u64 dsdt[2]; /* where to look, in this order */
};
/* From a FADT of `len` bytes, header included; fields beyond them count as 0. Pure. */
void acpi_decode_fadt(const struct acpi_header *table, size_t len, struct acpi_fixed *fixed);

/* The PM timer counts 24 bits at 3579545 Hz. */
bool acpi_has_pm_timer(void);
u32 acpi_read_pm_timer(void);

/* Make the machine power off, or reset. They return if ACPI gives no way, or if it did not work. */
void acpi_power_off(void);
void acpi_reset(void);

/* Find the two sleep types of the package \_S5 in AML. False: it is not there, or has another form. Pure. */
bool acpi_parse_s5(const u8 *aml, size_t len, u8 types[2]);
