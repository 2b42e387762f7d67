/* SPDX-License-Identifier: MIT */
/*
 * What a unit test asks of the host port: a machine with RAM and CPUs, and ways to see what the code under test did.
 * Include this first; it brings cmocka along.
 */
#pragma once

#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/layout.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>

#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* The geometry of this run: 2, 3 (PAE), 4 or 5 levels. */
extern unsigned int host_levels;
const char *host_geometry_name(void);

/*
 * A fresh machine: `ram_bytes` of zeroed RAM from physical 0 (never touched pages cost nothing, so any size will do),
 * and CPUs 0 to `cpus` - 1 online. Sets `layout` to the numbers of the real mode, which nobody can dereference here:
 * phys_to_virt() and pfn_to_page() lead to memory of this process, and host_translate() to what a mapping means. Call
 * it in a test's setup; a second call throws the first machine away.
 */
void host_machine(u64 ram_bytes, unsigned int cpus);
/* The same with CPU ids that have holes, given as a bit mask; bit 0 must be set. */
void host_machine_cpus(u64 ram_bytes, u64 cpu_mask);
u64 host_ram_size(void);

/* What is queued on system_wq runs now, as its worker would. */
void host_run_works(void);

/* All features are there until a test takes one away. */
void host_set_feature(enum cpu_feature feature, bool present);

/*
 * Bytes that left the caches by address, and times that all of a CPU's caches were emptied; does the CPU have the
 * former?
 */
extern unsigned long host_flushed_bytes, host_cache_flushes;
extern bool host_clflush;

/* Continue as another CPU (same thread). Returns the one it was. */
unsigned int host_run_on(unsigned int cpu);

/* Where in this process the byte lies that `addr` means in the current tables, or NULL: reading through a mapping. */
void *host_translate(vaddr_t addr);

/* The statement must panic; true if it did. The panic unwinds by longjmp, so locks stay as they were. */
#define PANICS(statement) ({ \
	volatile bool _died = true; \
	if (!setjmp(*host_panic_arm())) { \
		statement; \
		_died = false; \
	} \
	host_panic_disarm(); \
	_died; })
jmp_buf *host_panic_arm(void);
void host_panic_disarm(void);

/* What printk, cprintf and print_line wrote since the last host_log_clear(). A WARN that was not announced is fatal. */
const char *host_log(void);
void host_log_clear(void);

/* Under whose name allocations are made from now on, for inject=...:by=; NULL: nobody's. */
void host_caller(const char *name);

/*
 * What parsers of firmware tables map (device.c): `size` bytes, which are the caller's, from a physical address on.
 * Each mapping is a copy of its own size. How many have not been given back; how many there were ever; and forget those
 * that are there, for the next run.
 */
void host_device(phys_addr_t start, const void *bytes, size_t size);
unsigned int host_device_maps(void);
unsigned long host_device_mapped(void);
void host_device_forget(void);

/* The interrupt or NMI state that in_interrupt() and arch_trap_depth() report for this thread. */
extern __thread unsigned int host_trap_depth;
extern __thread bool host_in_nmi;

/* A small generator with a fixed start, so that every run is the same; HOST_SEED in the environment changes it. */
u64 host_random(void);
void host_random_seed(u64 seed);
/* 0 <= result < n */
static inline u64 host_random_below(u64 n) { return host_random() % n; }
