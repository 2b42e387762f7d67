/* SPDX-License-Identifier: MIT */
/*
 * The end, when an invariant is broken. The first CPU that panics reports; a second one stops silently; a panic inside
 * the report gives up on the rest of it. Text that a test runner needs comes first and last, so that a report that
 * fails half-way is still recognised as a crash.
 */
#include <kernel/bug.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <kernel/backtrace.h>
#include <kernel/ktest.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/format.h>

static const struct panic_ops *ops;
static int panic_cpu; /* CPU + 1; 0: no panic */

void panic_set_ops(const struct panic_ops *panic_ops)
{
	ops = panic_ops;
}

bool panic_in_progress(void)
{
	return READ_ONCE(panic_cpu) != 0;
}

static void __noreturn finish(void)
{
	print_line("# exit: CRASH");
	if (ops && ops->exit)
		ops->exit();
	arch_cpu_stop();
}

/* Returns when this CPU is the one to report. */
static void claim_report(const char *message)
{
	int me = (int)smp_processor_id() + 1, first = cmpxchg(&panic_cpu, 0, me);

	if (first == 0)
		return;
	if (first != me)
		arch_cpu_stop();
	print_line("panic inside a panic: %s", message);
	finish();
}

static void report_cpu(struct trap_frame *frame)
{
	if (ops && ops->print_registers)
		ops->print_registers(frame);
	if (frame)
		backtrace_print(trap_frame_pc(frame), trap_frame_stack(frame));
	else
		backtrace_here();
}

static void __noreturn vpanic(struct trap_frame *frame, vaddr_t fault_addr, const char *fmt, va_list args)
{
	char message[256];

	local_irq_disable();
	vscnprintf(message, sizeof(message), fmt, args);
	claim_report(message);
	if (ops && ops->stop_other_cpus)
		ops->stop_other_cpus();
	printk_break_lock();
	if (ktest_active())
		ktest_bail_out(message);
	printk("panic on cpu %u: %s\n", smp_processor_id(), message);
	report_cpu(frame);
	if (fault_addr && ops && ops->print_walk)
		ops->print_walk(fault_addr);
	finish();
}

void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vpanic(NULL, 0, fmt, args);
}

void panic_at(struct trap_frame *frame, vaddr_t fault_addr, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vpanic(frame, fault_addr, fmt, args);
}
