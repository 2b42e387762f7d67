/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory, and the one rule for it: a per-CPU pointer leads nowhere by itself; pointer + a CPU's offset is that
 * CPU's instance. It holds for variables (DEFINE_PER_CPU) and for what alloc_percpu() gave (<mm/percpu_alloc.h>).
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
 * The boot CPU has a copy in the image from the first instruction of C on, and moves to its area once, early at boot.
 */
#pragma once

#include <arch/cpu.h>
#include <arch/layout.h>
#include <kernel/config.h>

#define DEFINE_PER_CPU(type, name)  __section(".data..percpu") __typeof__(type) name
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name

#define PERCPU_UNIT_SIZE (64ul << 10)
#define PERCPU_STRIDE	 (PERCPU_UNIT_SIZE + PAGE_SIZE) /* behind each unit of a chunk lies a page that is never mapped */

/* 0: the CPU has no area. Else a multiple of the page size, so that an instance is aligned as its pointer is. */
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

/* Bytes of one CPU's area, and filling in a fresh one from the template: what bring-up needs. Areas are page-aligned. */
size_t percpu_area_size(void);
void percpu_area_init(unsigned int cpu, void *area);
/* The CPU's variables go on in another area, as they are. Interrupts off, until its segment register has followed. */
void percpu_area_move(unsigned int cpu, void *area);
