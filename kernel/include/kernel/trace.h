/* SPDX-License-Identifier: MIT */
/*
 * Trace points. Each CPU has a ring in vmalloc memory, written without a lock from any context, NMI too. Costs one load
 * when off.
 *
 *	trace(TRACE_TLB_FLUSH, start, end, tree);
 *
 * Event names are Linux's where Linux has the event. `trace=GLOB` on the command line switches on from the start.
 */
#pragma once

#include <lib/compiler.h>

enum trace_event {
	TRACE_ALLOC_VMAP_AREA,	      /* addr, size, align */
	TRACE_FREE_VMAP_AREA_NOFLUSH, /* va_start, nr_lazy, nr_lazy_max (weights: vm_cache.c, 3; 0, 0: now a hole) */
	TRACE_PURGE_VMAP_AREA_LAZY,   /* start, end: all of vmalloc space; npurged: ranges, or vmap blocks */
	TRACE_TLB_FLUSH,	      /* start, end (0, 0: everything), tree id (0: the kernel's) */
	TRACE_PGD_SYNC,		      /* start, end, entries carried */
	TRACE_IPI_SEND,		      /* to cpu, enum ipi_vector, serial */
	TRACE_IPI_ACK,		      /* from cpu, enum ipi_vector, serial */
	TRACE_PAGE_FAULT,	      /* addr, error code, ip */
	TRACE_SCHED_SWITCH,	      /* previous task id, next task id, tree id */
	TRACE_MARK,		      /* three numbers, for tests and people */
	NR_TRACE_EVENTS
};

extern unsigned long trace_enabled; /* one bit for each event */
void trace_slow(enum trace_event event, unsigned long a, unsigned long b, unsigned long c);
static __always_inline bool trace_is_on(enum trace_event event)
{
	return unlikely(READ_ONCE(trace_enabled) & BIT(event));
}
/* Any context. A record that cannot be written at once is dropped and counted, never waited for. */
static __always_inline void trace(enum trace_event event, unsigned long a, unsigned long b, unsigned long c)
{
	if (trace_is_on(event))
		trace_slow(event, a, b, c);
}

/* One record, as it is kept and read back. */
struct trace_record {
	u64 time; /* microseconds since boot */
	u32 event, cpu;
	unsigned long arg[3];
};

/*
 * Set the allocator of rings. alloc: zeroed memory, once for each possible CPU. free: no CPU finds the ring any more,
 * but a CPU with interrupts off may still write to it; free waits until it has finished.
 */
void trace_set_allocator(void *(*alloc)(size_t bytes), void (*free)(void *ring));

/* Thread context, one caller at a time. Records of an earlier start are kept. */
int trace_start(const char *globs); /* -ENOMEM, -EINVAL: no event has such a name */
void trace_stop(void);
/* Stop, forget all records and give the rings back. */
void trace_release(void);

/* Call fn for all records of all CPUs, oldest first, while tracing is stopped. */
void trace_for_each(void (*fn)(void *ctx, const struct trace_record *record), void *ctx);
/* Print the same, one line a record between two marks, for tests/qemu/trace2json. */
void trace_dump(void);
/*
 * And for programs, as vmallocinfo_machine() (<mm/vmalloc.h>) prints:
 *
 *	event time= cpu= name= ARG= ARG= ARG=	oldest first; the arguments have the names above, in hexadecimal
 *	trace lost=				last of all
 */
void trace_machine(void);
const char *trace_event_name(enum trace_event event);
unsigned long trace_lost(void); /* records overwritten or dropped since the last release */
