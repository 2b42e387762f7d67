/* SPDX-License-Identifier: MIT */
/*
 * Page-table isolation. Every other test of programs runs with it too (`pti=on` in tests/qemu/matrix); here is what
 * only it promises. The first test runs without it as well, and then looks for the opposite.
 */
#include "handlers.h"
#include "places.h"
#include "worker.h"

#include <arch/init.h>
#include <arch/irq.h>
#include <arch/mmu_sync.h>
#include <asm/cr.h>
#include <asm/pti.h>
#include <asm/trap.h>
#include <kernel/process.h>
#include <kernel/smp.h>
#include <kernel/trace.h>
#include <mm/page.h>
#include <mm/percpu_alloc.h>
#include <mm/slab.h>

#define PLACES 16

/* --- what a program finds of the kernel ------------------------------------------------------------------------- */

struct looked_up {
	vaddr_t addr[PLACES]; /* what the program `reach` reads; 0 ends it */
	unsigned int nr, faults, allowed; /* allowed: the CPU found a page there, and only lacked the right */
};

static void add_place(struct looked_up *l, const void *place)
{
	if (EXPECT(l->nr < PLACES - 1 && pgtable_query(&kernel_pgtable, (vaddr_t)place).present))
		l->addr[l->nr++] = (vaddr_t)place;
}

static void count_fault(void *ctx, const struct trace_record *r)
{
	struct looked_up *l = ctx;

	for (unsigned int i = 0; i < l->nr && r->event == TRACE_PAGE_FAULT; i++) {
		if (r->arg[0] != l->addr[i] || !(r->arg[1] & PF_USER))
			continue;
		l->faults++;
		l->allowed += r->arg[1] & PF_PRESENT;
	}
}

static void look_up(struct looked_up *l)
{
	struct process *process;
	void *before = kbuf_replace(l->addr, sizeof(l->addr));

	ASSERT(trace_start("page_fault") == 0);
	process = process_spawn("reach");
	EXPECT_EQ(process ? process_wait(process) : -1, 0);
	trace_stop();
	kbuf_replace(before, 4 * PAGE_SIZE);
	trace_for_each(count_fault, l);
	EXPECT_EQ(l->faults, l->nr);
	trace_release();
}

/* A mapped page of every kind. Without isolation each fault says "a page is there". */
KTEST(pti, a_program_finds_nothing_of_the_kernel)
{
	unsigned long *percpu;
	struct looked_up *l;
	struct page *page;
	void *area;

	if (trace_enabled)
		KTEST_SKIP("a trace is running");
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	percpu = alloc_percpu(unsigned long);
	page = alloc_page(GFP_KERNEL);
	area = vzalloc(PAGE_SIZE);
	ASSERT(l && percpu && page && area);
	add_place(l, area);
	add_place(l, l);
	add_place(l, page_address(page));
	add_place(l, page);
	add_place(l, per_cpu_ptr(percpu, 0));
	add_place(l, &per_cpu(trap_depth, 0));
	add_place(l, &l); /* the thread's stack */
	add_place(l, __text_start + PAGE_SIZE);
	add_place(l, __rodata_start);
	add_place(l, __data_start);
	add_place(l, __symbols_start);
	add_place(l, kernel_pgtable.root);
	add_place(l, (void *)(per_cpu(own_stack_top, 0)[STACK_NMI] - sizeof(long)));
	look_up(l);
	EXPECT_EQ(l->allowed, pti_on ? 0 : l->nr);
	vfree(area);
	__free_page(page);
	free_percpu(percpu);
	kfree(l);
}

/* The one thing that is there: the entry area, whose page of the boot CPU a program cannot read, but finds. */
KTEST(pti, a_program_finds_the_entry_area)
{
	struct looked_up *l;

	if (!pti_on || trace_enabled)
		KTEST_SKIP("needs pti=on, and no trace");
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	ASSERT(l);
	add_place(l, (void *)layout.entry_start);
	look_up(l);
	EXPECT_EQ(l->allowed, 1);
	kfree(l);
}

