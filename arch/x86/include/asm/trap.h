/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts inside arch/x86: the saved registers, and the functions that the dispatcher (trap.c) calls.
 * Layers above use <arch/irq.h> and <arch/fault.h>.
 */
#pragma once

#include <lib/compiler.h>
#include <asm/irqflags.h>
#include <asm/machine.h> /* struct trap_frame */
#include <asm/vectors.h>

/* Error code of a page fault (Intel SDM vol. 3, 4.7). QEMU leaves PF_PRESENT out when a reserved bit was the reason. */
#define PF_PRESENT  (1UL << 0)
#define PF_WRITE    (1UL << 1)
#define PF_USER	    (1UL << 2) /* the CPU was in ring 3 */
#define PF_RESERVED (1UL << 3)
#define PF_FETCH    (1UL << 4) /* reported only when the CPU has NX in use, or SMEP */

/*
 * Did the trap come from a program in virtual-8086 mode? QEMU lets a program enter it; no real CPU does. CS may be any
 * number there. trap.c replaces such a frame by one of ring 3 before other code sees it.
 */
static inline bool trap_from_v86(const struct trap_frame *frame)
{
	return frame->flags & FLAGS_VM;
}

static inline bool trap_from_user(const struct trap_frame *frame)
{
	return frame->cs & 3;
}

/*
 * Per-CPU: one past the highest byte of the stacks for a double fault and a machine check (all modes), for NMI (used on
 * x86_64 alone) and for entering from ring 3 (with page-table isolation alone). The boot CPU's are in the image; smp.c
 * sets those of an AP before it starts that CPU. 16-byte aligned, mapped in the reference table.
 */
enum own_stack { STACK_DOUBLE_FAULT, STACK_MACHINE_CHECK, STACK_NMI, NR_VECTOR_STACKS, STACK_ENTRY = NR_VECTOR_STACKS,
		 NR_OWN_STACKS };
extern vaddr_t own_stack_top[NR_OWN_STACKS];

/*
 * For an AP what arch_init_cpu() is for the boot CPU. After percpu_area_init(cpu), before per-CPU data is used. False:
 * this CPU lacks a feature that the boot CPU has and the kernel relies on; stop it.
 */
bool arch_init_ap(unsigned int cpu);

/* Per-CPU. fault_depth belongs to the running thread: arch_switch_to() saves and loads it. */
extern unsigned int trap_depth, fault_depth;

/* The one entry from assembly, for all 256 vectors. Interrupts off. */
void trap_dispatch(struct trap_frame *frame);

/* Pieces of the dispatcher: fault.c, probe.c, nmi.c. */
void page_fault(struct trap_frame *frame);
const char *page_fault_kind(const struct trap_frame *frame, vaddr_t addr); /* "read", "write" or "execution" */
void nmi_interrupt(struct trap_frame *frame);
/* If the frame is a fault inside probe_*(): make it return `result` there. False: it is not one. */
bool probe_fixup(struct trap_frame *frame, unsigned int result);
const char *exception_name(unsigned long vector);

/* Make this CPU's per-CPU base right, whatever it was. It is found by the descriptor table register. gdt_{32,64}.c */
void percpu_base_restore(void);

/* Set the stack on which ring 3 enters the kernel: one past its highest byte, 16-byte aligned. gdt_{32,64}.c */
void set_entry_stack(void *stack_top);

/* user.c. Called in the thread (trap depth 0), with interrupts off, which they also are on return. */
void system_call(struct trap_frame *frame);
void user_return(void); /* before the program goes on; may end it. Not on a vector's own stack */
void __noreturn user_exception(const struct trap_frame *frame);
void __noreturn user_left_protected_mode(vaddr_t ip);
void __noreturn user_page_fault(const struct trap_frame *frame, vaddr_t addr, int err);

/* From the platform. eoi: before the handler runs, since afterwards the thread may be switched. */
void apic_eoi(void);
void pic_eoi(unsigned int irq);	/* also sorts out the spurious IRQs 7 and 15 */
void timer_account(void);	/* one tick on this CPU; before the handler of arch_set_timer_handler() */
