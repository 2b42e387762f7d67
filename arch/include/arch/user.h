/* SPDX-License-Identifier: MIT */
/*
 * Ring 3: how a thread enters it, and how the kernel handles system calls and faults of the program.
 *
 * The registers of a program that does not run are in a struct trap_frame. A fork copies it; starting or replacing a
 * program fills it in. Programs have no floating point: the first such instruction traps.
 */
#pragma once

#include <lib/compiler.h>
#include <asm/machine.h> /* struct trap_frame: ax bx cx dx si di bp ip sp */

/* Initial registers of a program: ip and sp as given, interrupts on, the user's segments, all general registers 0. */
void user_frame_init(struct trap_frame *frame, vaddr_t ip, vaddr_t sp);

/*
 * Enter ring 3 with these registers, on the loaded address space. The caller's kernel stack is abandoned: the next trap
 * begins at its top. Thread context; frame may be anywhere in kernel memory.
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
 * Called in the thread, interrupts off, whenever the program is about to return to ring 3: after a system call, a
 * fault, an interrupt; not after an NMI. It returns with interrupts off, or enables them and ends the thread.
 */
void arch_set_user_return_handler(void (*fn)(void));

/* Why a program was stopped. */
enum user_trap {
	USER_TRAP_MEMORY,      /* an address that it may not access, or that is not mapped */
	USER_TRAP_NO_MEMORY,   /* an address that it may access, but no memory for the page */
	USER_TRAP_INSTRUCTION, /* a forbidden or undefined instruction */
	USER_TRAP_ARITHMETIC,
	USER_TRAP_DEBUG,       /* single step, breakpoint */
};

/* Called in the thread, like system calls. Does not return: the program must end. what: the reason, for people. */
void arch_set_user_trap_handler(void __noreturn (*fn)(enum user_trap trap, vaddr_t ip, const char *what));
