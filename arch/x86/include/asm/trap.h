/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts inside arch/x86: the saved registers, and who provides what to the dispatcher (trap.c).
 * What the layers above see is <arch/irq.h> and <arch/fault.h>.
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
 * A program that is in virtual-8086 mode, which QEMU lets it enter and no real CPU does: CS is any number there. trap.c
 * makes such a frame one of ring 3 before anybody else sees it.
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
 * Per-CPU: one past the highest byte of the stacks for a double fault and a machine check (all modes) and for NMI (used
 * on x86_64 alone). The boot CPU's are in the image; smp.c sets those of an AP before it starts that CPU. 16-byte
 * aligned, mapped in the reference table.
 */
enum own_stack { STACK_DOUBLE_FAULT, STACK_MACHINE_CHECK, STACK_NMI, NR_OWN_STACKS };
extern vaddr_t own_stack_top[NR_OWN_STACKS];

/*
 * An AP's first call in C, before anything per-CPU is used and after percpu_area_init(cpu): what arch_init_cpu() is to
 * the boot CPU. False: this CPU lacks a feature that the boot CPU has and the kernel relies on; stop it.
 */
bool arch_init_ap(unsigned int cpu);

/* Per-CPU: what arch_trap_depth() returns; and the running thread's page-fault handlers, saved with it (context.c). */
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

/* After it this CPU's per-CPU base is right, whatever it was: the descriptor table register is asked. gdt_{32,64}.c */
void percpu_base_restore(void);

/* On what stack this CPU enters the kernel from ring 3: one past its highest byte, 16-byte aligned. gdt_{32,64}.c */
void set_entry_stack(void *stack_top);

/* user.c: on behalf of the thread (depth 0), interrupts off at call and return. The exceptions come from ring 3. */
void system_call(struct trap_frame *frame);
void user_return(void); /* the program goes on, if it may; depth 0, and not on a stack of the vector's own */
void __noreturn user_exception(const struct trap_frame *frame);
void __noreturn user_left_protected_mode(vaddr_t ip);
void __noreturn user_page_fault(const struct trap_frame *frame, vaddr_t addr, int err);

/* From the platform. eoi: done before the handler runs, so that the handler may switch to another thread. */
void apic_eoi(void);
void pic_eoi(unsigned int irq);	/* also sorts out the spurious IRQs 7 and 15 */
void timer_account(void);	/* one tick on this CPU; before the handler of arch_set_timer_handler() */
