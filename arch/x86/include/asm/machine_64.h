/* SPDX-License-Identifier: MIT */
/* What depends on the word size: x86_64. This target's <asm/machine.h> includes it. */
#pragma once

#include <lib/types.h>
#include <asm/vectors.h>

#define PERCPU_SEGMENT "gs"
#define WORD_SUFFIX    "q" /* for an instruction without a register operand */

/* What trap_entry_64.S leaves on the stack, lowest address first. */
struct trap_frame {
	unsigned long r15, r14, r13, r12, r11, r10, r9, r8;
	unsigned long bp, di, si, dx, cx, bx, ax;
	/* a program's DS, ES, FS and GS, 16 bits each from the lowest on; 0 in frames of the kernel */
	unsigned long segments;
	unsigned long address;	/* the faulting address of a page fault; set by page_fault() */
	unsigned long vector;
	unsigned long error; /* what the CPU pushed, or 0 */
	unsigned long ip, cs, flags, sp, ss;
};

#define SEL_USER_CODE SEL_USER_CODE64

/* The trap frame, from the address behind the return address of trap entry's call. */
static inline const struct trap_frame *trap_frame_of_caller(vaddr_t behind)
{
	return (const struct trap_frame *)behind;
}

/* All empty: 64-bit code does not need data segments. The bases of FS and GS are 0, and a program cannot set them. */
static inline void user_frame_segments(struct trap_frame *frame)
{
	frame->segments = 0;
}

/* What switch_stack leaves on a stack. */
struct switch_frame {
	unsigned long r15, r14, r13, r12, bx, bp, ip;
};

/* Stack pointer of the interrupted code. */
static inline vaddr_t trap_frame_sp(const struct trap_frame *frame)
{
	return frame->sp;
}

/* Sets what thread_start (context_64.S) calls in a new thread. */
static inline void switch_frame_set_call(struct switch_frame *frame, unsigned long entry, unsigned long arg)
{
	frame->r12 = entry;
	frame->r13 = arg;
}
