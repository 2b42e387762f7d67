/* SPDX-License-Identifier: MIT */
/*
 * What things cost. No part of `test=all`; `make numbers` runs these on two machines and tests/bench/README.md says how
 * to read them. With QEMU's -icount shift=0 the cycle counter counts instructions.
 */
#include "worker.h"

#include <arch/irq.h>
#include <arch/uaccess.h>
#include <kernel/process.h>
#include <kernel/smp.h>
#include <lib/math.h>
#include <mm/slab.h>
#include <mm/vmalloc.h>

#define COUNTED	  1000
#define PROCESSES 50
#define FLUSH_MS  200

/* --- context switch ----------------------------------------------------------------------------------------------- */

/* Give the CPU to the other one, which does the same. */
static void take_turns(void *arg __maybe_unused)
{
	for (unsigned int i = 0; i < COUNTED; i++)
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
	EXPECT(before >= COUNTED);
	for (unsigned int i = 0; i < 2; i++)
		worker_stop(&w[i]);
}

KTEST(numbers, context_switch)
{
	note_switches("a switch between kernel threads", false);
	note_switches("a switch between processes", true);
}

/* --- system call -------------------------------------------------------------------------------------------------- */

/* From ring 3 and back. `make numbers` runs it without page-table isolation and with it. */
KTEST(numbers, system_call)
{
	unsigned int *buf = vzalloc(PAGE_SIZE);
	void *before = kbuf_replace(buf, PAGE_SIZE);
	struct process *process = process_spawn("cost");

	EXPECT_EQ(process ? process_wait(process) : -1, 0);
	kbuf_replace(before, 4 * PAGE_SIZE);
	ktest_note("a system call that does nothing, pti=%u: %u ticks of the cycle counter", cpu_has(FEATURE_PTI),
		   *buf);
	vfree(buf);
}

/* --- interrupts between CPUs -------------------------------------------------------------------------------------- */

static void spin(void *arg)
{
	while (!READ_ONCE(*(bool *)arg))
		cpu_relax();
}

/* Writing the APIC's command, and everything until the interrupted code goes on. */
KTEST(numbers, ipi_to_itself)
{
	unsigned int cpu = smp_processor_id();
	u64 start = arch_cycles();

	for (unsigned int i = 0; i < COUNTED; i++)
		arch_send_ipi(cpu, IPI_RESCHEDULE);
	ktest_note("an interrupt to itself: %llu ticks of the cycle counter", div_u64(arch_cycles() - start, COUNTED));
}

static void note_arrival(void *when)
{
	*(u64 *)when = arch_cycles();
}

/* There: from the call to the function that is called. Back: from there until the caller has its answer. */
static void note_calls(const char *what, unsigned int cpu)
{
	u64 us = arch_uptime_us(), there = 0, back = 0, start, arrived = 0;

	for (unsigned int i = 0; i < COUNTED; i++) {
		start = arch_cycles();
		smp_call_function_single(cpu, note_arrival, &arrived, true);
		back += arch_cycles() - arrived;
		there += arrived - start;
	}
	us = arch_uptime_us() - us;
	ktest_note("a call on another CPU, %s: %llu ticks there, %llu back, %llu ns in all", what,
		   div_u64(there, COUNTED), div_u64(back, COUNTED), div_u64(us * 1000, COUNTED));
	EXPECT(arrived);
}

KTEST(numbers, ipi_round_trip)
{
	struct worker other;
	bool stop = false;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	note_calls("idle", another_cpu());
	ASSERT(worker_start(&other, another_cpu(), true));
	worker_post(&other, spin, &stop);
	msleep(20);
	note_calls("busy", other.cpu);
	WRITE_ONCE(stop, true);
	worker_stop(&other);
}

/* --- shootdowns --------------------------------------------------------------------------------------------------- */

static void note_shootdowns(const char *what, vaddr_t addr)
{
	u64 start = arch_uptime_ms(), cycles = arch_cycles(), ms;
	unsigned int flushes = 0;

	do {
		flush_tlb_kernel_range(addr, addr + PAGE_SIZE);
		flushes++;
		ms = arch_uptime_ms() - start;
	} while (ms < FLUSH_MS);
	cycles = arch_cycles() - cycles;
	ktest_note("shootdowns of one page, the other CPU %s: %llu ticks of the cycle counter, %llu a second", what,
		   div_u64(cycles, flushes), div_u64((u64)flushes * 1000, (u32)ms));
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

/* --- memory a process costs --------------------------------------------------------------------------------------- */

#define USER_ADDR 0x400000ul

static unsigned long pages_free(void)
{
	vm_unmap_aliases();
	drain_page_lists();
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
		ktest_note(
			"a process with a thread and one page of its own: %lu bytes, of which %u are the kernel stack",
			((before - pages_free()) << PAGE_SHIFT) / nr, KSTACK_SIZE);
	while (nr)
		worker_stop(&crowd[--nr]);
}
