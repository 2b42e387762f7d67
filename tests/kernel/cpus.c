/* SPDX-License-Identifier: MIT */
/* CPUs, interrupts between them, threads, user pages. */
#include "handlers.h"
#include "worker.h"

#include <arch/context.h>
#include <arch/fault.h>
#include <arch/irq.h>
#include <arch/mmu_sync.h>
#include <arch/tlb.h>
#include <asm/stack_size.h>
#include <kernel/smp.h>
#include <lib/atomic.h>
#include <mm/page_alloc.h>
#include <mm/vmalloc.h>

static_assert(KSTACK_SIZE == IMAGE_STACK_SIZE, "arch runs APs on the stacks that mm makes");

static atomic_t calls;
static cpumask_t callers;

static void note_call(void *arg)
{
	(void)arg;
	atomic_inc(&calls);
	cpumask_set(&callers, smp_processor_id());
}

KTEST(cpus, call_on_each)
{
	atomic_set(&calls, 0);
	callers = (cpumask_t){ 0 };
	on_each_cpu(note_call, NULL, true);
	EXPECT_EQ(atomic_read(&calls), num_online_cpus());
	EXPECT_EQ(cpumask_weight(&callers), num_online_cpus());
}

KTEST(cpus, call_one)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		callers = (cpumask_t){ 0 };
		smp_call_function_single(cpu, note_call, NULL, true);
		EXPECT(cpumask_test(&callers, cpu));
		EXPECT_EQ(cpumask_weight(&callers), 1);
	}
}

static void nothing(void *arg __maybe_unused)
{
}

static void call_all(vaddr_t page __maybe_unused)
{
	on_each_cpu(nothing, NULL, true);
}

static void flush_page(vaddr_t page)
{
	flush_tlb_kernel_range(page, page + PAGE_SIZE);
}

/* How many commands to the APIC it takes; the least, since a tick may send something too. */
static unsigned long commands_of(void (*ask)(vaddr_t page), vaddr_t page)
{
	unsigned long least = ~0ul, before;

	for (unsigned int i = 0; i < 20; i++) {
		preempt_disable();
		before = arch_ipi_commands();
		ask(page);
		least = min(least, arch_ipi_commands() - before);
		preempt_enable();
	}
	return least;
}

/*
 * One, whatever the number of CPUs: the shorthand for all others. Where the firmware names a CPU that is not online
 * (cpughosts=, maxcpus=, nosmp), that one might hear it: there each CPU has a command of its own.
 */
KTEST(cpus, one_command_interrupts_all_others)
{
	unsigned int others = num_online_cpus() - 1;
	unsigned long expected = others && num_online_cpus() == arch_cpus_found() ? 1 : others;
	void *area = vmalloc(PAGE_SIZE);

	ASSERT(area);
	EXPECT_EQ(commands_of(call_all, (vaddr_t)area), expected);
	EXPECT_EQ(commands_of(flush_page, (vaddr_t)area), expected);
	vfree(area);
}

#define CALLS 2000

/*
 * An idle CPU looks at the other queues at its ticks, not at each interrupt. Other threads come and go meanwhile, so
 * the bound is generous.
 */
KTEST(cpus, idle_cpus_only_serve_the_interrupt)
{
	unsigned int other = another_cpu();
	unsigned long looks;
	u64 ms;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	msleep(20);
	looks = sched_idle_looks(other);
	ms = arch_uptime_ms();
	for (unsigned int i = 0; i < CALLS; i++)
		on_each_cpu(nothing, NULL, true);
	ms = arch_uptime_ms() - ms;
	looks = sched_idle_looks(other) - looks;
	EXPECT(looks <= (unsigned long)ms / TICK_MS * 4 + CALLS / 10);
}

#define CROSSINGS 15

static void call_each_many_times(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < CROSSINGS; i++)
		on_each_cpu(note_call, NULL, true);
}

/* All call all: nobody waits for ever. */
KTEST(cpus, calls_cross)
{
	static struct crew crew;

	atomic_set(&calls, 0);
	ASSERT(crew_start(&crew, 1));
	crew_call(&crew, call_each_many_times, NULL);
	EXPECT_EQ(atomic_read(&calls), crew.nr * CROSSINGS * num_online_cpus());
	crew_stop(&crew);
}

KTEST(cpus, time_goes_on)
{
	u64 before = arch_uptime_ms();

	msleep(30);
	EXPECT(arch_uptime_ms() - before >= 29);
	EXPECT(arch_uptime_ms() - before < 3000);
}

static struct task *sleeper;

static void wake_too_late(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < 20; i++) {
		arch_udelay(2000);
		wake_up_process(sleeper);
	}
}

