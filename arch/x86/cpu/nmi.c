/* SPDX-License-Identifier: MIT */
/*
 * Non-maskable interrupts. The handler may touch any kernel memory, vmalloc space included, because none of it faults;
 * it must not fault on purpose either (the IRET of a nested fault would let the next NMI in, on the same stack).
 */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/cpumask.h>

static void (*nmi_handler)(struct trap_frame *);
static bool stopping;

/* An NMI, because a CPU that shall stop may well be one that has interrupts off. */
void arch_stop_other_cpus(void)
{
	unsigned int cpu;

	WRITE_ONCE(stopping, true);
	for_each_online_cpu(cpu)
		if (cpu != smp_processor_id())
			arch_send_nmi(cpu);
}

void arch_set_nmi_handler(void (*handler)(struct trap_frame *))
{
	WRITE_ONCE(nmi_handler, handler);
}

/* An NMI that nobody expects is somebody's button: show where this CPU is. */
void nmi_interrupt(struct trap_frame *frame)
{
	void (*handler)(struct trap_frame *) = READ_ONCE(nmi_handler);

	if (READ_ONCE(stopping))
		arch_cpu_stop();
	if (!handler)
		panic_at(frame, 0, "non-maskable interrupt at %pS", (void *)frame->ip);
	handler(frame);
}
