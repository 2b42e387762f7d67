/* SPDX-License-Identifier: MIT */
/* The registers in the report of a panic, x86_64. */
#include <arch/cpu.h>
#include <asm/cr.h>
#include <asm/msr.h>
#include <asm/trap.h>
#include <kernel/printk.h>

static void print_frame(const struct trap_frame *f)
{
	printk("rip %04lx:%016lx %pS  flags %08lx\n", f->cs, f->ip, (void *)f->ip, f->flags);
	printk("rsp %04lx:%016lx  vector %lu error %lx\n", f->ss, f->sp, f->vector, f->error);
	printk("rax %016lx rbx %016lx rcx %016lx\n", f->ax, f->bx, f->cx);
	printk("rdx %016lx rsi %016lx rdi %016lx\n", f->dx, f->si, f->di);
	printk("rbp %016lx r8  %016lx r9  %016lx\n", f->bp, f->r8, f->r9);
	printk("r10 %016lx r11 %016lx r12 %016lx\n", f->r10, f->r11, f->r12);
	printk("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
}

void arch_print_registers(struct trap_frame *frame)
{
	if (frame)
		print_frame(frame);
	printk("cr0 %08lx cr2 %016lx cr3 %016lx cr4 %08lx efer %llx gs base %016llx\n", read_cr0(), read_cr2(),
	       read_cr3(), read_cr4(), rdmsr(MSR_EFER), rdmsr(MSR_GS_BASE));
}
