/* SPDX-License-Identifier: MIT */
/*
 * Trace points: a ring a CPU in vmalloc memory, lock-free to write from any context, NMI included. Off costs one load.
 *
 *	trace(TRACE_TLB_FLUSH, start, end, tree);
 *
 * Event names are Linux's where Linux has the event. `trace=GLOB` on the command line switches on from the start.
 */
#pragma once

#include <lib/compiler.h>

enum trace_event {
	TRACE_ALLOC_VMAP_AREA,	      /* addr, size, align */
	TRACE_FREE_VMAP_AREA_NOFLUSH, /* va_start, nr_lazy, nr_lazy_max */
	TRACE_PURGE_VMAP_AREA_LAZY,   /* start, end, npurged */
	TRACE_TLB_FLUSH,	      /* start, end (0, 0: everything), tree id (0: the kernel's) */
	TRACE_PGD_SYNC,		      /* start, end, entries carried */
	TRACE_IPI_SEND,		      /* to cpu, vector, serial */
	TRACE_IPI_ACK,		      /* from cpu, vector, serial */
	TRACE_PAGE_FAULT,	      /* addr, error code, ip */
	TRACE_SCHED_SWITCH,	      /* previous task id, next task id, tree id */
	TRACE_MARK,		      /* whatever a test or a person wants to see: three numbers */
	NR_TRACE_EVENTS
};

extern unsigned long trace_enabled; /* a bit an event */
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
 * Rings come from above: bytes of zeroed memory for each possible CPU. free is called when nobody is told of the ring any
 * more, but somebody with interrupts off may still write to it: it waits for that to end before it frees.
 */
void trace_set_allocator(void *(*alloc)(size_t bytes), void (*free)(void *ring));

/* Thread context, one caller at a time. Records of an earlier start are kept. */
int trace_start(const char *globs); /* -ENOMEM, -EINVAL: no event has such a name */
void trace_stop(void);
/* Stop, forget all records and give the rings back. */
void trace_release(void);

/* All records, oldest first over all CPUs, while tracing is stopped. */
void trace_for_each(void (*fn)(void *ctx, const struct trace_record *record), void *ctx);
/* The same as text on the consoles, a line a record between two marks; tests/qemu/trace2json reads it. */
void trace_dump(void);
/*
 * And for programs, as vmallocinfo_machine() (<mm/vmalloc.h>) prints:
 *
 *	event time= cpu= name= ARG= ARG= ARG=	oldest first; the arguments have the names above, in hexadecimal
 *	trace lost=				last of all
 */
void trace_machine(void);
const char *trace_event_name(enum trace_event event);
unsigned long trace_lost(void); /* overwritten or dropped records since the last release */
