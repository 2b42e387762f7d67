/* SPDX-License-Identifier: MIT */
/*
 * The entry area: all that a user root maps of the kernel (page-table isolation).
 *
 *	layout.entry_start	text of trap_entry_pti_*.S, again	r-x	shared by all CPUs
 *				the interrupt table, again		r--
 *	+ 1 * ENTRY_UNIT	CPU 0: its page				r--	struct entry_page, TSS, GDT
 *				    a hole, a stack			rw-	x86_64: for a double fault, and so on;
 *				    and so on				rw-	the last one is the entry stack
 *	+ 2 * ENTRY_UNIT	CPU 1
 *
 * 1. It has whole entries of the shared level for itself: a top entry; with PAE two, of 2 MiB each. The kernel roots
 *    have them as they have all others; user_root.c copies them into each user root. The tables below are the same for
 *    all. So what is mapped here reaches both roots of every process without a hook, and those entries never change
 *    after boot.
 *
 * 2. x86_64: nothing here is writable but stacks. The kernel writes pages and tables by its own mapping. i386: the CPU
 *    itself writes into TSS and GDT when it switches tasks, so a CPU's page is writable too. The tasks for double fault
 *    and machine check run on the kernel root, so their stacks are not here.
 *
 * 3. Holes keep stacks apart: an overflow is a double fault, as with all other stacks.
 */
#include <arch/init.h>
#include <arch/mmu_sync.h>
#include <asm/cr.h>
#include <asm/entry_area.h>
#include <asm/pti.h>
#include <asm/stack.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include "arch/x86/cpu/core/descriptors.h"

#define WORD_AT(type, field, offset) static_assert(offsetof(type, field) == (offset), "assembly and C agree")
WORD_AT(struct entry_page, kernel_cr3, ENTRY_KERNEL_CR3);
WORD_AT(struct entry_page, percpu_base, ENTRY_PERCPU_BASE);
WORD_AT(struct entry_page, keep, ENTRY_KEEP);
WORD_AT(struct cpu_roots, exit_stack, ROOTS_EXIT_STACK);
WORD_AT(struct cpu_roots, user_cr3, ROOTS_USER_CR3);
WORD_AT(struct cpu_roots, keep, ROOTS_KEEP);

/* The stacks from this one on are in the area. */
#define FIRST_STACK (BITS_PER_LONG == 64 ? 0 : STACK_ENTRY)
#define PAGE_PROT   (BITS_PER_LONG == 64 ? PAGE_KERNEL_RO : PAGE_KERNEL)

static_assert(PAGE_SIZE + (NR_OWN_STACKS - FIRST_STACK) * GUARDED_STACK_UNIT <= ENTRY_UNIT,
	      "a CPU's part has room for its stacks");
static_assert(ENTRY_AREA_SIZE <= ENTRY_SPAN, "the entry code takes all stacks of the area for such");

/* trap_entry_pti_*.S: places in the area's text, and the words that tell its second piece where the area has two. */
extern char entry_stubs[], entry_leave[], entry_any_back[];
extern vaddr_t entry_leave_at, entry_any_back_at;

static vaddr_t text_at(const char *text)
{
	return layout.entry_start + (vaddr_t)(text - __entry_text_start);
}

static vaddr_t idt_place(void)
{
	return text_at(__entry_text_end);
}

static vaddr_t unit_of(unsigned int cpu)
{
	return layout.entry_start + (vaddr_t)(cpu + 1) * ENTRY_UNIT;
}

static vaddr_t stack_top_of(unsigned int cpu, unsigned int stack)
{
	return unit_of(cpu) + PAGE_SIZE + (stack - FIRST_STACK + 1) * GUARDED_STACK_UNIT;
}

