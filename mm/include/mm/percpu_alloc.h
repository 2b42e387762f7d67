/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU memory made at run time, under Linux's names and with Linux's contract.
 *
 *	u64 *hits = alloc_percpu(u64);
 *	this_cpu_add(*hits, 1);
 *	for_each_possible_cpu(cpu)
 *		sum += *per_cpu_ptr(hits, cpu);
 *	free_percpu(hits);
 *
 * What comes back is a per-CPU pointer as that of a variable is: nothing lies at its address, and the accessors of
 * <kernel/percpu.h> lead to the instances. Those lie in vmalloc space and are mapped for every process before the call
 * returns, so they may be used in any context, NMI and page-fault handlers included.
 */
#pragma once

#include <kernel/percpu.h>
#include <lib/gfp.h>

#define PERCPU_ALLOC_MAX   (32ul << 10) /* bytes of one object */
#define PERCPU_ALLOC_ALIGN PAGE_SIZE	/* the largest alignment */

/* Zeroed, one instance a possible CPU. NULL: no memory. The first is for threads with interrupts on and no lock held. */
#define alloc_percpu(type)	    ((type *)__alloc_percpu(sizeof(type), __alignof__(type)))
#define alloc_percpu_gfp(type, gfp) ((type *)__alloc_percpu_gfp(sizeof(type), __alignof__(type), gfp))
/* size up to PERCPU_ALLOC_MAX and not 0, align a power of two up to PERCPU_ALLOC_ALIGN; else NULL, and a warning. */
void *__alloc_percpu(size_t size, size_t align);
/*
 * With GFP_ATOMIC or GFP_NOWAIT in any context but NMI: out of pages that are there already. If those do not do, NULL, and
 * a work makes a reserve of that size for the next one who comes. __GFP_NOWARN: silent about a wrong size too.
 */
void *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp);
/* Any context but NMI. NULL is fine. A pointer that no allocation has returned is reported, and nothing happens. */
void free_percpu(const void *ptr);
/* Wait until what was freed where one may not sleep has given its memory back, and the reserve too. Threads; may sleep. */
void percpu_alloc_drain(void);

/* Boot CPU, when all possible CPUs are known. Before it nothing can be allocated. */
void percpu_alloc_init(void);

struct percpu_alloc_stats {
	unsigned long chunks;
	unsigned long bytes; /* in use, a CPU */
	unsigned long pages; /* mapped, a CPU */
};
struct percpu_alloc_stats percpu_alloc_stats(void);
/* Every chunk, run and list at a quiet moment. Number of faults, each printed. */
unsigned int percpu_alloc_check(void);

/* --- mm/kva/percpu/percpu_areas.c: where variables lie. Boot CPU. ------------------------------------------------------------ */

/* Before the page allocator, when all lowmem is mapped: keep room for all CPUs; the boot CPU's area. Panics without. */
void *percpu_areas_init(void);
/* The area of the next CPU, PERCPU_STRIDE behind the one before. NULL: none is left. */
void *percpu_area_alloc(size_t bytes);
/* No more CPUs: what was kept for them is free memory. */
void percpu_areas_done(void);
