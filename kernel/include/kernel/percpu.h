/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables. The linker gathers them in .data..percpu, a template; every CPU has a copy, and an object's address
 * on a CPU is its template address + that CPU's offset. The boot CPU's copy exists from the first instruction of C.
 */
#pragma once

#include <arch/cpu.h>
#include <arch/layout.h>
#include <kernel/config.h>

#define DEFINE_PER_CPU(type, name)  __section(".data..percpu") __typeof__(type) name
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name

extern vaddr_t per_cpu_offset[MAX_CPUS];

#define per_cpu_ptr(ptr, cpu) ((__typeof__(ptr))((vaddr_t)(ptr) + per_cpu_offset[cpu]))
#define per_cpu(name, cpu)    (*per_cpu_ptr(&(name), cpu))

/*
 * This CPU's instance. Between taking the pointer and its last use the caller must stay on the CPU: preemption or
 * interrupts off, which debug builds check (preempt.c). Single words need neither: this_cpu_read() and its like in
 * <arch/cpu.h>. raw_cpu_ptr() is not checked: for code that checks itself, and where any CPU's instance will do.
 */
#define raw_cpu_ptr(ptr) ((__typeof__(ptr))((vaddr_t)(ptr) + this_cpu_offset()))
#define this_cpu_ptr(ptr) ({ if (CONFIG_DEBUG_LOCKS) assert_cpu_stays(); raw_cpu_ptr(ptr); })
#define this_cpu(name)	 (*this_cpu_ptr(&(name)))
void assert_cpu_stays(void); /* WARNs if the caller could be moved to another CPU */

/* Bytes of one CPU's area, and filling in a fresh one from the template: what bring-up needs. */
size_t percpu_area_size(void);
void percpu_area_init(unsigned int cpu, void *area);
