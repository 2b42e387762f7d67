/* SPDX-License-Identifier: MIT */
/* Nothing is writable that need not be: each part of the image, at each address where it is mapped. */
#include "handlers.h"

#include <arch/context.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/pgtable.h>
#include <asm/cr.h>
#include <kernel/ktest.h>
#include <kernel/smp.h>

/* --- handlers of tests -------------------------------------------------------------------------------------------- */

unsigned long protection_off(void)
{
	unsigned long flags;

	local_irq_save(flags);
	write_cr0(read_cr0() & ~CR0_WP);
	return flags;
}

void protection_on(unsigned long flags)
{
	write_cr0(read_cr0() | CR0_WP);
	local_irq_restore(flags);
}

/* FNV-1a over words: a change of one word always changes the result. */
static unsigned long init_data_sum(void)
{
	unsigned long sum = 2166136261ul;

	for (const unsigned long *word = (void *)__init_data_start; word != (void *)__init_data_end; word++)
		sum = (sum ^ *word) * 16777619ul;
	return sum;
}

static unsigned long sum_before;

static void sum_begin(void)
{
	sum_before = init_data_sum();
}

static void expect_handlers_put_back(void)
{
	EXPECT_EQ(init_data_sum(), sum_before);
}
KTEST_GUARD(handlers, sum_begin, expect_handlers_put_back);

/* --- parts of the image ------------------------------------------------------------------------------------------- */

static const struct part {
	const char *start, *end;
	enum probe_result write;
} parts[] = {
	{ __text_start, __text_end, PROBE_PROTECTION },
	{ __rodata_start, __rodata_end, PROBE_PROTECTION },
	{ __init_data_start, __init_data_end, PROBE_PROTECTION },
	{ __data_start, __stacks_start, PROBE_OK },
	{ __stacks_end, __data_end, PROBE_OK },
	{ __symbols_start, __symbols_end, PROBE_PROTECTION },
};

/* The image's own address, and the one in the direct map (on 32-bit these are the same). */
static void probe_each_page(void *unused __maybe_unused)
{
	for (const struct part *part = parts; part < parts + ARRAY_SIZE(parts); part++) {
		EXPECT(part->start < part->end);
		for (const char *page = part->start; page < part->end; page += PAGE_SIZE) {
			EXPECT_EQ(probe_write((void *)page), part->write);
			EXPECT_EQ(probe_write(phys_to_virt(image_to_phys(page))), part->write);
			EXPECT_EQ(probe_read(page, NULL), PROBE_OK);
		}
	}
}

KTEST(protection, each_page_of_the_image)
{
	on_each_cpu(probe_each_page, NULL, 1);
}

/* The leaf's frames that no mapping may leave writable. */
static bool maps_constants(const struct pgtable_leaf *leaf)
{
	phys_addr_t size = (phys_addr_t)pt_level_size(leaf->level);
	phys_addr_t start = ((phys_addr_t)pte_pfn(leaf->pte) << PAGE_SHIFT) & ~(size - 1), at = start;

	while (at - start < size) {
		struct image_part part = arch_image_part(at);

		if (part.constant)
			return true;
		at = part.end;
	}
	return false;
}

/* Wherever it is mapped: direct map, image, fixmap, vmalloc space, private slots. */
KTEST(protection, no_other_mapping_is_writable)
{
	unsigned int constant = 0, writable = 0;
	vaddr_t addr = layout.kernel_start;

	do {
		struct pgtable_leaf leaf = pgtable_query(&kernel_pgtable, addr);
		vaddr_t span = pt_level_size(leaf.level);

		if (leaf.present && maps_constants(&leaf)) {
			constant++;
			writable += pte_writable(leaf.pte);
		}
		addr = (addr & ~(span - 1)) + span;
	} while (addr);
	EXPECT(constant > 0);
	EXPECT_EQ(writable, 0);
}

/* --- what is among the data of initialisation --------------------------------------------------------------------- */

static bool init_only(const void *p)
{
	return (const char *)p >= __init_data_start && (const char *)p < __init_data_end;
}

/* With page-table isolation the table is in use at another address; its frame is the same. */
static bool in_init_frame(vaddr_t addr)
{
	phys_addr_t phys = (phys_addr_t)kernel_pgtable_pfn(addr) << PAGE_SHIFT;

	return phys >= image_to_phys(__init_data_start) && phys < image_to_phys(__init_data_end) &&
	       probe_write((void *)addr) == PROBE_PROTECTION;
}

static void look_at_idt(void *good)
{
	struct idt_register idtr = idt_in_use();

	*(bool *)good &= in_init_frame(idtr.base) && in_init_frame(idtr.base + idtr.limit);
}

KTEST(protection, the_interrupt_table_on_each_cpu)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		bool good = true;

		smp_call_function_single((int)cpu, look_at_idt, &good, 1);
		EXPECT(good);
	}
}

/* trap_entry_pti_*.S: where the last instructions before ring 3 are. */
extern vaddr_t entry_leave_at, entry_any_back_at;

KTEST(protection, ways_out_of_the_kernel)
{
	EXPECT(init_only(&entry_leave_at) && init_only(&entry_any_back_at));
	EXPECT_EQ(probe_write(&entry_leave_at), PROBE_PROTECTION);
}

KTEST(protection, the_layout)
{
	EXPECT(init_only(&layout) && init_only(&per_cpu_offset[0]));
	EXPECT_EQ(probe_write(&layout.vmalloc_start), PROBE_PROTECTION);
	EXPECT_EQ(probe_write(phys_to_virt(image_to_phys(&layout.vmalloc_start))), PROBE_PROTECTION);
}

static void strange_nmi(struct trap_frame *frame __maybe_unused)
{
}

/* The way of tests: it works, and it ends. */
KTEST(protection, handlers_are_replaced_by_tests_alone)
{
	unsigned long sum = init_data_sum();

	REPLACE_HANDLER(arch_set_nmi_handler(strange_nmi));
	EXPECT(init_data_sum() != sum);
	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	EXPECT_EQ(init_data_sum(), sum);
	EXPECT_EQ(probe_write(__init_data_start), PROBE_PROTECTION);
}
