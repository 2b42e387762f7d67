/* SPDX-License-Identifier: MIT */
/* While interrupts between CPUs are traced: which of them were sent and have not arrived. */
#include <arch/cpu.h>
#include <asm/ipi_trace.h>
#include <kernel/percpu.h>
#include <lib/atomic.h>

#define SENDER_BITS 8 /* a note is: serial number << SENDER_BITS | sending CPU */
static_assert(MAX_CPUS <= 1 << SENDER_BITS, "a CPU number must fit");

/* For each kind, the note of the last interrupt that was sent to this CPU and has not arrived; 0: none. */
static DEFINE_PER_CPU(unsigned long, pending_note[NR_IPIS]);
static atomic_long_t serials;

void ipi_trace_send_slow(unsigned int cpu, enum ipi_vector ipi)
{
	unsigned long serial = (unsigned long)atomic_long_inc_return(&serials) & (~0UL >> SENDER_BITS);

	WRITE_ONCE(per_cpu(pending_note[ipi], cpu), serial << SENDER_BITS | smp_processor_id());
	trace(TRACE_IPI_SEND, cpu, ipi, serial);
}

void ipi_trace_ack_slow(enum ipi_vector ipi)
{
	unsigned long note = xchg(&this_cpu(pending_note[ipi]), 0);

	trace(TRACE_IPI_ACK, note & ((1 << SENDER_BITS) - 1), ipi, note >> SENDER_BITS);
}
