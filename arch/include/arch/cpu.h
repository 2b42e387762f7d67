/* SPDX-License-Identifier: MIT */
/*
 * One processor: its id, its features, how it waits, how the others are started.
 *
 *   unsigned int smp_processor_id(void)  this CPU's id, 0 = the boot CPU; ids may have holes
 *   vaddr_t this_cpu_offset(void)        add to the address of a DEFINE_PER_CPU object
 *   this_cpu_read(name), this_cpu_write(name, value), this_cpu_add(name, n), this_cpu_dec_and_test(name),
 *   this_cpu_test(name)
 *                                        one variable of this CPU in one instruction, so any context, preemptible or
 *                                        not. read, write: at most a word; add: 4 bytes or a word; dec_and_test: an
 *                                        unsigned int; test: a bool
 *   void cpu_relax(void)                 in every spin loop
 *   void arch_cpu_idle(void)             enable interrupts and halt until one comes, without a lost wake-up;
 *                                        call with interrupts off, returns with them on
 */
#pragma once

#include <lib/compiler.h>
#include <asm/percpu.h>

/*
 * Features that portable code may ask for. True: the boot CPU has it, and the options and known errata let us use it.
 * arch_start_cpus() leaves out a CPU that lacks one that page tables or CR4 need.
 */
enum cpu_feature {
	FEATURE_HUGE_2M,  /* leaves at the PMD level (2M, or 4M with 2 levels). In use: pt_leaf_allowed() */
	FEATURE_HUGE_1G,  /* leaves at the PUD level */
	FEATURE_NX,	  /* no-execute bit */
	FEATURE_GLOBAL,	  /* global pages */
	FEATURE_PAT,	  /* all memory types (arch/memtype.h) */
	FEATURE_PCID,	  /* TLB entries of several trees at a time */
	FEATURE_INVPCID,
	FEATURE_PTI,	  /* page-table isolation: programs run on roots of their own */
	FEATURE_LA57,	  /* 5-level paging is in use */
	FEATURE_SMEP,
	FEATURE_SMAP,
	FEATURE_X2APIC,
	FEATURE_HYPERVISOR,
	NR_FEATURES
};
bool cpu_has(enum cpu_feature feature);

/*
 * A number that nobody can foresee: of the processor's generator where it has one, else of its clocks, which is less.
 * After arch_init_cpu(). Any context.
 */
u64 arch_random(void);

/* Human-readable: "AuthenticAMD QEMU TCG CPU version 2.5+". Valid after arch_init_cpu(). */
const char *cpu_name(void);

/*
 * Start the processors that the firmware tables name: the first `limit` of them, the boot CPU among these. Each one
 * runs `entry(cpu)` on the stack that `alloc_stack` gave it, on the reference page table, with interrupts off. Thread
 * context, boot CPU only. A CPU that does not answer, or does not complete its start, is reported and left out after
 * some seconds. Returns the number of online CPUs.
 */
unsigned int arch_start_cpus(unsigned int limit, void *(*alloc_stack)(void), void (*entry)(unsigned int cpu));

/* The number of CPUs in the firmware tables, also those that cannot be used. */
unsigned int arch_cpus_found(void);

/*
 * The allocator of the APs' per-CPU areas. It returns page-aligned memory, or NULL. main.c sets it before
 * arch_start_cpus().
 */
void arch_set_percpu_allocator(void *(*alloc)(size_t bytes));

struct trap_frame;
/* Print the CPU's part of a panic report: the frame's registers (NULL: none were saved) and the control registers. */
void arch_print_registers(struct trap_frame *frame);

/* For a panic: stop all other CPUs where they are. Returns without waiting for them. */
void arch_stop_other_cpus(void);

/* Stop this CPU for ever, interrupts off. */
void __noreturn arch_cpu_stop(void);

/* The cycle counter; always 0 on a CPU without one. */
u64 arch_cycles(void);
