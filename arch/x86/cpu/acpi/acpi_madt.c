/* SPDX-License-Identifier: MIT */
/* The MADT: which processors there are and where their local APICs lie. (ACPI 6.5, 5.2.12.) */
#include <asm/acpi.h>
#include <kernel/printk.h>
#include <lib/string.h>

struct madt {
	struct acpi_header header;
	u32 apic_phys, flags;
} __packed;

enum { ENTRY_APIC = 0, ENTRY_APIC_ADDRESS = 5, ENTRY_X2APIC = 9 };

struct madt_entry {
	u8 type, length; /* length: the whole entry */
} __packed;

struct entry_apic {
	struct madt_entry head;
	u8 uid, apic_id;
	u32 flags;
} __packed;

struct entry_apic_address {
	struct madt_entry head;
	u16 reserved;
	u64 phys;
} __packed;

struct entry_x2apic {
	struct madt_entry head;
	u16 reserved;
	u32 apic_id, flags, uid;
} __packed;

#define CPU_ENABLED 1

/* Ids that mean "all CPUs" to the hardware, so an entry with such an id names no CPU. */
#define APIC_EVERYBODY	 0xff
#define X2APIC_EVERYBODY 0xffffffffu

/* --- the list: each CPU once -------------------------------------------------------------------------------------- */

#define SMALL_IDS 4096

/* The ids that were added, those included for which the list had no room. */
static u8 seen[SMALL_IDS / 8];

void acpi_cpus_begin(struct acpi_cpus *cpus)
{
	memset(cpus, 0, sizeof(*cpus));
	memset(seen, 0, sizeof(seen));
}

static bool is_listed(const struct acpi_cpus *cpus, u32 apic_id)
{
	if (apic_id < SMALL_IDS)
		return seen[apic_id / 8] & 1u << apic_id % 8;
	for (unsigned int i = 0; i < cpus->nr; i++)
		if (cpus->apic_id[i] == apic_id)
			return true;
	return false;
}

void acpi_add_cpu(struct acpi_cpus *cpus, u32 apic_id)
{
	if (is_listed(cpus, apic_id))
		return;
	if (apic_id < SMALL_IDS)
		seen[apic_id / 8] |= 1u << apic_id % 8;
	if (cpus->nr < MAX_CPUS)
		cpus->apic_id[cpus->nr++] = apic_id;
	else
		cpus->dropped++;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static bool is_cpu_entry(const struct madt_entry *entry)
{
	const struct entry_apic *e = (const struct entry_apic *)entry;

	return entry->type == ENTRY_APIC && entry->length >= sizeof(*e) && (e->flags & CPU_ENABLED) &&
	       e->apic_id != APIC_EVERYBODY;
}

static bool is_x2apic(const struct madt_entry *entry)
{
	const struct entry_x2apic *e = (const struct entry_x2apic *)entry;

	return entry->type == ENTRY_X2APIC && entry->length >= sizeof(*e) && (e->flags & CPU_ENABLED) &&
	       e->apic_id != X2APIC_EVERYBODY;
}

/* Returns the entry at *pos, and moves *pos behind it. NULL: the end, or no valid entry. */
static const struct madt_entry *next_entry(const struct acpi_header *table, size_t len, size_t *pos)
{
	const struct madt_entry *entry = (const struct madt_entry *)((const u8 *)table + *pos);

	if (len - *pos < sizeof(*entry) || entry->length < sizeof(*entry) || entry->length > len - *pos)
		return NULL;
	*pos += entry->length;
	return entry;
}

/*
 * Are there entries of local APICs? A CPU with an id below 255 has such an entry (ACPI 6.5, 5.2.12.12). So if there are
 * any, an x2APIC entry with a small id names a CPU that is not there. If all entries are x2APIC entries, they all
 * count.
 */
static bool has_apics(const struct acpi_header *table, size_t len)
{
	const struct madt_entry *entry;
	size_t pos = sizeof(struct madt);

	while ((entry = next_entry(table, len, &pos)))
		if (is_cpu_entry(entry))
			return true;
	return false;
}

static void read_entry(struct acpi_cpus *cpus, const struct madt_entry *entry, u32 least_x2apic)
{
	const struct entry_x2apic *x2apic = (const struct entry_x2apic *)entry;

	if (is_cpu_entry(entry))
		acpi_add_cpu(cpus, ((const struct entry_apic *)entry)->apic_id);
	else if (is_x2apic(entry) && x2apic->apic_id >= least_x2apic)
		acpi_add_cpu(cpus, x2apic->apic_id);
	else if (entry->type == ENTRY_APIC_ADDRESS && entry->length >= sizeof(struct entry_apic_address))
		cpus->apic_phys = ((const struct entry_apic_address *)entry)->phys;
}

void acpi_decode_madt(const struct acpi_header *table, size_t len, struct acpi_cpus *cpus)
{
	const struct madt_entry *entry;
	size_t pos = sizeof(struct madt);
	u32 least_x2apic;

	acpi_cpus_begin(cpus);
	if (len < sizeof(struct madt))
		return;
	least_x2apic = has_apics(table, len) ? APIC_EVERYBODY : 0;
	cpus->apic_phys = ((const struct madt *)table)->apic_phys;
	while ((entry = next_entry(table, len, &pos)))
		read_entry(cpus, entry, least_x2apic);
	if (len - pos >= sizeof(*entry))
		pr_warn("ACPI: the MADT is broken at byte %zu, the rest is ignored\n", pos);
}

void acpi_read_cpus(struct acpi_cpus *cpus)
{
	const struct acpi_header *table = acpi_find("APIC");

	acpi_decode_madt(table, table ? table->length : 0, cpus);
	acpi_unmap(table);
}
