/* SPDX-License-Identifier: MIT */
/* Interrupt vectors and segment selectors. Constants only: assembly includes it too. */
#pragma once

#define VECTOR_DIVIDE	     0
#define VECTOR_DEBUG	     1
#define VECTOR_NMI	     2
#define VECTOR_BREAKPOINT    3
#define VECTOR_OVERFLOW	     4
#define VECTOR_BOUND	     5
#define VECTOR_INVALID_OPCODE 6
#define VECTOR_NO_FPU	     7
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_STACK_SEGMENT 12
#define VECTOR_GENERAL	     13
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18
#define NR_EXCEPTIONS	     32

#define VECTOR_TIMER	0x20 /* local APIC timer */
#define VECTOR_PIC	0x30 /* + IRQ number 0..15; without a local APIC's timer the PIT ticks on 0x30 */
#define VECTOR_SYSCALL	0x80 /* ring 3 may use its gate, and those of INT3 and INTO */
#define VECTOR_IPI	0xf0 /* + enum ipi_vector */
#define VECTOR_SPURIOUS 0xff /* spurious interrupt of the local APIC: must not be acknowledged */
#define NR_VECTORS	256

/* One descriptor table a CPU. 0x28 is the 64-bit user code (where SYSRET wants it), on i386 the per-CPU segment. */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_CODE32 0x18
#define SEL_USER_DATA	0x20
#define SEL_USER_CODE64 0x28
#define SEL_PERCPU	0x28
#define SEL_TSS		0x30 /* two entries long on x86_64 */
#define SEL_DF_TSS	0x38 /* i386: the task that handles a double fault */
#define SEL_MC_TSS	0x40 /* i386: the task that handles a machine check */
#define NR_GDT_ENTRIES	9
