/* SPDX-License-Identifier: MIT */
/*
 * Restartable sequences: instructions that take effect only by the last one, a store. An interrupt inside a sequence
 * returns to its first instruction (arch/x86/cpu/trap/restart.c). So the interrupt's handler may use the same data, and
 * the thread may be preempted and moved to another CPU: the sequence begins again and sees the new state. Code may jump
 * out of a sequence. A sequence must not change its own inputs. NMIs and exceptions do not restart a sequence (single
 * steps would never end), so their handlers must not use its data.
 *
 * The asm statement has an operand [word] "i"(sizeof(long)).
 */
#pragma once

#include <lib/types.h>

#define RESTARTABLE(code) \
	"661:\n\t" code "\n662:\n\t" \
	".pushsection .restartable, \"a\"\n\t" \
	".balign %c[word]\n\t" \
	".dc.a 661b, 662b\n\t" \
	".popsection\n"

struct restartable {
	vaddr_t start, end;
};
extern const struct restartable __restartable_start[], __restartable_end[];

struct trap_frame;

/* Once, before interrupts are on. */
void restart_init(void);
/* For an interrupt in kernel code: if a sequence was not finished, it begins again when the interrupt returns. */
void restart_sequence(struct trap_frame *frame);
