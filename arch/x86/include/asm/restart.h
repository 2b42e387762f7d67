/* SPDX-License-Identifier: MIT */
/*
 * Restartable sequences: instructions of which the last one, a store, makes the whole thing happen. An interrupt that
 * comes between the first and the last one returns to the first (arch/x86/cpu/trap/restart.c), so that what it did, or
 * what other threads did after a switch, even on another CPU, is seen by a sequence that has not begun. A sequence may
 * be left by jumps; it must not change what it started from. NMIs and exceptions do not restart it (single steps would
 * never end), and so must not touch its data.
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
/* For an interrupt of the kernel: if a sequence was not finished, it begins again when the interrupt returns. */
void restart_sequence(struct trap_frame *frame);
