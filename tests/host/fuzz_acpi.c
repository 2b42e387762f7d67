/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for arch/x86/cpu/acpi/: the root pointer, the tables that it leads to, and what is read out of them.
 * Whatever the bytes are, nothing is read beyond a table and everything that was mapped is given back, but the root
 * table and the registers of the FADT; no CPU is listed twice, and an input of the largest size takes no time to speak
 * of.
 */
#include "tests/host/port/host.h"

#include <asm/acpi.h>
#include <asm/serial.h>
#include <kernel/boot_info.h>

#include "tests/host/fuzz_seed.h"

#define TABLES_AT 0x10000u
#define KEPT	  5 /* mappings: the root table, four registers */

static u8 memory[8192];
static u32 table_at[8], nr_tables;
static size_t used;

static void put(size_t at, u64 value, size_t size)
{
	memcpy(memory + at, &value, size);
}

/* A table with its header; returns where its body begins. */
static size_t add_table(const char *signature, size_t body)
{
	size_t at = used;

	table_at[nr_tables++] = (u32)at;
	memcpy(memory + at, signature, 4);
	put(at + 4, 36 + body, 4);
	memcpy(memory + at + 10, "KVASIR", 6);
	used += 36 + body;
	return at + 36;
}

static void add_madt(void)
{
	static const u8 entries[] = {
		0, 8, 0, 0, 1, 0, 0, 0,			    /* a CPU */
		0, 8, 1, 1, 0, 0, 0, 0,			    /* one that is off */
		9, 16, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,    /* x2APIC 1 */
		1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0,	    /* an I/O APIC */
		5, 12, 0, 0, 0, 0, 0xe0, 0xfe, 0, 0, 0, 0,	    /* another address of the APICs */
	};
	size_t body = add_table("APIC", 8 + sizeof(entries));

	put(body, 0xfee00000, 4);
	memcpy(memory + body + 8, entries, sizeof(entries));
}

static void add_aml(const char *signature)
{
	static const u8 s5[] = { 0x10, 0x20, 0x08, '_', 'S', '5', '_', 0x12, 0x0a, 4, 0x0a, 5, 0x0b, 5, 0, 0, 0 };
	size_t body = add_table(signature, sizeof(s5));

	memcpy(memory + body, s5, sizeof(s5));
}

static void add_fadt(u32 dsdt)
{
	size_t body = add_table("FACP", 268 - 36), fadt = body - 36;

	put(fadt + 40, dsdt, 4);
	put(fadt + 48, 0xb2, 4);      /* SMI port */
	put(fadt + 64, 0x604, 4);     /* PM1a control */
	put(fadt + 76, 0x608, 4);     /* PM timer */
	put(fadt + 112, 1u << 10, 4); /* reset supported */
	put(fadt + 116, 1, 1);	      /* in I/O space */
	put(fadt + 120, 0xcf9, 8);
}

/* 36 bytes of root pointer first; XSDT and RSDT lead to the same tables. */
static void make_good(void)
{
	size_t body, entries;

	memset(memory, 0, sizeof(memory));
	used = 64;
	nr_tables = 0;
	add_aml("DSDT");
	add_madt();
	add_fadt(TABLES_AT + table_at[0]);
	add_aml("SSDT");
	entries = nr_tables;
	body = add_table("XSDT", 8 * entries);
	for (size_t i = 0; i < entries; i++)
		put(body + 8 * i, TABLES_AT + table_at[i], 8);
	body = add_table("RSDT", 4 * entries);
	for (size_t i = 0; i < entries; i++)
		put(body + 4 * i, TABLES_AT + table_at[i], 4);
	memcpy(memory, "RSD PTR ", 8);
	put(15, 2, 1);
	put(16, TABLES_AT + table_at[nr_tables - 1], 4);
	put(20, 36, 4);
	put(24, TABLES_AT + table_at[nr_tables - 2], 8);
}

/* --- checksums: without them nothing is looked at ----------------------------------------------------------------- */

static void fix_sum(size_t from, size_t size, size_t sum_at)
{
	u8 sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += memory[from + i];
	memory[sum_at] -= sum;
}

static void fix_sums(void)
{
	for (unsigned int i = 0; i < nr_tables; i++) {
		u32 length;

		memcpy(&length, memory + table_at[i] + 4, 4);
		if (length >= 10 && length <= sizeof(memory) - table_at[i])
			fix_sum(table_at[i], length, table_at[i] + 9);
	}
	fix_sum(0, 20, 8);
	fix_sum(0, 36, 32);
}

/* --- reading them ------------------------------------------------------------------------------------------------- */

static void check_cpus(void)
{
	struct acpi_cpus cpus;

	acpi_read_cpus(&cpus);
	MUST(cpus.nr <= MAX_CPUS && (cpus.nr == MAX_CPUS || !cpus.dropped));
	for (unsigned int i = 0; i < cpus.nr; i++)
		for (unsigned int j = 0; j < i; j++)
			MUST(cpus.apic_id[i] != cpus.apic_id[j]);
}

static void check_tables(void)
{
	static const char *const names[] = { "APIC", "FACP", "SSDT", "SPCR", "XYZ " };

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		const struct acpi_header *table;
		unsigned int entry = 0;

		while ((table = acpi_next(names[i], &entry))) {
			MUST(table->length >= sizeof(*table) && memcmp(table->signature, names[i], 4) == 0);
			acpi_unmap(table);
		}
	}
}

static void check_console(void)
{
	struct serial_place place;

	if (acpi_serial_console(&place))
		MUST(place.address && place.stride &&
		     (place.kind == SERIAL_MEMORY || place.address + SERIAL_REGISTERS <= 0x10000));
}

static void read_all(const u8 *rsdp, unsigned int rsdp_len)
{
	struct boot_info boot = { .rsdp_len = rsdp_len };

	memcpy(boot.rsdp, rsdp, min((size_t)rsdp_len, sizeof(boot.rsdp)));
	host_device(TABLES_AT, memory, sizeof(memory));
	acpi_init(&boot);
	check_tables();
	check_cpus();
	check_console();
	MUST(host_device_maps() <= KEPT);
	host_device_forget();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int kind;

	bytes = data;
	nr_bytes = size;
	kind = next_byte();
	make_good();
	if (kind & 1)
		used = sizeof(memory); /* anything anywhere */
	change(memory, used);
	if (kind & 2)
		fix_sums();
	read_all(memory, kind & 4 ? 20 : 36);
	return 0;
}
