/* SPDX-License-Identifier: MIT */
/*
 * The processors of a machine without ACPI: the tables of the MultiProcessor Specification 1.4 (chapter 4). Boards for
 * two and four Pentiums or Pentium Pros have them.
 *
 *	"_MP_" in one of three places of the first MiB
 *	    ->  "PCMP": a header, then entries; or the number of a default configuration
 */
#include <arch/init.h>
#include <asm/acpi.h>
#include <asm/mptable.h>
#include <kernel/printk.h>
#include <lib/string.h>

struct mp_pointer {
	char signature[4];
	u32 table;
	u8 paragraphs, revision, checksum, default_board, features[4];
} __packed;

struct mp_table {
	char signature[4];
	u16 length;
	u8 revision, checksum;
	char oem[8], product[12];
	u32 oem_table;
	u16 oem_table_size, entries;
	u32 apic_phys;
	u16 extended_length;
	u8 extended_checksum, reserved;
} __packed;

struct mp_cpu {
	u8 type, apic_id, apic_version, flags;
	u32 signature, features, reserved[2];
} __packed;

static_assert(sizeof(struct mp_pointer) == 16 && sizeof(struct mp_table) == 44 && sizeof(struct mp_cpu) == 20,
	      "as the specification has them");

enum { ENTRY_CPU = 0, ENTRY_LAST = 4 };
#define OTHER_ENTRY_BYTES 8
#define CPU_ENABLED	  1
#define APIC_EVERYBODY	  0xff
#define APIC_DEFAULT	  0xfee00000

#define EBDA_SEGMENT 0x40e /* here the BIOS stores the EBDA's segment */
#define BASE_END     0xa0000
#define ROM	     0xf0000
#define ROM_BYTES    0x10000
#define KIB	     1024

/* An entry's size depends on its type, so the first entry of an unknown type ends the list. */
void mptable_decode(const void *bytes, size_t len, struct acpi_cpus *cpus)
{
	const struct mp_table *table = bytes;
	const u8 *p = (const u8 *)(table + 1), *end = (const u8 *)bytes + len;

	acpi_cpus_begin(cpus);
	cpus->apic_phys = table->apic_phys;
	for (unsigned int i = 0; i < table->entries && p < end && *p <= ENTRY_LAST; i++) {
		const struct mp_cpu *cpu = (const struct mp_cpu *)p;
		size_t size = *p == ENTRY_CPU ? sizeof(*cpu) : OTHER_ENTRY_BYTES;

		if (size > (size_t)(end - p))
			break;
		if (*p == ENTRY_CPU && (cpu->flags & CPU_ENABLED) && cpu->apic_id != APIC_EVERYBODY)
			acpi_add_cpu(cpus, cpu->apic_id);
		p += size;
	}
}

static const void *mp_bytes(u32 phys, u32 len)
{
	return arch_device_mapper->map(phys, len, MEMTYPE_WB);
}

static void unmap(const void *bytes)
{
	if (bytes)
		arch_device_mapper->unmap((void *)bytes);
}

static bool find_pointer_in(u32 phys, u32 len, struct mp_pointer *found)
{
	const u8 *bytes = phys ? mp_bytes(phys, len) : NULL;
	bool good = false;

	for (u32 i = 0; bytes && !good && i + sizeof(*found) <= len; i += sizeof(*found)) {
		memcpy(found, bytes + i, sizeof(*found));
		good = memcmp(found->signature, "_MP_", 4) == 0 && found->paragraphs == 1 &&
		       acpi_sum_is_zero(found, sizeof(*found));
	}
	unmap(bytes);
	return good;
}

static u32 ebda(void)
{
	const void *word = mp_bytes(EBDA_SEGMENT, sizeof(u16));
	u16 segment = 0;

	if (word)
		memcpy(&segment, word, sizeof(segment));
	unmap(word);
	return segment >= 0x8000 && segment < BASE_END >> 4 ? (u32)segment << 4 : 0;
}

static bool find_pointer(struct mp_pointer *found)
{
	u32 area = ebda();

	return find_pointer_in(area, min((u32)KIB, BASE_END - area), found) ||
	       find_pointer_in(BASE_END - KIB, KIB, found) || find_pointer_in(ROM, ROM_BYTES, found);
}

/* All default configurations have two CPUs. */
static void default_board(struct acpi_cpus *cpus)
{
	acpi_cpus_begin(cpus);
	cpus->apic_phys = APIC_DEFAULT;
	acpi_add_cpu(cpus, 0);
	acpi_add_cpu(cpus, 1);
}

static void read_table(u32 phys, struct acpi_cpus *cpus)
{
	const struct mp_table *head = mp_bytes(phys, sizeof(*head)), *table = NULL;
	u16 length = head && memcmp(head->signature, "PCMP", 4) == 0 ? head->length : 0;

	unmap(head);
	if (length >= sizeof(*head))
		table = mp_bytes(phys, length);
	if (table && acpi_sum_is_zero(table, length))
		mptable_decode(table, length, cpus);
	else
		pr_warn("MP table: the one at %#x is damaged, ignored\n", phys);
	unmap(table);
}

void mptable_add_siblings(struct acpi_cpus *cpus, unsigned int in_package)
{
	unsigned int listed = cpus->nr, all = 1;

	while (all < in_package)
		all *= 2;
	for (unsigned int i = 0; i < listed; i++)
		for (u32 id = cpus->apic_id[i] & ~(all - 1), n = 0; n < all; n++)
			if (id + n < APIC_EVERYBODY)
				acpi_add_cpu(cpus, id + n);
}

void mptable_read_cpus(struct acpi_cpus *cpus)
{
	struct mp_pointer pointer;

	acpi_cpus_begin(cpus);
	if (!find_pointer(&pointer))
		return;
	if (pointer.default_board)
		default_board(cpus);
	else if (pointer.table)
		read_table(pointer.table, cpus);
	printk("MP table: %u CPUs\n", cpus->nr + cpus->dropped);
}
