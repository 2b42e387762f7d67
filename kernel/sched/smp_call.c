/* SPDX-License-Identifier: MIT */
/*
 * Calling a function on other CPUs. Each CPU has a lock-less list of requests. A caller that finds the list empty sends
 * the interrupt, and the target takes the whole list at once. A caller of many CPUs fills all the lists first, then
 * interrupts the CPUs together; it waits for nobody before that.
 *
 * If the caller waits, the request is on its stack. Otherwise it is in `unwaited`, where each CPU has one request for
 * each target; it is used again only when the target is done with it. A caller may be preempted and moved while it
 * waits, but not while it posts.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/irq.h>
#include <kernel/bug.h>
#include <kernel/smp.h>
#include <kernel/watchdog.h>
#include <lib/atomic.h>
#include <lib/errno.h>

struct call_request {
	struct call_request *next;
	void (*fn)(void *arg);
	void *arg;
	bool busy; /* true until the target is done with it */
};

static DEFINE_PER_CPU(struct call_request *, call_queue);
static DEFINE_PER_CPU(struct call_request, unwaited[MAX_CPUS]);

/* Interrupts off. */
static void serve_calls(void)
{
	struct call_request *request = xchg(this_cpu_ptr(&call_queue), NULL), *next;

	for (; request; request = next) {
		next = request->next;
		request->fn(request->arg);
		smp_store_release(&request->busy, false);
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

/* True: the list was empty, so the caller must interrupt the CPU. */
static bool enqueue(unsigned int cpu, struct call_request *request)
{
	struct call_request **queue = per_cpu_ptr(&call_queue, cpu), *first;

	do {
		first = READ_ONCE(*queue);
		request->next = first;
	} while (cmpxchg(queue, first, request) != first);
	return !first;
}

static void post(unsigned int cpu, struct call_request *request)
{
	if (enqueue(cpu, request))
		arch_send_ipi(cpu, IPI_CALL);
}

static void wait_for(struct call_request *request, unsigned int cpu)
{
	struct answer_wait wait = { 0 };

	while (smp_load_acquire(&request->busy)) {
		bool flags = arch_local_irq_save();

		serve_calls();
		local_irq_restore(flags);
		watchdog_waiting(&wait, cpu, "function call");
		cpu_relax();
	}
}

static void call_here(void (*fn)(void *), void *arg)
{
	bool flags = arch_local_irq_save();

	fn(arg);
	local_irq_restore(flags);
}

/* Preemption off: the request belongs to this CPU. */
static void post_unwaited(unsigned int cpu, void (*fn)(void *), void *arg)
{
	struct call_request *request = this_cpu_ptr(&unwaited[cpu]);

	wait_for(request, cpu);
	*request = (struct call_request){ .fn = fn, .arg = arg, .busy = true };
	post(cpu, request);
}

static void check_caller(void)
{
	BUG_ON(in_interrupt() || irqs_disabled());
}

int smp_call_function_single(int to, void (*fn)(void *), void *arg, int wait)
{
	struct call_request request = { .fn = fn, .arg = arg, .busy = true };
	unsigned int cpu = (unsigned int)to;

	check_caller();
	if (cpu >= MAX_CPUS || !cpumask_test(cpu_online_mask, cpu))
		return -ENXIO;
	preempt_disable();
	if (cpu == smp_processor_id()) {
		call_here(fn, arg);
		wait = false;
	} else if (wait) {
		post(cpu, &request);
	} else {
		post_unwaited(cpu, fn, arg);
	}
	preempt_enable();
	if (wait)
		wait_for(&request, cpu);
	return 0;
}

/* The other online CPUs of the mask. Preemption off. A CPU that comes up later is left out. */
static cpumask_t others_online(const cpumask_t *mask)
{
	cpumask_t others;

	cpumask_and(&others, mask, cpu_online_mask);
	__clear_bit(smp_processor_id(), others.bits);
	return others;
}

/* Posts to all CPUs, interrupts them together, then waits for each, so they run at the same time. */
static void call_many(const cpumask_t *mask, void (*fn)(void *), void *arg, bool here)
{
	struct call_request request[MAX_CPUS];
	cpumask_t others, called = { 0 };
	unsigned int cpu;

	preempt_disable();
	others = others_online(mask);
	for_each_cpu(cpu, &others) {
		request[cpu] = (struct call_request){ .fn = fn, .arg = arg, .busy = true };
		if (enqueue(cpu, &request[cpu]))
			__set_bit(cpu, called.bits);
	}
	if (cpumask_next(-1, &called) < MAX_CPUS)
		arch_send_ipi_many(&called, IPI_CALL);
	if (here)
		call_here(fn, arg);
	preempt_enable();
	for_each_cpu(cpu, &others)
		if (smp_load_acquire(&request[cpu].busy))
			wait_for(&request[cpu], cpu);
}

void smp_call_function_many(const cpumask_t *mask, void (*fn)(void *), void *arg, bool wait)
{
	cpumask_t others;
	unsigned int cpu;

	check_caller();
	if (wait) {
		call_many(mask, fn, arg, false);
		return;
	}
	preempt_disable();
	others = others_online(mask);
	for_each_cpu(cpu, &others)
		post_unwaited(cpu, fn, arg);
	preempt_enable();
}

void on_each_cpu(void (*fn)(void *), void *arg, int wait)
{
	check_caller();
	if (wait) {
		call_many(cpu_online_mask, fn, arg, true);
		return;
	}
	preempt_disable();
	smp_call_function_many(cpu_online_mask, fn, arg, false);
	call_here(fn, arg);
	preempt_enable();
}
