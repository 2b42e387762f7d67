/* SPDX-License-Identifier: MIT */
/*
 * Non-maskable interrupts. The handler may touch any kernel memory, vmalloc space included, because none of it faults.
 * It must not probe an address: after the IRET of a nested fault the next NMI may come, on the same stack.
 */
#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/trap.h>
#include <kernel/backtrace.h>
#include <kernel/bug.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <lib/atomic.h>

static void (*nmi_handler)(struct trap_frame *) __ro_after_init;
static unsigned int stopped_by; /* number + 1 of the CPU that stops all others; 0: none */

/* Another CPU asks where this CPU is. The asking CPU prints the answer, because this CPU may hold printk's lock. */
enum whereabouts { NOT_ASKED, ASKED, ANSWERED, GIVEN_UP };
static DEFINE_PER_CPU(unsigned int, whereabouts);
static DEFINE_PER_CPU(struct backtrace, struck_trace);
static DEFINE_PER_CPU(unsigned int, nmi_depth);

#define ANSWER_MS 2000

/* By NMI, because the other CPUs may have interrupts off. */
void arch_stop_other_cpus(void)
{
	unsigned int cpu;

	WRITE_ONCE(stopped_by, smp_processor_id() + 1);
	for_each_online_cpu(cpu)
		if (cpu != smp_processor_id())
			arch_send_nmi(cpu);
}

void arch_backtrace_cpu(unsigned int cpu)
{
	unsigned int *state = per_cpu_ptr(&whereabouts, cpu);

	if (cmpxchg(state, NOT_ASKED, ASKED) != NOT_ASKED)
		return; /* another CPU is asking, or the NMI of an earlier question has not arrived */
	arch_send_nmi(cpu);
	for (unsigned int ms = 0; ms < ANSWER_MS && smp_load_acquire(state) != ANSWERED; ms++)
		arch_udelay(1000);
	if (cmpxchg(state, ASKED, GIVEN_UP) == ASKED) {
		printk("CPU %u does not answer an NMI either\n", cpu);
		return;
	}
	printk("CPU %u is at:\n", cpu);
	backtrace_show(per_cpu_ptr(&struck_trace, cpu));
	smp_store_release(state, (unsigned int)NOT_ASKED);
}

/* Answers a question, if there is one. True: there was one, so this NMI is dealt with. */
static bool tell_whereabouts(struct trap_frame *frame)
{
	unsigned int *state = this_cpu_ptr(&whereabouts);

	if (READ_ONCE(*state) == NOT_ASKED)
		return false;
	backtrace_take(this_cpu_ptr(&struck_trace), trap_frame_pc(frame), trap_frame_stack(frame));
	if (cmpxchg(state, ASKED, ANSWERED) == GIVEN_UP)
		smp_store_release(state, (unsigned int)NOT_ASKED);
	return true;
}

bool in_nmi(void)
{
	return this_cpu_read(nmi_depth) != 0;
}

void arch_set_nmi_handler(void (*handler)(struct trap_frame *))
{
	WRITE_ONCE(nmi_handler, handler);
}

/* An NMI without a handler is unexpected, for example a button: panic, which shows where this CPU is. */
void nmi_interrupt(struct trap_frame *frame)
{
	void (*handler)(struct trap_frame *) = READ_ONCE(nmi_handler);

	if (READ_ONCE(stopped_by) && READ_ONCE(stopped_by) != smp_processor_id() + 1)
		arch_cpu_stop();
	if (tell_whereabouts(frame))
		return;
	if (!handler)
		panic_at(frame, 0, "non-maskable interrupt at %pS", (void *)frame->ip);
	this_cpu_add(nmi_depth, 1);
	handler(frame);
	this_cpu_add(nmi_depth, -1);
}
