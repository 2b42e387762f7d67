/* SPDX-License-Identifier: MIT */
/*
 * Calling a function on another CPU. Requests live on the caller's stack and hang on a lock-less list of the target:
 * whoever finds the list empty sends the interrupt, and the target takes the whole list at once.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/cpumask.h>
#include <lib/atomic.h>

struct call_request {
	struct call_request *next;
	void (*fn)(void *arg);
	void *arg;
	bool done; /* the last touch by the target */
};

static DEFINE_PER_CPU(struct call_request *, call_queue);

/* Interrupts off. */
static void serve_calls(void)
{
	struct call_request *request = xchg(this_cpu_ptr(&call_queue), NULL), *next;

	for (; request; request = next) {
		next = request->next;
		request->fn(request->arg);
		smp_store_release(&request->done, true);
	}
}

static void call_interrupt(struct trap_frame *frame __maybe_unused)
{
	serve_calls();
}

void smp_call_install_handler(void)
{
	arch_set_ipi_handler(IPI_CALL, call_interrupt);
}

static void post(unsigned int cpu, struct call_request *request)
{
	struct call_request **queue = per_cpu_ptr(&call_queue, cpu), *first;

	do {
		first = READ_ONCE(*queue);
		request->next = first;
	} while (cmpxchg(queue, first, request) != first);
	if (!first)
		arch_send_ipi(cpu, IPI_CALL);
}

static void wait_for(struct call_request *request)
{
	while (!smp_load_acquire(&request->done)) {
		bool flags = local_irq_save();

		serve_calls();
		local_irq_restore(flags);
		cpu_relax();
	}
}

static void call_here(void (*fn)(void *), void *arg)
{
	bool flags = local_irq_save();

	fn(arg);
	local_irq_restore(flags);
}

void smp_call_function_single(unsigned int cpu, void (*fn)(void *), void *arg)
{
	struct call_request request = { .fn = fn, .arg = arg };

	BUG_ON(in_interrupt());
	if (cpu == smp_processor_id()) {
		call_here(fn, arg);
		return;
	}
	post(cpu, &request);
	wait_for(&request);
}

/* All at the same time: the others are asked first, and waited for after the call here. */
void on_each_cpu(void (*fn)(void *), void *arg)
{
	struct call_request request[MAX_CPUS];
	unsigned int cpu, self = smp_processor_id();
	cpumask_t targets = cpu_online_mask; /* a CPU that comes up meanwhile is left out in both loops */

	BUG_ON(in_interrupt());
	for_each_cpu(cpu, &targets) {
		request[cpu] = (struct call_request){ .fn = fn, .arg = arg, .done = cpu == self };
		if (cpu != self)
			post(cpu, &request[cpu]);
	}
	call_here(fn, arg);
	for_each_cpu(cpu, &targets)
		wait_for(&request[cpu]);
}
