/* SPDX-License-Identifier: MIT */
/*
 * TLB invalidation, on this CPU and on all of them.
 *
 * 1. Work is an object. The caller puts ranges into a tlb_batch. Executing it costs at most one interrupt a CPU,
 *    however many ranges it has. A few short ranges are invalidated page by page with INVLPG. Beyond that everything is
 *    flushed, because INVLPG over a long range costs more than refilling a TLB.
 *
 * 2. The shootdown. Each CPU has one request of its own, and an inbox: the set of CPUs whose requests it has to serve.
 *
 *	CPU 1, initiator			CPU 3, one of the targets
 *	request[1] = what to do
 *	request[1].pending = { 3, 4 }
 *	inbox[3] |= { 1 }, inbox[4] |= { 1 }
 *	interrupt ---------------------------->	for each CPU of inbox[3]: do its request, leave its `pending`
 *	do the request here
 *	wait until request[1].pending is empty
 *
 *    Initiators do not wait for each other. If a CPU's `bell` is set, an interrupt is on its way to it, and no second
 *    one is sent: the CPU will find the new request in its inbox too. (The initiator that set the bell may not have
 *    sent the interrupt yet: it sets all its bells, then sends to all of them. It waits for nobody before that.)
 *
 * 3. No deadlock. An initiator serves its own inbox while it waits. So two CPUs that flush at each other, even with
 *    interrupts off, do not wait for ever. Anything else that a target does with interrupts off must end by itself: so
 *    a thread must not flush while it holds something that another CPU awaits with interrupts off. With several CPUs
 *    online, debug builds panic if interrupts and preemption are both off, as in a holder of an irqsave spinlock. The
 *    watchdog reports a CPU that does not answer (kernel/watchdog.h).
 *
 * 4. A flush of kernel ranges goes to every online CPU, since interrupt handlers use them on any tree. Flushes of
 *    everything are numbered (tlb_gen.c). A flush of a process's ranges goes to the CPUs that have its tree in CR3 and
 *    run the process; pgtable_cpu.c says why the others may be left alone.
 *
 * 5. A CPU that comes online first enters cpu_online_mask, then flushes its own TLB: so it keeps nothing from the time
 *    when nobody asked it to flush.
 */
#include "internal.h"

#include <arch/barrier.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <asm/tlb.h>
#include <kernel/config.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/preempt.h>
#include <kernel/schedule_point.h>
#include <kernel/watchdog.h>
#include <lib/atomic.h>

enum flush_kind { FLUSH_KERNEL, FLUSH_USER, FLUSH_EVICT };

struct flush_request {
	enum flush_kind kind;
	const struct tlb_batch *batch; /* not for FLUSH_EVICT */
	struct pgtable *pt;	       /* not for FLUSH_KERNEL */
	unsigned long nr;	       /* FLUSH_USER: number of this flush among those of pt */
	cpumask_t pending;	       /* CPUs that have not answered yet */
};

static DEFINE_PER_CPU(struct flush_request, request);
static DEFINE_PER_CPU(cpumask_t, inbox);
static DEFINE_PER_CPU(unsigned int, bell); /* 1: an interrupt for the inbox has been sent, or is about to be */
static DEFINE_PER_CPU(struct tlb_counters, own_counters);

/* --- the target ------------------------------------------------------------------------------------------------- */

static void execute(const struct flush_request *r)
{
	switch (r->kind) {
	case FLUSH_KERNEL:
		tlb_flush_kernel_here(r->batch);
		return;
	case FLUSH_USER:
		tlb_flush_user_here(r->pt, r->nr, r->batch);
		return;
	case FLUSH_EVICT:
		pgtable_leave(r->pt);
	}
}

/*
 * Do this CPU's part of every request in its inbox. The inbox bit is cleared before the request is answered, because
 * the initiator may ask again right after the answer.
 */
static void serve_requests(void)
{
	bool flags = arch_local_irq_save();
	unsigned int from, me = smp_processor_id();
	cpumask_t *mine = this_cpu_ptr(&inbox);

	WRITE_ONCE(this_cpu(bell), 0);
	smp_mb();
	for_each_cpu(from, mine) {
		struct flush_request *r = per_cpu_ptr(&request, from);

		test_and_clear_bit(from, mine->bits);	   /* a full barrier: the request is read after it */
		execute(r);
		test_and_clear_bit(me, r->pending.bits); /* a full barrier: the request is done before it */
	}
	local_irq_restore(flags);
}

static void tlb_ipi(struct trap_frame *frame)
{
	(void)frame;
	serve_requests();
}

void tlb_init(void)
{
	arch_set_ipi_handler(IPI_TLB, tlb_ipi);
}

/* --- the initiator ------------------------------------------------------------------------------------------------ */

/* Post the request to the targets, then interrupt them together. Returns the number of CPUs interrupted. */
static unsigned int ask(struct flush_request *r, const cpumask_t *targets)
{
	unsigned int cpu, ipis = 0, me = smp_processor_id();
	cpumask_t called = { { 0 } };

	r->pending = *targets;
	smp_mb();
	for_each_cpu(cpu, targets) {
		cpumask_set(per_cpu_ptr(&inbox, cpu), me);
		if (xchg(per_cpu_ptr(&bell, cpu), 1)) /* a full barrier: the inbox before the bell */
			continue;
		__set_bit(cpu, called.bits);
		ipis++;
	}
	if (ipis)
		arch_send_ipi_many(&called, IPI_TLB);
	return ipis;
}

