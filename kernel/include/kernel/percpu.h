/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables. The linker gathers them in .data..percpu, a template; every CPU has a copy, and an object's address
 * on a CPU is its template address + that CPU's offset. The boot CPU's copy exists from the first instruction of C.
 */
#pragma once

#include <arch/cpu.h>
#include <arch/layout.h>

#define DEFINE_PER_CPU(type, name)  __section(".data..percpu") __typeof__(type) name
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name

extern vaddr_t per_cpu_offset[MAX_CPUS];

#define per_cpu_ptr(ptr, cpu) ((__typeof__(ptr))((vaddr_t)(ptr) + per_cpu_offset[cpu]))
#define per_cpu(name, cpu)    (*per_cpu_ptr(&(name), cpu))

/* Stay on this CPU between taking the pointer and the last use (preemption or interrupts off once there is preemption). */
#define this_cpu_ptr(ptr)  ((__typeof__(ptr))((vaddr_t)(ptr) + this_cpu_offset()))
#define this_cpu(name)	   (*this_cpu_ptr(&(name)))

/* Bytes of one CPU's area, and filling in a fresh one from the template: what bring-up needs. */
size_t percpu_area_size(void);
void percpu_area_init(unsigned int cpu, void *area);