/* A wake-up that was meant for an earlier sleep neither ends this one nor harms the lists. */
KTEST(cpus, late_wake_up_in_msleep)
{
	struct worker other;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	sleeper = current;
	ASSERT(worker_start(&other, another_cpu(), false));
	worker_post(&other, wake_too_late, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		u64 before = arch_uptime_ms();

		msleep(15);
		EXPECT(arch_uptime_ms() - before >= 15);
	}
	worker_stop(&other);
}

static atomic_t nmis;

static void count_nmi(struct trap_frame *frame)
{
	(void)frame;
	atomic_inc(&nmis);
}

KTEST(cpus, nmi_reaches_every_cpu)
{
	unsigned int cpu, sent = 0;

	atomic_set(&nmis, 0);
	REPLACE_HANDLER(arch_set_nmi_handler(count_nmi));
	for_each_online_cpu(cpu) {
		arch_send_nmi(cpu);
		sent++;
		for (unsigned int us = 0; us < 500000 && (unsigned int)atomic_read(&nmis) < sent; us++)
			arch_udelay(1);
	}
	REPLACE_HANDLER(arch_set_nmi_handler(NULL));
	EXPECT_EQ(atomic_read(&nmis), sent);
}

#define USER_BASE 0x1000000ul

static void use_user_pages(void *arg)
{
	volatile u8 *p = (void *)USER_BASE;

	(void)arg;
	EXPECT_EQ(mm_map_anonymous(current->mm, USER_BASE, 4 * PAGE_SIZE), 0);
	EXPECT_EQ(mm_map_anonymous(current->mm, USER_BASE + PAGE_SIZE, PAGE_SIZE), -EEXIST);
	for (unsigned int i = 0; i < 4; i++) {
		u8 value = 0xff;

		EXPECT_EQ(probe_read((void *)&p[i * PAGE_SIZE], &value), PROBE_OK);
		EXPECT_EQ(value, 0);
		EXPECT_EQ(probe_write((void *)&p[i * PAGE_SIZE]), PROBE_OK);
	}
	EXPECT_EQ(probe_read((void *)&p[4 * PAGE_SIZE], NULL), PROBE_NOT_PRESENT);
	EXPECT_EQ(probe_read((void *)&p[-1], NULL), PROBE_NOT_PRESENT);
}

KTEST(cpus, demand_zero_user_pages)
{
	static struct crew crew;
	unsigned long before = fault_counters().user;

	ASSERT(crew_start(&crew, 2));
	crew_call(&crew, use_user_pages, NULL);
	EXPECT(fault_counters().user - before >= crew.nr * 4);
	crew_stop(&crew);
}

static void see_no_user_page(void *arg)
{
	(void)arg;
	EXPECT_EQ(probe_read((void *)USER_BASE, NULL), PROBE_NOT_PRESENT);
}

KTEST(cpus, processes_are_apart)
{
	struct worker one, two;

	ASSERT(worker_start(&one, smp_processor_id(), true));
	ASSERT(worker_start(&two, smp_processor_id(), true));
	worker_call(&one, use_user_pages, NULL);
	worker_call(&two, see_no_user_page, NULL);
	worker_stop(&one);
	worker_stop(&two);
}

struct turn {
	enum probe_result expected;
	unsigned int wrong;
};

static void look_and_yield(void *arg)
{
	struct turn *t = arg;

	for (unsigned int i = 0; i < 20; i++) {
		t->wrong += probe_read((void *)USER_BASE, NULL) != t->expected;
		schedule();
	}
}

/* From one process straight to the other, with nobody on the reference tables in between. */
KTEST(cpus, processes_take_turns)
{
	struct turn has = { PROBE_OK, 0 }, has_not = { PROBE_NOT_PRESENT, 0 };
	struct worker one, two;

	ASSERT(worker_start(&one, smp_processor_id(), true));
	ASSERT(worker_start(&two, smp_processor_id(), true));
	worker_call(&one, use_user_pages, NULL);
	worker_post(&one, look_and_yield, &has);
	worker_post(&two, look_and_yield, &has_not);
	worker_wait(&one);
	worker_wait(&two);
	EXPECT_EQ(has.wrong, 0);
	EXPECT_EQ(has_not.wrong, 0);
	worker_stop(&one);
	worker_stop(&two);
}

#define MANY 100

KTEST(cpus, many_processes_come_and_go)
{
	static struct mm_struct *mm[MANY];
	struct pgd_parity parity;

	for (unsigned int i = 0; i < MANY; i++) {
		mm[i] = mm_create();
		ASSERT(mm[i]);
	}
	parity = pgd_parity_check();
	EXPECT(parity.trees >= MANY);
	EXPECT_EQ(parity.differs + parity.missing, 0);
	for (unsigned int i = 0; i < MANY; i++)
		mm_destroy(mm[i]);
}
