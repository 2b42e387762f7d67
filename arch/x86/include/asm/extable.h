/* SPDX-License-Identifier: MIT */
/*
 * The exception table: instructions of the kernel that may fault. "A fault at insn continues at fixup", with what kind
 * of fault it was (enum probe_result) in eax. The asm statement that uses EXCEPTION_ENTRY has an operand
 * [word] "i"(sizeof(vaddr_t)) and gives eax as an output.
 */
#pragma once

#include <lib/types.h>

struct trap_frame;

/* Both labels are stored as one address each. */
#define EXCEPTION_ENTRY(insn, fixup) \
	".pushsection .ex_table, \"a\"\n\t" \
	".balign %c[word]\n\t" \
	".dc.a " #insn ", " #fixup "\n\t" \
	".popsection\n"

/* Where a fault at this instruction continues; 0: it is not expected to fault. */
vaddr_t exception_fixup(vaddr_t insn);
/* Is this the instruction that copies from or to user memory? It may fault only at user addresses. */
bool is_user_copy(vaddr_t insn);
