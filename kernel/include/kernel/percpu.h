/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory. One rule holds for variables (DEFINE_PER_CPU) and for memory of alloc_percpu() (<mm/percpu_alloc.h>):
 * a per-CPU pointer plus a CPU's offset is the address of that CPU's instance. The pointer itself must not be followed.
 *
 * The linker gathers the variables in .data..percpu, a template; every CPU has a copy of it in an area of its own, and
 * an address in the template is the per-CPU pointer. Areas lie PERCPU_STRIDE apart. Memory made at run time comes in
 * units at the same distances from each other, so the offsets that lead to a CPU's area lead to its unit too:
 *
 *	template | x |     area of CPU 0 | x |     area of CPU 1 | x |       variables, in the direct map
 *		   x + offset[0] ----------^         ^--- x + offset[1]
 *		   p + offset[0] ----------v         v--- p + offset[1]
 *	p: nothing there   unit of CPU 0 | p |     unit of CPU 1 | p |       a chunk, in vmalloc space
 *		                         <---- PERCPU_STRIDE ---->
 *
 * The boot CPU uses the template in the image from the first C code on, and moves to its area once, early at boot.
 */
#pragma once

#include <arch/cpu.h>
#include <arch/layout.h>
#include <kernel/config.h>

#define DEFINE_PER_CPU(type, name)  __section(".data..percpu") __typeof__(type) name
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name

#define PERCPU_UNIT_SIZE (64ul << 10)
#define PERCPU_STRIDE	 (PERCPU_UNIT_SIZE + PAGE_SIZE) /* the page between two units is never mapped */

/* 0: the CPU has no area of its own. Otherwise a multiple of the page size: instances are aligned as the pointer is. */
extern vaddr_t per_cpu_offset[MAX_CPUS];

#define per_cpu_ptr(ptr, cpu) ((__typeof__(ptr))((vaddr_t)(ptr) + per_cpu_offset[cpu]))
#define per_cpu(name, cpu)    (*per_cpu_ptr(&(name), cpu))

/*
 * This CPU's instance. From taking the pointer to its last use the caller must stay on the CPU, with preemption or
 * interrupts off; debug builds check that (preempt.c). Single words need neither: this_cpu_read() and its like in
 * <arch/cpu.h>. raw_cpu_ptr() is not checked: for the checks themselves, and where any CPU's instance will do.
 */
#define raw_cpu_ptr(ptr) ((__typeof__(ptr))((vaddr_t)(ptr) + this_cpu_offset()))
#define this_cpu_ptr(ptr) ({ if (CONFIG_DEBUG_LOCKS) assert_cpu_stays(); raw_cpu_ptr(ptr); })
#define this_cpu(name)	 (*this_cpu_ptr(&(name)))
void assert_cpu_stays(void); /* WARNs if the caller may move to another CPU */

/* The size of one CPU's area in bytes, and filling a new one from the template. Areas are page-aligned. */
size_t percpu_area_size(void);
void percpu_area_init(unsigned int cpu, void *area);
/* Move a CPU's variables to another area. Interrupts off, until its segment register points there. */
void percpu_area_move(unsigned int cpu, void *area);