/* Map pages of the kernel's once more. False: no memory for a table. */
static bool map_again(vaddr_t at, const void *pages, size_t size, pgprot_t prot)
{
	struct mmu_update u;
	int err = 0;

	arch_update_kernel_mappings_begin(&u, at, at + size);
	for (vaddr_t done = 0; done < size && !err; done += PAGE_SIZE) {
		phys_addr_t phys = (phys_addr_t)kernel_pgtable_pfn((vaddr_t)pages + done) << PAGE_SHIFT;

		err = pgtable_map(&kernel_pgtable, &u, at + done, at + done + PAGE_SIZE, phys, prot, PAGE_SHIFT);
	}
	arch_update_kernel_mappings_end(&u);
	return !err;
}

static bool map_stack(unsigned int cpu, unsigned int stack, size_t size)
{
	return map_again(stack_top_of(cpu, stack) - size, (void *)(per_cpu(own_stack_top, cpu)[stack] - size), size,
			 PAGE_KERNEL);
}

/* The memory of the entry stack begins with the CPU's page. The hole below the stack is that much larger. */
bool entry_area_add(unsigned int cpu)
{
	struct cpu_roots *roots = &per_cpu(cpu_roots, cpu);
	struct entry_page *page = (struct entry_page *)(per_cpu(own_stack_top, cpu)[STACK_ENTRY] - IMAGE_STACK_SIZE);

	page->percpu_base = per_cpu_offset[cpu];
	page->keep = 0; /* set_roots() says more: the CPU must know PCIDs first */
	roots->keep = cr3_keep();
	page->kernel_cr3 = (unsigned long)kernel_pgtable.root_phys;
	roots->exit_stack = stack_top_of(cpu, STACK_ENTRY) - EXIT_FRAME;
	roots->page = page;
	for (unsigned int i = FIRST_STACK; i < NR_OWN_STACKS; i++)
		if (!map_stack(cpu, i, i == STACK_ENTRY ? IMAGE_STACK_SIZE - PAGE_SIZE : IMAGE_STACK_SIZE))
			return false;
	return map_again(unit_of(cpu), page, PAGE_SIZE, PAGE_PROT);
}

void entry_area_use(unsigned int cpu)
{
	struct entry_stacks stacks = { .page = per_cpu(cpu_roots, cpu).page, .page_at = unit_of(cpu) };

	for (unsigned int i = FIRST_STACK; i < NR_OWN_STACKS; i++)
		stacks.top[i] = stack_top_of(cpu, i);
	gdt_use_entry(cpu, &stacks);
}

static bool map_shared_part(void)
{
	return map_again(layout.entry_start, __entry_text_start, (size_t)(__entry_text_end - __entry_text_start),
			 PAGE_KERNEL_ROX) &&
	       map_again(idt_place(), idt_page(), PAGE_SIZE, PAGE_KERNEL_RO);
}

static int visit(void *ctx __maybe_unused, pte_t *p __maybe_unused, vaddr_t addr __maybe_unused,
		 unsigned long n __maybe_unused)
{
	return 0;
}

/*
 * A user root copies the area's entries of the shared level once, when it is made. If there is more than one (PAE), the
 * tables below are all made now, so that no later CPU's part needs another.
 */
static void make_tables(void)
{
	vaddr_t start = layout.entry_start, end = layout.entry_end;
	struct mmu_update u;
	int err = 0;

	if (ENTRY_AREA_SIZE <= pt_level_size(pt_sync_level()))
		return;
	arch_update_kernel_mappings_begin(&u, start, end);
	err = pgtable_for_each_run(&kernel_pgtable, &u, start, end, true, visit, NULL);
	arch_update_kernel_mappings_end(&u);
	if (err)
		panic("no memory for the tables of the entry area");
}

void arch_init_entry_area(void)
{
	if (!pti_on)
		return;
	if (!map_shared_part() || !entry_area_add(0))
		panic("no memory for the entry area");
	make_tables();
	entry_leave_at = text_at(entry_leave);
	entry_any_back_at = text_at(entry_any_back);
	entry_area_use(0);
	idt_init(text_at(entry_stubs));
	idt_move(idt_place());
	idt_load();
}
