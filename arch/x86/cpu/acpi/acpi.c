/* SPDX-License-Identifier: MIT */
/* Finding ACPI tables: from the root pointer that the loader copied, through the XSDT or RSDT, to a table by name. */
#include <arch/init.h>
#include <asm/acpi.h>
#include <kernel/boot_info.h>
#include <kernel/printk.h>
#include <lib/string.h>

#define TABLE_MAX (4U << 20) /* a table with a greater length is ignored */

struct acpi_rsdp {
	char signature[8];
	u8 checksum;
	char oem_id[6];
	u8 revision;
	u32 rsdt;
	/* From revision 2 on. */
	u32 length;
	u64 xsdt;
	u8 extended_checksum, reserved[3];
} __packed;

#define RSDP_V1_BYTES 20

static const struct acpi_header *root;
static unsigned int root_entry_bytes; /* 8: XSDT, 4: RSDT */
static bool emulator;

bool acpi_sum_is_zero(const void *bytes, size_t len)
{
	const u8 *p = bytes;
	u8 sum = 0;

	while (len--)
		sum += *p++;
	return sum == 0;
}

static const void *map_bytes(u64 phys, u32 len)
{
	u64 limit = arch_phys_limit();

	if (phys == 0 || phys >= limit || len > limit - phys)
		return NULL;
	return arch_device_mapper->map((phys_addr_t)phys, len, MEMTYPE_WB);
}

void acpi_unmap(const struct acpi_header *table)
{
	if (table)
		arch_device_mapper->unmap((void *)table);
}

/* The length of the table at phys if it has the signature, else 0. */
static u32 table_length(u64 phys, const char *signature)
{
	const struct acpi_header *head = map_bytes(phys, sizeof(*head));
	u32 length = head && memcmp(head->signature, signature, 4) == 0 ? head->length : 0;

	acpi_unmap(head);
	return length;
}

const struct acpi_header *acpi_map(u64 phys, const char *signature)
{
	u32 length = table_length(phys, signature);
	const struct acpi_header *table;

	if (length == 0)
		return NULL;
	if (length < sizeof(*table) || length > TABLE_MAX) {
		pr_warn("ACPI: %.4s at %#llx has a length of %u bytes, ignored\n", signature, phys, length);
		return NULL;
	}
	table = map_bytes(phys, length);
	if (table && !acpi_sum_is_zero(table, length)) {
		pr_warn("ACPI: %.4s at %#llx has a wrong checksum, ignored\n", signature, phys);
		acpi_unmap(table);
		return NULL;
	}
	return table;
}

static u64 root_entry(unsigned int i)
{
	const u8 *entry = (const u8 *)(root + 1) + (size_t)i * root_entry_bytes;
	u64 phys = 0;

	memcpy(&phys, entry, root_entry_bytes);
	return phys;
}

const struct acpi_header *acpi_next(const char *signature, unsigned int *entry)
{
	unsigned int entries = root ? (root->length - sizeof(*root)) / root_entry_bytes : 0;

	while (*entry < entries) {
		const struct acpi_header *table = acpi_map(root_entry((*entry)++), signature);

		if (table)
			return table;
	}
	return NULL;
}

const struct acpi_header *acpi_find(const char *signature)
{
	unsigned int entry = 0;

	return acpi_next(signature, &entry);
}

/* The XSDT if there is a valid one, else the RSDT. */
static void find_root(const struct acpi_rsdp *rsdp, unsigned int len)
{
	bool v2 = rsdp->revision >= 2 && len >= sizeof(*rsdp) && acpi_sum_is_zero(rsdp, sizeof(*rsdp));

	root_entry_bytes = 8;
	root = v2 ? acpi_map(rsdp->xsdt, "XSDT") : NULL;
	if (root)
		return;
	root_entry_bytes = 4;
	root = acpi_map(rsdp->rsdt, "RSDT");
}

void acpi_init(const struct boot_info *boot)
{
	struct acpi_rsdp rsdp = { 0 };

	root = NULL;
	if (boot->rsdp_len < RSDP_V1_BYTES || boot->rsdp_len > sizeof(rsdp)) {
		printk("ACPI: the loader passed no root pointer\n");
		return;
	}
	memcpy(&rsdp, boot->rsdp, boot->rsdp_len);
	if (memcmp(rsdp.signature, "RSD PTR ", 8) != 0 || !acpi_sum_is_zero(&rsdp, RSDP_V1_BYTES)) {
		pr_warn("ACPI: the root pointer is damaged, ignored\n");
		return;
	}
	find_root(&rsdp, boot->rsdp_len);
	if (!root) {
		pr_warn("ACPI: no usable root table\n");
		return;
	}
	emulator = memcmp(rsdp.oem_id, "BOCHS ", 6) == 0;
	printk("ACPI: %.4s of %u bytes by %.6s\n", root->signature, root->length, rsdp.oem_id);
	acpi_fadt_init();
}

bool acpi_is_emulator(void)
{
	return emulator;
}
