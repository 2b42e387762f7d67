/* SPDX-License-Identifier: MIT */
/* Symbols and backtraces. The symbol table is part of the image, so a panic prints names. */
#pragma once

#include <arch/irq.h>
#include <lib/compiler.h>

/* "vmalloc+0x41"; the number alone when no symbol is known. len counts the NUL; returns the length. Any context. */
size_t symbol_format(char *buf, size_t len, vaddr_t addr);

/*
 * A backtrace: where a thread is, then its callers, innermost first. It continues through interrupts and exceptions:
 * the interrupted code follows its handler. It may be taken in any context and shown later. from: where the callers are
 * found, as trap_frame_stack() says it.
 */
#define BACKTRACE_FRAMES 32
struct backtrace {
	unsigned int nr;
	struct backtrace_entry {
		vaddr_t pc;
		bool interrupted; /* true: interrupted here, by `cause`; false: a return address */
		struct trap_cause cause;
	} entry[BACKTRACE_FRAMES];
};
void backtrace_take(struct backtrace *trace, vaddr_t pc, vaddr_t from);
void backtrace_show(const struct backtrace *trace);

/* Take and print a backtrace, one line each; "?" before a guess. Stops at unreadable memory. Any context. */
void backtrace_print(vaddr_t pc, vaddr_t from);
void backtrace_here(void);