/* --- parity knows both roots ------------------------------------------------------------------------------------ */

KTEST(pti, parity_sees_a_kernel_entry_in_a_user_root)
{
	unsigned int level = pt_sync_level();
	struct mm_struct *mm;
	pte_t *table;

	if (!pti_on)
		KTEST_SKIP("needs pti=on");
	mm = mm_create();
	ASSERT(mm);
	table = mm->pgtable.user_root;
	if (level < pt_top())
		table = phys_to_virt(pte_phys(pte_read(table + PT_TOP_ENTRIES - 1)));
	table += (layout.direct_start >> pt_level[level].shift) % PT_ENTRIES;
	EXPECT_EQ(pgd_parity_check().differs, 0);
	raw_pte_store(table, pgtable_read_entry(&kernel_pgtable, layout.direct_start, level));
	EXPECT_EQ(pgd_parity_check().differs, 1);
	raw_pte_store(table, __pte(0));
	mm_destroy(mm);
}

/* --- an exception in the first instruction of the kernel ---------------------------------------------------------- */

#define DR7_GLOBAL_0 0x2ul /* an instruction breakpoint at the address in DR0 */

static atomic_t struck, strange;

static void write_breakpoint(void *place)
{
	__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr7" : : "r"(place), "r"(place ? DR7_GLOBAL_0 | 0x400 : 0x400ul));
}

/* The kernel's root and per-CPU data are in use; the flag lets the instruction run. */
static void at_breakpoint(struct trap_frame *frame)
{
	atomic_inc(&struck);
	if ((read_cr3() & ~(PAGE_SIZE - 1)) != pgtable_current()->root_phys)
		atomic_inc(&strange);
	frame->flags |= FLAGS_RF;
}

/* Where the gate of a vector leads. */
static void *first_instruction(unsigned int vector)
{
	const u32 *gate = (const u32 *)idt_in_use().base + vector * sizeof(long) / 2;

	return (void *)(vaddr_t)((sizeof(long) == 8 ? (u64)gate[2] << 32 : 0) | (gate[1] & 0xffff0000) |
				 (gate[0] & 0xffff));
}

/* It strikes with the user root in CR3 and the program's GS, on the entry stack. All must be given back. */
KTEST(pti, debug_exception_in_the_entry_code)
{
	struct process *process;

	if (!pti_on)
		KTEST_SKIP("needs pti=on");
	atomic_set(&struck, 0);
	atomic_set(&strange, 0);
	REPLACE_HANDLER(arch_set_debug_handler(at_breakpoint));
	on_each_cpu(write_breakpoint, first_instruction(VECTOR_SYSCALL), true);
	process = process_spawn("hello");
	EXPECT_EQ(process ? process_wait(process) : -1, 0);
	on_each_cpu(write_breakpoint, NULL, true);
	REPLACE_HANDLER(arch_set_debug_handler(NULL));
	EXPECT(atomic_read(&struck) > 2);
	EXPECT_EQ(atomic_read(&strange), 0);
	ktest_note("%d debug exceptions at the first instruction of a system call", atomic_read(&struck));
}

/* It strikes in the same text, but on a stack of the kernel, where no page of the CPU's leads from. */
KTEST(pti, debug_exception_in_an_interrupt_of_the_kernel)
{
	if (!pti_on)
		KTEST_SKIP("needs pti=on");
	atomic_set(&struck, 0);
	atomic_set(&strange, 0);
	REPLACE_HANDLER(arch_set_debug_handler(at_breakpoint));
	write_breakpoint(first_instruction(VECTOR_IPI + IPI_RESCHEDULE));
	arch_send_ipi(smp_processor_id(), IPI_RESCHEDULE);
	for (unsigned int us = 0; us < 100000 && !atomic_read(&struck); us += 10)
		arch_udelay(10);
	write_breakpoint(NULL);
	REPLACE_HANDLER(arch_set_debug_handler(NULL));
	EXPECT(atomic_read(&struck) > 0);
	EXPECT_EQ(atomic_read(&strange), 0);
}
