/* SPDX-License-Identifier: MIT */
/* Symbols and backtraces. The symbol table is part of the image (tests/qemu is not needed to read a panic). */
#pragma once

#include <arch/irq.h>
#include <lib/compiler.h>

/* "vmalloc+0x41"; the number alone when no symbol is known. len counts the NUL; returns the length. Any context. */
size_t symbol_format(char *buf, size_t len, vaddr_t addr);

/*
 * Where a thread is and whence it was called, innermost first. It goes on through interrupts and exceptions: what one of them
 * interrupted follows its handler. Take it in any context, show it later and elsewhere.
 * from: trap_frame_stack(), where the callers are to be found.
 */
#define BACKTRACE_FRAMES 32
struct backtrace {
	unsigned int nr;
	struct backtrace_entry {
		vaddr_t pc;
		bool interrupted; /* here, and by what: otherwise it is a return address */
		struct trap_cause cause;
	} entry[BACKTRACE_FRAMES];
};
void backtrace_take(struct backtrace *trace, vaddr_t pc, vaddr_t from);
void backtrace_show(const struct backtrace *trace);

/* Print it, one line each; "?" before what is guessed. Stops at what is not readable. Any context. */
void backtrace_print(vaddr_t pc, vaddr_t from);
void backtrace_here(void);
