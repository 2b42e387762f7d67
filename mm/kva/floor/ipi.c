/* SPDX-License-Identifier: MIT */
/*
 * One interrupt between CPUs serves two purposes: the shootdown of arch/x86/mm/tlb.c, and calling a function there. The
 * handler looks for both. Only one thread at a time has a function called; it serves its own CPU's requests meanwhile.
 */
#include "mm/kva/floor/floor.h"

#include <kernel/smp.h>
#include <kernel/watchdog.h>

static void (*shootdown)(struct trap_frame *frame);
static DEFINE_MUTEX(call_lock);
static struct {
	void (*fn)(void *arg);
	void *arg;
	cpumask_t pending;
} call;

void arch_set_ipi_handler(enum ipi_vector ipi __maybe_unused, void (*handler)(struct trap_frame *frame))
{
	shootdown = handler;
}

void arch_send_ipi(unsigned int cpu, enum ipi_vector ipi __maybe_unused)
{
	if (MAX_CPUS > 1)
		host_send_flush_ipi(cpu);
}

void arch_send_ipi_many(const cpumask_t *cpus, enum ipi_vector ipi)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpus)
		arch_send_ipi(cpu, ipi);
}

void kva_flush_ipi(void)
{
	unsigned int me = host_cpu_number();
	bool flags = arch_local_irq_save();

	if (me < MAX_CPUS && kva_announced[me] && shootdown) {
		shootdown(NULL);
		if (cpumask_test(&call.pending, me)) {
			call.fn(call.arg);
			cpumask_clear(&call.pending, me);
		}
	}
	local_irq_restore(flags);
}

void smp_call_function_many(const cpumask_t *mask, void (*fn)(void *arg), void *arg, bool wait __maybe_unused)
{
	struct answer_wait patience = { 0 };
	cpumask_t targets;
	unsigned int cpu;

	mutex_lock(&call_lock);
	preempt_disable(); /* so no CPU that is online now goes before it has answered (kva_cpu_offline) */
	call.fn = fn;
	call.arg = arg;
	targets = *mask;
	cpus_keep_online(&targets);
	cpumask_clear(&targets, smp_processor_id());
	smp_mb();
	for_each_cpu(cpu, &targets) {
		cpumask_set(&call.pending, cpu);
		smp_mb();
		arch_send_ipi(cpu, IPI_CALL);
	}
	while ((cpu = cpumask_next(-1, &call.pending)) < MAX_CPUS) {
		kva_flush_ipi();
		cpu_relax();
		watchdog_waiting(&patience, cpu, "call");
	}
	preempt_enable();
	mutex_unlock(&call_lock);
}

void on_each_cpu(void (*fn)(void *arg), void *arg, int wait)
{
	bool flags;

	smp_call_function_many(cpu_online_mask, fn, arg, wait);
	flags = arch_local_irq_save();
	fn(arg);
	local_irq_restore(flags);
}

#define POLLS_UNTIL_REPORT  (1u << 28)   /* without a clock */
#define CYCLES_UNTIL_REPORT (1ull << 32) /* a second or two */

void watchdog_waiting(struct answer_wait *wait, unsigned int cpu, const char *what)
{
	if (++wait->polls % 1024 || wait->reported)
		return;
	wait->since = wait->since ? wait->since : arch_cycles();
	if (boot_cpu.tsc ? arch_cycles() - wait->since < CYCLES_UNTIL_REPORT : wait->polls < POLLS_UNTIL_REPORT)
		return;
	wait->reported = true;
	printk("CPU %u does not answer (%s): are its interrupts off, or does host_send_flush_ipi() not reach it?\n",
	       cpu, what);
}
