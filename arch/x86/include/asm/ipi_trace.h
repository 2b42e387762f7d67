/* SPDX-License-Identifier: MIT */
/*
 * Traces interrupts between CPUs. Sending and arrival get the same serial number, so that an arrow can be drawn between
 * them. If an interrupt is sent while one of its kind is pending, both arrive as one, with the later number.
 */
#pragma once

#include <arch/irq.h>
#include <kernel/trace.h>

void ipi_trace_send_slow(unsigned int cpu, enum ipi_vector ipi);
void ipi_trace_ack_slow(enum ipi_vector ipi);

/* Before the interrupt is sent to `cpu`. */
static inline void ipi_trace_send(unsigned int cpu, enum ipi_vector ipi)
{
	if (trace_is_on(TRACE_IPI_SEND))
		ipi_trace_send_slow(cpu, ipi);
}

/* On its arrival, interrupts off. */
static inline void ipi_trace_ack(enum ipi_vector ipi)
{
	if (trace_is_on(TRACE_IPI_ACK))
		ipi_trace_ack_slow(ipi);
}
