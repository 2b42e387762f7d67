/* SPDX-License-Identifier: MIT */
/* The processor's part of the arch contract: features, time, interrupts between CPUs (direct calls here). */
#include "tests/host/port/port.h"
#include "tests/host/port/host.h"
#include <arch/cache.h>
#include <arch/clear_page.h>
#include <kernel/inject.h>
#include <kernel/smp.h>
#include <lib/glob.h>

#include <stdlib.h>
#include <time.h>

static bool missing[NR_FEATURES];

bool cpu_has(enum cpu_feature feature) { return !missing[feature]; }
void host_set_feature(enum cpu_feature feature, bool present) { missing[feature] = !present; }
const char *cpu_name(void) { return "host port"; }
void __noreturn arch_cpu_stop(void) { abort(); }

static u64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + t.tv_nsec;
}

u64 arch_cycles(void) { return clock_ns(); }
u64 arch_uptime_us(void) { return clock_ns() / 1000; }
u64 arch_uptime_ms(void) { return clock_ns() / 1000000; }

void arch_udelay(unsigned int us)
{
	u64 end = arch_uptime_us() + us;

	while (arch_uptime_us() < end)
		cpu_relax();
}

bool arch_wait_until(bool (*done)(void), unsigned int us)
{
	u64 end = arch_uptime_us() + us;

	while (!done() && arch_uptime_us() < end)
		;
	return done();
}

/* There are no caches here: what was to leave them is counted. */
unsigned long host_flushed_bytes, host_cache_flushes;
bool host_clflush = true;

bool arch_flush_cache_range(const void *start __maybe_unused, unsigned long bytes)
{
	if (host_clflush)
		host_flushed_bytes += bytes;
	return host_clflush;
}

void arch_flush_caches(void) { host_cache_flushes++; }

void arch_clear_page(void *page) { __builtin_memset(page, 0, PAGE_SIZE); }

bool in_interrupt(void) { return host_trap_depth != 0; }
bool in_nmi(void) { return host_in_nmi; }
unsigned int arch_trap_depth(void) { return host_trap_depth; }

/* --- interrupts between CPUs: the handler runs at once, as if the target had taken it --------------------------- */

static void (*ipi_handler[NR_IPIS])(struct trap_frame *);

void arch_set_ipi_handler(enum ipi_vector ipi, void (*handler)(struct trap_frame *)) { ipi_handler[ipi] = handler; }

void arch_send_ipi(unsigned int cpu, enum ipi_vector ipi)
{
	unsigned int here = host_run_on(cpu);
	bool flags = arch_local_irq_save();

	host_trap_depth++;
	if (ipi_handler[ipi])
		ipi_handler[ipi](NULL);
	host_trap_depth--;
	local_irq_restore(flags);
	host_run_on(here);
}

void arch_send_ipi_many(const cpumask_t *cpus, enum ipi_vector ipi)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpus)
		arch_send_ipi(cpu, ipi);
}

int smp_call_function_single(int cpu, void (*fn)(void *), void *arg, int wait __maybe_unused)
{
	unsigned int here = host_run_on((unsigned int)cpu);
	bool flags = arch_local_irq_save();

	fn(arg);
	local_irq_restore(flags);
	host_run_on(here);
	return 0;
}

void on_each_cpu(void (*fn)(void *), void *arg, int wait)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		smp_call_function_single((int)cpu, fn, arg, wait);
}

/* --- who allocates: here a test says it (kernel/core/inject_by.c looks at the stack) ------------------------------ */

static const char *caller;

void host_caller(const char *name) { caller = name; }
bool inject_called_by(const char *glob) { return caller && glob_match(glob, caller); }

/* --- devices: physical memory that is not RAM has nobody behind it ---------------------------------------------- */

const struct device_mapper *arch_device_mapper;
void arch_set_device_mapper(const struct device_mapper *mapper) { arch_device_mapper = mapper; }
