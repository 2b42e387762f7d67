/* SPDX-License-Identifier: MIT */
/*
 * Switching from one thread to another. The stack of a new thread looks as if the thread were in switch_stack(), which
 * then returns to thread_start.
 */
#include <arch/context.h>
#include <arch/cpu.h>
#include <asm/machine.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>

/* context_{32,64}.S */
void thread_start(void);
void switch_stack(void **save, void *next);

/* The running thread's. NULL: no thread runs on this CPU yet; then lazy_mmu_at_boot is used. */
static DEFINE_PER_CPU(struct lazy_mmu *, lazy_mmu);
static DEFINE_PER_CPU(struct lazy_mmu, lazy_mmu_at_boot);

struct lazy_mmu *arch_lazy_mmu(void)
{
	struct lazy_mmu *lazy = this_cpu_read(lazy_mmu);

	return lazy ? lazy : raw_cpu_ptr(&lazy_mmu_at_boot);
}

void arch_adopt_thread(struct arch_thread *thread)
{
	BUG_ON(arch_lazy_mmu()->pt || arch_lazy_mmu()->scope);
	this_cpu_write(lazy_mmu, &thread->lazy_mmu);
}

void arch_prepare_thread(struct arch_thread *thread, void *stack_top, void (*entry)(void *arg), void *arg)
{
	struct switch_frame *frame = (struct switch_frame *)stack_top - 1;

	*frame = (struct switch_frame){ .ip = (unsigned long)thread_start };
	switch_frame_set_call(frame, (unsigned long)entry, (unsigned long)arg);
	*thread = (struct arch_thread){ .sp = frame, .stack_top = stack_top };
}

void arch_switch_to(struct arch_thread *this, struct arch_thread *next)
{
	this->fault_depth = this_cpu_read(fault_depth);
	this_cpu_write(fault_depth, next->fault_depth);
	set_entry_stack(next->stack_top);
	this_cpu_write(lazy_mmu, &next->lazy_mmu);
	switch_stack(&this->sp, next->sp);
}
