/* SPDX-License-Identifier: MIT */
/*
 * Panic: an invariant is broken. The first CPU that panics reports, any other one stops silently. A panic inside the
 * report gives up the rest of it. Text for a test runner comes first and last, so a report that fails half-way is still
 * recognised as a crash.
 *
 * The first panic is never silent. For this, each CPU knows its id whatever its registers were (percpu_base_restore()
 * in arch/x86/cpu), so it stops the others and not itself; printk's lock is ignored; a console that was not found yet
 * is searched for, and one that fails during the report is left out (arch_console_panic).
 */
#include <kernel/bug.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <kernel/backtrace.h>
#include <kernel/ktest.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/format.h>

static const struct panic_ops *ops __ro_after_init;
static int panic_cpu; /* CPU + 1; 0: no panic */

void panic_set_ops(const struct panic_ops *panic_ops)
{
	ops = panic_ops;
}

bool panic_in_progress(void)
{
	return READ_ONCE(panic_cpu) != 0;
}

static void __noreturn end(void)
{
	if (ops && ops->exit)
		ops->exit();
	arch_cpu_stop();
}

static void __noreturn finish(void)
{
	print_line("# exit: CRASH");
	end();
}

/*
 * How many panics this CPU was in before. The report may need what is broken, so each nested panic prints less: the
 * whole report, a sentence, its format, nothing but the end, nothing.
 */
enum panic_depth { WHOLE_REPORT, SENTENCE, FORMAT, END_ALONE, NOTHING };

static unsigned int panics_here; /* on the CPU that reports */

static unsigned int claim_report(void)
{
	int me = (int)smp_processor_id() + 1, first = cmpxchg(&panic_cpu, 0, me);

	if (first && first != me)
		arch_cpu_stop();
	return panics_here++;
}

/* A panic inside a panic: the report is given up. */
static void __noreturn give_up(unsigned int depth, const char *fmt, va_list args)
{
	char message[256];

	if (depth >= NOTHING)
		arch_cpu_stop();
	if (depth == END_ALONE)
		end();
	if (depth == SENTENCE)
		vscnprintf(message, sizeof(message), fmt, args);
	print_line("panic inside a panic: %s", depth == SENTENCE ? message : fmt); /* formatting may be what failed */
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
	unsigned int depth;
	char message[256];

	local_irq_disable();
	depth = claim_report();
	if (depth < END_ALONE) {
		printk_break_lock();
		arch_console_panic();
	}
	if (depth)
		give_up(depth, fmt, args);
	vscnprintf(message, sizeof(message), fmt, args);
	if (ops && ops->stop_other_cpus)
		ops->stop_other_cpus();
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
