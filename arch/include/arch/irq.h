/* SPDX-License-Identifier: MIT */
/*
 * Interrupts as the layers above see them.
 *
 *   bool arch_local_irq_save(void)       disable on this CPU; returns whether they were enabled
 *   local_irq_save(flags)                Linux's spelling: the same, into flags (bool or unsigned long)
 *   void local_irq_restore(bool flags)   enable interrupts if flags says that they were enabled
 *   void local_irq_enable/disable(void)
 *   bool irqs_disabled(void)
 *   bool in_interrupt(void)              inside an interrupt, exception or NMI handler of this CPU? (Not in code that
 *                                        works as the thread: system calls, faults on user memory.)
 *   unsigned int arch_trap_depth(void)   how many of them are nested on this CPU right now; 0 in a thread
 *
 * All of them: any context, NMI included.
 */
#pragma once

#include <lib/types.h>
#include <asm/irqflags.h>

#define local_irq_save(flags) ((flags) = arch_local_irq_save())

struct trap_frame; /* what the entry code saved; its shape is <asm/trap.h> */

/*
 * Where the interrupted code was, and its frame pointer (without frame pointers: its stack pointer): the start of a
 * backtrace.
 */
vaddr_t trap_frame_pc(const struct trap_frame *frame);
vaddr_t trap_frame_stack(const struct trap_frame *frame);

/*
 * For backtraces: if return_address is in trap entry, return the trap frame that it saved. behind: the address behind
 * the return address on the stack. NULL: it is another return address, or there is no valid frame. `readable` is called
 * before each read. Any context.
 */
const struct trap_frame *trap_frame_above(vaddr_t return_address, vaddr_t behind,
					  bool (*readable)(vaddr_t addr, size_t size));

/* The cause of an interrupt, to be kept and printed later ("page fault (vector 14, error code 2, address 0x0)"). */
struct trap_cause {
	unsigned int vector;
	unsigned long error;
	vaddr_t address; /* of a page fault */
};
struct trap_cause trap_frame_cause(const struct trap_frame *frame);
void trap_cause_format(char *buf, size_t size, const struct trap_cause *cause);

/* Interrupts between CPUs. Handlers run with interrupts off. */
enum ipi_vector {
	IPI_RESCHEDULE, /* look at the run queue */
	IPI_CALL,	/* run the queued function calls */
	IPI_TLB,	/* execute a flush request; handled inside arch */
	NR_IPIS
};

/* Install the handler of an IPI or of the timer tick. Boot only. */
void arch_set_ipi_handler(enum ipi_vector ipi, void (*handler)(struct trap_frame *));
void arch_set_timer_handler(void (*handler)(struct trap_frame *));

/* Interrupt one other online CPU. Any context but NMI. The target's handler sees all stores made before the call. */
void arch_send_ipi(unsigned int cpu, enum ipi_vector ipi);

/*
 * The same to each CPU of a set, which is not empty and does not have the caller's own. One command to the APIC if the
 * set is all other online CPUs and no CPU that is not online could hear it; else one a CPU. Preemption off.
 */
struct cpumask;
void arch_send_ipi_many(const struct cpumask *cpus, enum ipi_vector ipi);
/* How many commands this CPU has given to its APIC. Any context, preemption off. */
unsigned long arch_ipi_commands(void);

/* Send a non-maskable interrupt to a CPU, which may be the caller's. All CPUs have one handler for them. */
void arch_send_nmi(unsigned int cpu);
void arch_set_nmi_handler(void (*handler)(struct trap_frame *));

/* Handler for debug exceptions of the kernel itself (NULL: panic). arch_debug_exception() raises one here. */
void arch_set_debug_handler(void (*handler)(struct trap_frame *));
void arch_debug_exception(void);

/*
 * Print where another CPU is, even if that has interrupts off: by an NMI. Waits for it two seconds at most. If somebody
 * is asking that CPU already, nothing is printed. Not from NMI.
 */
void arch_backtrace_cpu(unsigned int cpu);

/* Does the handler of arch_set_nmi_handler() run on this CPU? Any context. */
bool in_nmi(void);

#define TICK_MS 10 /* from one tick of a CPU to the next */

/* Milliseconds since boot, by the clock of arch_uptime_us(). Any context. */
u64 arch_uptime_ms(void);

/*
 * Microseconds since boot (the first call): by the TSC, else by the boot CPU's ticks. 0 before the timer is set up. Any
 * context.
 */
u64 arch_uptime_us(void);

/* Busy-wait. Any context. */
void arch_udelay(unsigned int us);
/*
 * Busy-wait until done(), or until `us` microseconds have passed; looks each 100 us. Returns done()'s last answer. Any
 * context.
 */
bool arch_wait_until(bool (*done)(void), unsigned int us);
