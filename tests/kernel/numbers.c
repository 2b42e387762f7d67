/* SPDX-License-Identifier: MIT */
/*
 * What things cost. No part of `test=all`; `make numbers` runs these on two machines and tests/bench/README.md says how
 * to read them. With QEMU's -icount shift=0 the cycle counter counts instructions.
 */
#include "worker.h"

#include <arch/irq.h>
#include <arch/uaccess.h>
#include <kernel/smp.h>
#include <lib/math.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#define ROUNDS	  1000
#define PROCESSES 50
#define FLUSH_MS  400

/* --- context switch ------------------------------------------------------------------------------------------------- */

/* Give the CPU to the other one, which does the same. */
static void take_turns(void *arg __maybe_unused)
{
	for (unsigned int i = 0; i < ROUNDS; i++)
		schedule();
}

static void note_switches(const char *what, bool processes)
{
	struct worker w[2];
	unsigned long before;
	u64 start;

	for (unsigned int i = 0; i < 2; i++)
		if (!EXPECT(worker_start(&w[i], another_cpu(), processes)))
			return;
	start = arch_cycles();
	before = w[0].task->switches + w[1].task->switches;
	for (unsigned int i = 0; i < 2; i++)
		worker_post(&w[i], take_turns, NULL);
	for (unsigned int i = 0; i < 2; i++)
		worker_wait(&w[i]);
	start = arch_cycles() - start;
	before = w[0].task->switches + w[1].task->switches - before;
	ktest_note("%s: %llu ticks of the cycle counter", what, div_u64(start, before));
	EXPECT(before >= ROUNDS);
	for (unsigned int i = 0; i < 2; i++)
		worker_stop(&w[i]);
}

KTEST(numbers, context_switch)
{
	note_switches("a switch between kernel threads", false);
	note_switches("a switch between processes", true);
}

/* --- interrupts between CPUs -------------------------------------------------------------------------------------------- */

static void do_nothing(void *arg)
{
	++*(unsigned int *)arg;
}

/* With one CPU: to itself, which is sending, taking and leaving it. With two: a call that is waited for. */
KTEST(numbers, ipi)
{
	unsigned int cpu = another_cpu(), calls = 0;
	u64 start = arch_cycles(), us = arch_uptime_us();

	for (unsigned int i = 0; i < ROUNDS; i++)
		if (have_two_cpus())
			smp_call_function_single(cpu, do_nothing, &calls, true);
		else
			arch_send_ipi(cpu, IPI_RESCHEDULE);
	start = arch_cycles() - start;
	us = arch_uptime_us() - us;
	ktest_note("%s: %llu ticks of the cycle counter, %llu ns", have_two_cpus() ? "a call on another CPU, and back" :
		   "an interrupt to itself", div_u64(start, ROUNDS), div_u64(us * 1000, ROUNDS));
	EXPECT_EQ(calls, have_two_cpus() ? ROUNDS : 0);
}

/* --- shootdowns ------------------------------------------------------------------------------------------------------------ */

static void spin(void *arg)
{
	while (!READ_ONCE(*(bool *)arg))
		cpu_relax();
}

static void note_shootdowns(const char *what, vaddr_t addr)
{
	u64 start = arch_uptime_ms(), ms;
	unsigned long flushes = 0;

	for (; (ms = arch_uptime_ms() - start) < FLUSH_MS; flushes++)
		flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
	ktest_note("shootdowns of one page, the other CPU %s: %llu a second", what, div_u64((u64)flushes * 1000, (u32)ms));
	EXPECT(flushes);
}

KTEST(numbers, shootdowns)
{
	struct worker other;
	bool stop = false;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	note_shootdowns("idle", VMALLOC_START);
	ASSERT(worker_start(&other, another_cpu(), true));
	worker_post(&other, spin, &stop);
	note_shootdowns("busy", VMALLOC_START);
	WRITE_ONCE(stop, true);
	worker_stop(&other);
}

/* --- memory a process costs -------------------------------------------------------------------------------------------------- */

#define USER_ADDR 0x400000ul

static unsigned long pages_free(void)
{
	vm_unmap_aliases();
	drain_all_pages();
	slab_shrink();
	return nr_free_pages();
}

static void touch_one_page(void *arg __maybe_unused)
{
	EXPECT_EQ(put_user(1, (u32 *)USER_ADDR), 0);
}

/* A thread that waits, its stack, an address space, and one page of memory in it. */
KTEST(numbers, memory_of_a_process)
{
	static struct worker crowd[PROCESSES];
	unsigned long before = pages_free();
	unsigned int nr;

	for (nr = 0; nr < PROCESSES; nr++) {
		if (!EXPECT(worker_start(&crowd[nr], smp_processor_id(), true)))
			break;
		EXPECT_EQ(mm_map_anonymous(crowd[nr].mm, USER_ADDR, PAGE_SIZE), 0);
		worker_call(&crowd[nr], touch_one_page, NULL);
	}
	if (nr)
		ktest_note("a process with a thread and one page of its own: %lu bytes, of which %u are the kernel stack",
			   ((before - pages_free()) << PAGE_SHIFT) / nr, KSTACK_SIZE);
	while (nr)
		worker_stop(&crowd[--nr]);
}
