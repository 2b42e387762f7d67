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

/* Firmware may name a CPU in an entry of each kind. */
static void add_cpu(struct acpi_cpus *cpus, u32 apic_id, u32 flags)
{
	if (!(flags & CPU_ENABLED))
		return;
	for (unsigned int i = 0; i < cpus->nr; i++)
		if (cpus->apic_id[i] == apic_id)
			return;
	if (cpus->nr < MAX_CPUS)
		cpus->apic_id[cpus->nr++] = apic_id;
	else
		cpus->dropped++;
}

static void read_entry(struct acpi_cpus *cpus, const struct madt_entry *entry)
{
	if (entry->type == ENTRY_APIC && entry->length >= sizeof(struct entry_apic)) {
		const struct entry_apic *e = (const struct entry_apic *)entry;

		add_cpu(cpus, e->apic_id, e->flags);
	} else if (entry->type == ENTRY_X2APIC && entry->length >= sizeof(struct entry_x2apic)) {
		const struct entry_x2apic *e = (const struct entry_x2apic *)entry;

		add_cpu(cpus, e->apic_id, e->flags);
	} else if (entry->type == ENTRY_APIC_ADDRESS && entry->length >= sizeof(struct entry_apic_address)) {
		cpus->apic_phys = ((const struct entry_apic_address *)entry)->phys;
	}
}

void acpi_read_cpus(struct acpi_cpus *cpus)
{
	const struct acpi_header *header = acpi_find("APIC");
	const u8 *p, *end;

	memset(cpus, 0, sizeof(*cpus));
	if (!header || header->length < sizeof(struct madt)) {
		acpi_unmap(header);
		return;
	}
	cpus->apic_phys = ((const struct madt *)header)->apic_phys;
	p = (const u8 *)header + sizeof(struct madt);
	end = (const u8 *)header + header->length;
	while ((size_t)(end - p) >= sizeof(struct madt_entry)) {
		const struct madt_entry *entry = (const struct madt_entry *)p;

		if (entry->length < sizeof(*entry) || entry->length > end - p) {
			printk("ACPI: the MADT is broken at byte %d, the rest is ignored\n",
			       (int)(p - (const u8 *)header));
			break;
		}
		read_entry(cpus, entry);
		p += entry->length;
	}
	acpi_unmap(header);
}
