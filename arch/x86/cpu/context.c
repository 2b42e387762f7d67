/* SPDX-License-Identifier: MIT */
/* The first frame of a thread: as if it had once called arch_switch_to() from thread_start. */
#include <arch/context.h>
#include <asm/machine.h>

void thread_start(void); /* context_{32,64}.S */

void *arch_prepare_stack(void *stack_top, void (*entry)(void *arg), void *arg)
{
	struct switch_frame *frame = (struct switch_frame *)stack_top - 1;

	*frame = (struct switch_frame){ .ip = (unsigned long)thread_start };
	switch_frame_set_call(frame, (unsigned long)entry, (unsigned long)arg);
	return frame;
}
