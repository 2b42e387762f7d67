/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory on any host. A variable is an array with an element for each CPU, each in cache lines of its own: no
 * section of the linker is needed. Memory of alloc_percpu() lies at one offset a CPU, as in our own kernel.
 *
 * The amalgamation writes DEFINE_DECLARED_PER_CPU for a variable that a header has declared.
 */
#pragma once

#include <arch/cpu.h>
#include <arch/layout.h>
#include <kernel/config.h>

#define PERCPU_LINE 64
#define percpu_union(type, name) \
	union percpu_of_##name { \
		__typeof__(type) its; \
		char line[(sizeof(type) + PERCPU_LINE - 1) / PERCPU_LINE * PERCPU_LINE]; \
	}
#define DECLARE_PER_CPU(type, name)	    percpu_union(type, name); static union percpu_of_##name name[MAX_CPUS]
#define DEFINE_PER_CPU(type, name)	    percpu_union(type, name) name[MAX_CPUS] __aligned(PERCPU_LINE)
#define DEFINE_DECLARED_PER_CPU(type, name) union percpu_of_##name name[MAX_CPUS] __aligned(PERCPU_LINE)

#define PERCPU_UNIT_SIZE (64ul << 10)
#define PERCPU_STRIDE	 (PERCPU_UNIT_SIZE + PAGE_SIZE) /* the page between two units is never mapped */

/* Of memory of alloc_percpu(). */
extern vaddr_t per_cpu_offset[MAX_CPUS];

/* Given &variable. */
#define per_cpu_ptr(ptr, cpu) (&(*(ptr))[cpu].its)
#define per_cpu(name, cpu)    ((name)[cpu].its)
#define raw_cpu_ptr(ptr)      per_cpu_ptr(ptr, smp_processor_id())
#define this_cpu_ptr(ptr)     raw_cpu_ptr(ptr)
#define this_cpu(name)	      per_cpu(name, smp_processor_id())

/* Right in preemptible code too: whichever CPU it is, no addition is lost. */
#define this_cpu_add(name, n) ((void)__atomic_fetch_add(&this_cpu(name), n, __ATOMIC_RELAXED))
