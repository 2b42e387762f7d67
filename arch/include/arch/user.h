/* SPDX-License-Identifier: MIT */
/*
 * Ring 3: how a thread gets there, and how the kernel hears of what its program wants or does wrong.
 *
 * A program's registers are a struct trap_frame, whether it has just been stopped by a trap or has yet to run. To fork is to
 * copy one; to start or to replace a program is to fill one in. Programs have no floating point: the kernel saves none,
 * and the first such instruction is a trap.
 */
#pragma once

#include <lib/compiler.h>
#include <asm/machine.h> /* struct trap_frame: ax bx cx dx si di bp ip sp */

/* Registers of a program that has not run: all 0 but these two; interrupts on. */
void user_frame_init(struct trap_frame *frame, vaddr_t ip, vaddr_t sp);

/*
 * Go on in ring 3 with these registers, on the address space that is loaded. What the caller's kernel stack holds is
 * forgotten: the next trap begins at its top again. Thread context; frame may lie anywhere.
 */
void __noreturn arch_enter_user(const struct trap_frame *frame);

/*
 * System calls: int 0x80. Number in eax (rax), arguments in ebx, ecx, edx, esi, edi (rbx, ...), result in eax (rax).
 * The handler runs as the thread: interrupts on, may sleep, may end the thread.
 */
void arch_set_syscall_handler(void (*fn)(struct trap_frame *frame));

static inline unsigned long syscall_number(const struct trap_frame *frame) { return frame->ax; }
static inline void syscall_set_result(struct trap_frame *frame, long result) { frame->ax = (unsigned long)result; }

#define SYSCALL_ARGS 5
static inline unsigned long syscall_arg(const struct trap_frame *frame, unsigned int n)
{
	const unsigned long args[SYSCALL_ARGS] = { frame->bx, frame->cx, frame->dx, frame->si, frame->di };

	return args[n];
}

/*
 * Called each time a program is about to go on in ring 3: after a system call, a fault, an interrupt; not after an NMI. As the
 * thread, interrupts off. It returns like that, or it enables them and ends the thread.
 */
void arch_set_user_return_handler(void (*fn)(void));

/* A program did what it may not. */
enum user_trap {
	USER_TRAP_MEMORY,      /* an address that it has no right to, or that is none */
	USER_TRAP_NO_MEMORY,   /* an address that it has a right to, but there is no page to put there */
	USER_TRAP_INSTRUCTION, /* an instruction that it may not use, or that does not exist */
	USER_TRAP_ARITHMETIC,
	USER_TRAP_DEBUG,       /* single step, breakpoint */
};

/* Called as the thread, as for system calls, and does not return: the program cannot go on. what: the reason, for people. */
void arch_set_user_trap_handler(void __noreturn (*fn)(enum user_trap trap, vaddr_t ip, const char *what));
