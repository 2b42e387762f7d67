/* SPDX-License-Identifier: MIT */
/*
 * Guards of stack frames: a function with an array has a word between its locals and its return address. The compiler
 * writes __stack_chk_guard there when the function begins, and compares when it ends. One global word serves all CPUs:
 * per-CPU data would need GS or FS, which early code does not have.
 */
#include <kernel/bug.h>
#include <kernel/stack_protector.h>

unsigned long __stack_chk_guard __ro_after_init;

/* Called by the compiler's code. The call may be the last instruction of its function. */
void __noreturn __stack_chk_fail(void)
{
	panic("the stack frame of %pS is overwritten", (void *)(_RET_IP_ - 1));
}
