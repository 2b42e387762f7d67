/* SPDX-License-Identifier: MIT */
/* The stubs of both ways into the kernel, in every mode. */
#include <asm/vectors.h>

	/*
	 * A stub for each vector, 16 bytes apart. It makes the frame uniform, and jumps to `own_stack` from the vectors
	 * that x86_64 gives stacks of their own, to `common` from the others.
	 */
	.macro	stubs common, own_stack
	.set	vector, 0
	.rept	NR_VECTORS
	.balign	16
	/* The CPU pushes an error code for 8, 10..14, 17, 21, 29 and 30 (SDM vol. 3, 6.13; APM vol. 2, 8.2). */
	.set	low, vector == 8 || (vector >= 10 && vector <= 14)
	.set	high, vector == 17 || vector == 21 || vector == 29 || vector == 30
	.if	!(low || high)
	push	$0
	.endif
	push	$vector
	.if	vector == VECTOR_NMI || vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK
	jmp	\own_stack
	.else
	jmp	\common
	.endif
	.set	vector, vector + 1
	.endr
	.endm
