/* SPDX-License-Identifier: MIT */
/* Gathers the facts of this boot for the summary before the first prompt. */
#include "summary_picture.h"

#include <arch/console.h>
#include <arch/init.h>
#include <kernel/boot_info.h>
#include <kernel/bug.h>
#include <kernel/cmdline.h>
#include <kernel/config.h>
#include <kernel/cpumask.h>
#include <kernel/printk.h>
#include <lib/format.h>
#include <mm/memblock.h>

#define PICTURE_AT (SUMMARY_COLS + 3) /* "# ", a line, a blank */

static const struct ktest_outcome *last_tests;

/* Reasons why the page allocator does not have a byte that the loader calls memory. Each byte has one reason. */
enum loss { BEYOND_MODE, BY_MEM, NO_LIST, FOR_ACPI, FOR_PURPOSE, IN_HOLE, NR_LOSSES };

static u64 taken_of(const struct boot_region *region)
{
	const struct memblock_region *ram;
	unsigned int n = memblock_ram(&ram);
	u64 bytes = 0;

	for (unsigned int i = 0; i < n; i++) {
		u64 start = max(ram[i].start, region->start), end = min(ram[i].end, region->end);

		bytes += start < end ? end - start : 0;
	}
	return bytes;
}

static void add_region(struct summary_loss loss[NR_LOSSES], const struct boot_region *region)
{
	u64 size = region->end - region->start, limit = arch_phys_limit();
	u64 beyond = region->end - max(region->start, min(region->end, limit));

	if (region->kind == BOOT_MEM_ACPI)
		loss[FOR_ACPI].bytes += size;
	if (region->kind != BOOT_MEM_RAM)
		return;
	loss[BEYOND_MODE].bytes += beyond;
	loss[BY_MEM].bytes += size - beyond - taken_of(region);
}

/* ram_found is the sum of the RAM in use and all losses, so the lines of the summary add up. */
static void gather_memory(struct summary *facts, struct summary_loss loss[NR_LOSSES])
{
	for (unsigned int i = 0; i < boot_info.nr_regions; i++)
		add_region(loss, &boot_info.region[i]);
	loss[NO_LIST].bytes = boot_info.ram_left_out;
	loss[FOR_PURPOSE].bytes = boot_info.ram_soft_reserved;
	loss[IN_HOLE].bytes = boot_info.ram_in_hole;
	facts->ram = facts->ram_found = memblock_ram_size();
	for (unsigned int i = 0; i < NR_LOSSES; i++)
		facts->ram_found += loss[i].bytes;
	facts->loss = loss;
	facts->nr_losses = NR_LOSSES;
}

static void describe_firmware(char *text, size_t size)
{
	scnprintf(text, size, "%s, %s, loaded by %s", boot_info.efi ? "UEFI" : "BIOS",
		  boot_info.rsdp_len ? "ACPI" : "no ACPI tables",
		  *boot_info.loader ? boot_info.loader : "a loader without a name");
}

static void make_text(struct summary_text *text)
{
	struct summary_loss loss[NR_LOSSES] = {
		[BEYOND_MODE] = { "beyond what this CPU and this mode can address", 0 },
		[BY_MEM] = { "cut off by mem=", 0 },
		[NO_LIST] = { "in more pieces than can be listed", 0 },
		[FOR_ACPI] = { "kept for ACPI tables", 0 },
		[FOR_PURPOSE] = { "kept by EFI for a special purpose", 0 },
		[IN_HOLE] = { "where video memory and ROMs are", 0 },
	};
	char firmware[SUMMARY_COLS], console[SUMMARY_COLS];
	struct summary facts = { .mode = arch_mode_name(),
				 .build = CONFIG_DEBUG_MM ? "debug" : "release",
				 .cpu = cpu_name(),
				 .levels = pt_top(),
				 .cpus = num_online_cpus(),
				 .cpus_found = arch_cpus_found(),
				 .warnings = warn_unexpected_count(),
				 .problems = printk_problems(), .first_problem = printk_first_problem(),
				 .keyboard = arch_console_has_keyboard(),
				 .tests = last_tests,
				 .firmware = firmware,
				 .console = console };

	describe_firmware(firmware, sizeof(firmware));
	arch_console_describe(console, sizeof(console));
	gather_memory(&facts, loss);
	summary_format(text, &facts);
}

static void print_text(const char *before)
{
	static struct summary_text text;
	bool for_people = !cmdline_has("exit");

	make_text(&text);
	if (for_people)
		console_page();
	for (unsigned int i = 0; i < text.nr; i++)
		print_line("%s%s", before, text.line[i]);
	if (for_people)
		summary_draw(&text, PICTURE_AT);
}

void summary_after_tests(const struct ktest_outcome *totals)
{
	static struct ktest_outcome kept;

	kept = *totals;
	last_tests = &kept;
	print_text("# ");
}

void summary_show(void)
{
	print_text("");
}
