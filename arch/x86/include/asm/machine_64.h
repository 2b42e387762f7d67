/* SPDX-License-Identifier: MIT */
/* What differs by word size: x86_64. Included through <asm/machine.h>, which each target has one of. */
#pragma once

#include <lib/types.h>
#include <asm/vectors.h>

#define PERCPU_SEGMENT "gs"
#define WORD_SUFFIX    "q" /* of an instruction without a register */

/* What trap_entry_64.S leaves on the stack, lowest address first. */
struct trap_frame {
	unsigned long r15, r14, r13, r12, r11, r10, r9, r8;
	unsigned long bp, di, si, dx, cx, bx, ax;
	/* of a program: DS, ES, FS, GS, 16 bits each from the lowest; 0 for the kernel's own frames */
	unsigned long segments;
	unsigned long address;	/* which a page fault was for; filled in by page_fault() */
	unsigned long vector;
	unsigned long error; /* what the CPU pushed, or 0 */
	unsigned long ip, cs, flags, sp, ss;
};

#define SEL_USER_CODE SEL_USER_CODE64

/* Where trap entry has left the frame, as seen from the word behind the return address of its call. */
static inline const struct trap_frame *trap_frame_of_caller(vaddr_t behind)
{
	return (const struct trap_frame *)behind;
}

/* All empty: 64-bit code has no use for data segments, and the bases of FS and GS, which it cannot set, are 0. */
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

/* Where a fresh thread finds what thread_start (context_64.S) is to call. */
static inline void switch_frame_set_call(struct switch_frame *frame, unsigned long entry, unsigned long arg)
{
	frame->r12 = entry;
	frame->r13 = arg;
}
