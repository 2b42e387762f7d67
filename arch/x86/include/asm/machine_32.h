/* SPDX-License-Identifier: MIT */
/* What depends on the word size: i386, with PAE and without. Each target's <asm/machine.h> includes one of the two. */
#pragma once

#include <lib/types.h>
#include <asm/vectors.h>

#define PERCPU_SEGMENT "fs"
#define WORD_SUFFIX    "l" /* for an instruction without a register operand */

/* What trap_entry_32.S leaves on the stack, lowest address first. */
struct trap_frame {
	unsigned long di, si, bp, unused_sp, bx, dx, cx, ax; /* in the order of PUSHA */
	unsigned long ds, es, fs, gs;
	unsigned long address; /* the faulting address of a page fault; set by page_fault() */
	unsigned long vector;
	unsigned long error; /* what the CPU pushed, or 0 */
	unsigned long ip, cs, flags;
	unsigned long sp, ss; /* pushed only when the CPU came from ring 3; tasks (gdt_32.c) fill them in */
};

#define SEL_USER_CODE SEL_USER_CODE32

/* The trap frame, from the address behind the return address of trap entry's call. Reads the word there. */
static inline const struct trap_frame *trap_frame_of_caller(vaddr_t behind)
{
	return *(const struct trap_frame *const *)behind;
}

/* Data segments are part of a program's registers; FS and GS are empty. */
static inline void user_frame_segments(struct trap_frame *frame)
{
	frame->ds = frame->es = SEL_USER_DATA | 3;
}

/* What switch_stack leaves on a stack. */
struct switch_frame {
	unsigned long di, si, bx, bp, ip;
};

/* Stack pointer of the interrupted code. */
static inline vaddr_t trap_frame_sp(const struct trap_frame *frame)
{
	bool saved = (frame->cs & 3) || frame->vector == VECTOR_DOUBLE_FAULT || frame->vector == VECTOR_MACHINE_CHECK;

	return saved ? frame->sp : (vaddr_t)&frame->sp;
}

/* Sets what thread_start (context_32.S) calls in a new thread. */
static inline void switch_frame_set_call(struct switch_frame *frame, unsigned long entry, unsigned long arg)
{
	frame->si = entry;
	frame->di = arg;
}
