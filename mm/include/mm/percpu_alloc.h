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
 * The result is a per-CPU pointer, like the address of a static per-CPU variable: nothing lies at its address, and the
 * accessors of <kernel/percpu.h> lead to the instances. Those lie in vmalloc space and are mapped in every process
 * before the call returns. So they may be used in any context, NMI and page-fault handlers included.
 */
#pragma once

#include <kernel/percpu.h>
#include <lib/gfp.h>

#define PERCPU_ALLOC_MAX   (32ul << 10) /* bytes of one object */
#define PERCPU_ALLOC_ALIGN PAGE_SIZE	/* the largest alignment */

/*
 * Zeroed; one instance for each possible CPU. NULL: no memory. alloc_percpu(): thread with interrupts on, no lock held.
 */
#define alloc_percpu(type)	    ((type *)__alloc_percpu(sizeof(type), __alignof__(type)))
#define alloc_percpu_gfp(type, gfp) ((type *)__alloc_percpu_gfp(sizeof(type), __alignof__(type), gfp))
/* 0 < size <= PERCPU_ALLOC_MAX; align: a power of two up to PERCPU_ALLOC_ALIGN; otherwise NULL, and a warning. */
void *__alloc_percpu(size_t size, size_t align);
/*
 * With GFP_ATOMIC or GFP_NOWAIT, in any context but NMI, it uses only pages that exist already. If they have no room,
 * it takes the reserve, if there is one that is large enough. Otherwise: NULL, and a work item makes a reserve of that
 * size for the next caller. __GFP_NOWARN: no warning about a wrong size either.
 */
void *__alloc_percpu_gfp(size_t size, size_t align, gfp_t gfp);
/* Any context but NMI. NULL is fine. A pointer that no allocation has returned is reported, and nothing happens. */
void free_percpu(const void *ptr);
/* Destroy all chunks without objects, and free the reserve. Thread context, may sleep. */
void percpu_alloc_drain(void);

/* Boot CPU, when all possible CPUs are known. Before it nothing can be allocated. */
void percpu_alloc_init(void);

struct percpu_alloc_stats {
	unsigned long chunks;
	unsigned long bytes; /* in use, for each CPU */
	unsigned long pages; /* mapped, for each CPU */
};
struct percpu_alloc_stats percpu_alloc_stats(void);
/* Every chunk, run and list at a quiet moment. Number of faults, each printed. */
unsigned int percpu_alloc_check(void);

/* --- mm/kva/percpu/percpu_areas.c: areas of static variables. Boot CPU. ------------------------------------------- */

/* Before the page allocator, when lowmem is mapped: keep room for all CPUs. The boot CPU's area; panics without RAM. */
void *percpu_areas_init(void);
/* The area of the next CPU, PERCPU_STRIDE behind the one before. NULL: none is left. */
void *percpu_area_alloc(size_t bytes);
/* All CPUs are up: free the room that was kept for others. */
void percpu_areas_done(void);
