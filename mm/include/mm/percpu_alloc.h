/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory made at run time, under Linux's names.
 *
 *	u64 *hits = alloc_percpu(u64);
 *	preempt_disable();
 *	++*this_percpu_ptr(hits);
 *	preempt_enable();
 *	for_each_cpu(cpu, cpu_possible_mask)
 *		sum += *percpu_ptr(hits, cpu);
 *	free_percpu(hits);
 *
 * It lies in vmalloc space, is mapped for every process before the call returns, and so may be used in any context, NMI
 * and page-fault handlers included. The accessors are not those of <kernel/percpu.h>: the distance between two CPUs'
 * instances is another one (percpu_unit_offset), because the linker's per-CPU areas do not lie in vmalloc space.
 */
#pragma once

#include <kernel/percpu.h>

#define PERCPU_ALLOC_MAX   (16ul << 10) /* bytes of one allocation */
#define PERCPU_ALLOC_ALIGN PAGE_SIZE	/* the largest alignment */

/* From the instance that an allocation returns to a CPU's own. Valid for possible CPUs; their ids may have holes. */
extern unsigned long percpu_unit_offset[MAX_CPUS];

#define percpu_ptr(ptr, cpu) ((__typeof__(ptr))((vaddr_t)(ptr) + percpu_unit_offset[cpu]))
/* The caller must stay on its CPU while it uses the pointer, as with this_cpu_ptr(). */
#define this_percpu_ptr(ptr) ({ if (CONFIG_DEBUG_LOCKS) assert_cpu_stays(); percpu_ptr(ptr, smp_processor_id()); })

/* Zeroed, one instance a possible CPU. NULL: no memory. Thread context, interrupts on, no lock held. */
#define alloc_percpu(type) ((type *)__alloc_percpu(sizeof(type), __alignof__(type)))
/* size up to PERCPU_ALLOC_MAX and not 0, align a power of two up to PERCPU_ALLOC_ALIGN; else NULL, and a warning. */
void *__alloc_percpu(size_t size, size_t align);
/* Any context but NMI. NULL is fine. A pointer that no allocation has returned is reported, and nothing happens. */
void free_percpu(const void *ptr);
/* Wait until what was freed where one may not sleep has given its memory back. Thread context, may sleep. */
void percpu_alloc_drain(void);

/* Boot CPU, when all possible CPUs are known. Before it nothing can be allocated. */
void percpu_alloc_init(void);

struct percpu_alloc_stats {
	unsigned long chunks;
	unsigned long bytes; /* in use, a CPU */
};
struct percpu_alloc_stats percpu_alloc_stats(void);