/* In a panic the other CPUs have been stopped and will never answer. */
static void wait_for_answers(const struct flush_request *r)
{
	struct answer_wait wait = { 0 };
	unsigned int cpu;

	while ((cpu = cpumask_next(-1, &r->pending)) < MAX_CPUS && !panic_in_progress()) {
		if (READ_ONCE(this_cpu(bell))) /* only read it: other CPUs write this cache line */
			serve_requests();
		cpu_relax();
		watchdog_waiting(&wait, cpu, "TLB flush");
	}
	smp_mb();
}

static void check_context(void)
{
	BUG_ON(in_interrupt());
	if (CONFIG_DEBUG_LOCKS && irqs_disabled() && preempt_is_off() && num_online_cpus() > 1)
		panic("a TLB flush with interrupts and preemption off");
}

/* Have the targets and this CPU do this CPU's request. Preemption is off. Returns the number of interrupts sent. */
static unsigned int shoot_down(struct flush_request *r, cpumask_t *targets)
{
	unsigned int ipis;

	cpumask_clear(targets, smp_processor_id());
	ipis = ask(r, targets);
	execute(r);
	wait_for_answers(r);
	return ipis;
}

static void count(const struct tlb_batch *batch, unsigned int ipis)
{
	struct tlb_counters *c = this_cpu_ptr(&own_counters);

	c->ipis += ipis;
	c->cause[batch->cause].ipis += ipis;
	c->full += batch->all;
	c->cause[batch->cause].full += batch->all;
	c->ranged += !batch->all;
	c->cause[batch->cause].ranged += !batch->all;
}

static void empty_batch(struct tlb_batch *batch)
{
	batch->nr = 0;
	batch->all = false;
}

void tlb_batch_flush(struct tlb_batch *batch)
{
	cpumask_t targets;
	struct flush_request *r;
	unsigned long gen = 0;

	if (tlb_batch_empty(batch))
		return;
	schedule_point("tlb:flush");
	check_context();
	preempt_disable();
	r = this_cpu_ptr(&request);
	r->kind = FLUSH_KERNEL;
	r->batch = batch;
	if (batch->all)
		gen = tlb_gen_begin();
	targets = *cpu_online_mask;
	count(batch, shoot_down(r, &targets));
	if (batch->all)
		tlb_gen_complete(gen);
	tlb_log_batch(batch, 0);
	preempt_enable();
	empty_batch(batch);
}

/* CPUs that run on the tree. One that only borrows it is left out: the flush is counted, so that CPU will catch up. */
static cpumask_t users_of(const struct pgtable *pt)
{
	unsigned int cpu;
	cpumask_t users = { { 0 } };

	for_each_set_bit(cpu, pt->cpus, MAX_CPUS) {
		smp_rmb();
		if (READ_ONCE(per_cpu(cpu_mmu, cpu).borrowed) != pt)
			cpumask_set(&users, cpu);
		else if (cpu != smp_processor_id())
			this_cpu(own_counters).spared++;
	}
	return users;
}

void tlb_batch_flush_user(struct pgtable *pt, struct tlb_batch *batch)
{
	cpumask_t targets;
	struct flush_request *r;

	if (tlb_batch_empty(batch))
		return;
	schedule_point("tlb:flush");
	check_context();
	preempt_disable();
	r = this_cpu_ptr(&request);
	r->kind = FLUSH_USER;
	r->batch = batch;
	r->pt = pt;
	r->nr = (unsigned long)atomic_long_inc_return(&pt->flushes);
	targets = users_of(pt);
	count(batch, shoot_down(r, &targets));
	atomic_long_inc(&pt->flushed);
	tlb_log_batch(batch, pt->id);
	preempt_enable();
	empty_batch(batch);
}

void pgtable_evict(struct pgtable *pt)
{
	struct flush_request *r;
	cpumask_t targets = { { 0 } };
	unsigned int cpu;

	schedule_point("pgtable:evict");
	check_context();
	preempt_disable();
	r = this_cpu_ptr(&request);
	r->kind = FLUSH_EVICT;
	r->pt = pt;
	for_each_set_bit(cpu, pt->cpus, MAX_CPUS) /* a CPU that leaves the tree clears its bit meanwhile */
		cpumask_set(&targets, cpu);
	this_cpu(own_counters).ipis += shoot_down(r, &targets);
	preempt_enable();
	BUG_ON(pgtable_is_loaded(pt));
}

struct tlb_counters tlb_counters(void)
{
	struct tlb_counters sum = { 0 };
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		const unsigned long *from = (const unsigned long *)per_cpu_ptr(&own_counters, cpu);
		unsigned long *to = (unsigned long *)&sum;

		for (size_t i = 0; i < sizeof(sum) / sizeof(*to); i++)
			to[i] += from[i];
		sum.caught_up += per_cpu(cpu_mmu, cpu).caught_up;
	}
	return sum;
}
