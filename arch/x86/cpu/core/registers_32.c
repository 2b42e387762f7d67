/* SPDX-License-Identifier: MIT */
/* The registers in the report of a panic, i386 and PAE. */
#include <arch/cpu.h>
#include <asm/cpuid.h>
#include <asm/cr.h>
#include <asm/trap.h>
#include <kernel/printk.h>

static void print_frame(const struct trap_frame *f)
{
	printk("eip %04lx:%08lx %pS  flags %08lx\n", f->cs & 0xffff, f->ip, (void *)f->ip, f->flags);
	printk("esp %08lx  vector %lu error %lx\n", trap_frame_sp(f), f->vector, f->error);
	printk("eax %08lx ebx %08lx ecx %08lx edx %08lx\n", f->ax, f->bx, f->cx, f->dx);
	printk("esi %08lx edi %08lx ebp %08lx\n", f->si, f->di, f->bp);
	printk("ds %04lx es %04lx fs %04lx gs %04lx\n", f->ds & 0xffff, f->es & 0xffff, f->fs & 0xffff, f->gs & 0xffff);
}

void arch_print_registers(struct trap_frame *frame)
{
	if (frame)
		print_frame(frame);
	printk("cr0 %08lx cr2 %08lx cr3 %08lx cr4 %08lx\n", read_cr0(), read_cr2(), read_cr3(),
	       boot_cpu.cpuid ? read_cr4() : 0);
}
