/* SPDX-License-Identifier: MIT */
/*
 * The trace rings.
 *
 * 1. A CPU writes into its own ring with interrupts off, so only an NMI can interrupt a writer. Nothing waits: an NMI
 *    in the middle of a record takes the next slot. If it comes between a writer's read of the clock and its slot, the
 *    times of the two records are in the wrong order.
 *
 * 2. A slot is reserved by adding to the ring's count: record n belongs to slot n % TRACE_SLOTS, and no other writer
 *    gets n. The slot's word `state` says which record it has:
 *
 *	2 * n + 1	record n is being written		2 * n + 2	record n is complete
 *
 *    A writer takes the slot over by compare-and-exchange from an even value (a complete older record). If the value is
 *    odd, the ring has wrapped while a writer was delayed in the middle of a record: the new record is dropped. So two
 *    CPUs never write one slot, and a reader can tell whole records from torn ones: the state must be that of record n
 *    before and after copying.
 *
 * 3. Readers look at the last TRACE_SLOTS records of each ring and merge them by time. Tracing is off meanwhile. A late
 *    writer does no harm: the record that it overwrites is left out.
 */
#include <kernel/trace.h>
#include <arch/barrier.h>
#include <arch/irq.h>
#include <kernel/cmdline.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <lib/atomic.h>
#include <lib/errno.h>
#include <lib/glob.h>
#include <lib/string.h>

CMDLINE_OPTION(trace, "trace=GLOB[,GLOB]", "record these events from the start; after the tests, print them");

#define TRACE_SLOTS 2048u /* a power of two */

struct trace_slot {
	unsigned long state;
	struct trace_record record;
};

struct trace_ring {
	unsigned long count; /* records ever reserved */
	struct trace_slot slot[TRACE_SLOTS];
};

unsigned long trace_enabled;

/* Set for all possible CPUs, then never changed until trace_release(). */
static DEFINE_PER_CPU(struct trace_ring *, trace_ring);
static void *(*ring_alloc)(size_t bytes) __ro_after_init;
static void (*ring_free)(void *ring) __ro_after_init;

static const struct { const char *name, *arg[3]; } events[NR_TRACE_EVENTS] = {
	[TRACE_ALLOC_VMAP_AREA] = { "alloc_vmap_area", { "addr", "size", "align" } },
	[TRACE_FREE_VMAP_AREA_NOFLUSH] = { "free_vmap_area_noflush", { "va_start", "nr_lazy", "nr_lazy_max" } },
	[TRACE_PURGE_VMAP_AREA_LAZY] = { "purge_vmap_area_lazy", { "start", "end", "npurged" } },
	[TRACE_TLB_FLUSH] = { "tlb_flush", { "start", "end", "tree" } },
	[TRACE_PGD_SYNC] = { "pgd_sync", { "start", "end", "carried" } },
	[TRACE_IPI_SEND] = { "ipi_send", { "to_cpu", "ipi", "serial" } },
	[TRACE_IPI_ACK] = { "ipi_ack", { "from_cpu", "ipi", "serial" } },
	[TRACE_PAGE_FAULT] = { "page_fault", { "addr", "error", "ip" } },
	[TRACE_SCHED_SWITCH] = { "sched_switch", { "prev", "next", "tree" } },
	[TRACE_MARK] = { "mark", { "a", "b", "c" } },
};

const char *trace_event_name(enum trace_event event)
{
	return event < NR_TRACE_EVENTS ? events[event].name : "unknown";
}

void trace_set_allocator(void *(*alloc)(size_t bytes), void (*free)(void *ring))
{
	ring_alloc = alloc;
	ring_free = free;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Take the slot for record n. False: an older record is still being written there. */
static bool claim_slot(struct trace_slot *slot, unsigned long n)
{
	unsigned long state = READ_ONCE(slot->state);

	if ((state & 1) || cmpxchg(&slot->state, state, 2 * n + 1) != state)
		return false;
	smp_wmb(); /* a reader that sees a new word also sees that the old record is gone */
	return true;
}

static void write_record(struct trace_ring *ring, const struct trace_record *record)
{
	unsigned long n = __atomic_fetch_add(&ring->count, 1, __ATOMIC_RELAXED);
	struct trace_slot *slot = &ring->slot[n % TRACE_SLOTS];

	if (!claim_slot(slot, n))
		return;
	WRITE_ONCE(slot->record.time, record->time);
	WRITE_ONCE(slot->record.event, record->event);
	WRITE_ONCE(slot->record.cpu, record->cpu);
	for (unsigned int i = 0; i < ARRAY_SIZE(record->arg); i++)
		WRITE_ONCE(slot->record.arg[i], record->arg[i]);
	smp_store_release(&slot->state, 2 * n + 2);
}

/* Interrupts are off from the read of the ring pointer to the end of the write: trace_release() relies on it. */
void trace_slow(enum trace_event event, unsigned long a, unsigned long b, unsigned long c)
{
	bool flags = arch_local_irq_save();
	struct trace_ring *ring = this_cpu_read(trace_ring);
	struct trace_record record = { arch_uptime_us(), event, smp_processor_id(), { a, b, c } };

	if (ring)
		write_record(ring, &record);
	local_irq_restore(flags);
}

/* --- switching ---------------------------------------------------------------------------------------------------- */

static unsigned long matching_events(const char *globs)
{
	unsigned long matching = 0;

	for (unsigned int i = 0; i < NR_TRACE_EVENTS; i++)
		if (glob_list_match(globs, events[i].name))
			matching |= BIT(i);
	return matching;
}

static bool alloc_rings(void)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpu_possible_mask) {
		struct trace_ring *ring = per_cpu(trace_ring, cpu);

		if (!ring)
			ring = ring_alloc ? ring_alloc(sizeof(*ring)) : NULL;
		if (!ring)
			return false;
		smp_store_release(per_cpu_ptr(&trace_ring, cpu), ring);
	}
	return true;
}

int trace_start(const char *globs)
{
	unsigned long wanted = matching_events(*globs ? globs : "*");

	if (!wanted)
		return -EINVAL;
	if (!alloc_rings()) {
		trace_release();
		return -ENOMEM;
	}
	WRITE_ONCE(trace_enabled, wanted);
	return 0;
}

void trace_stop(void)
{
	WRITE_ONCE(trace_enabled, 0);
}

void trace_release(void)
{
	unsigned int cpu;

	trace_stop();
	for_each_cpu(cpu, cpu_possible_mask) {
		struct trace_ring *ring = xchg(per_cpu_ptr(&trace_ring, cpu), NULL);

		if (ring)
			ring_free(ring);
	}
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A reader's position in one ring: record `next` of `end`. */
struct trace_cursor {
	struct trace_ring *ring;
	unsigned long next, end;
	bool valid;		    /* `record` is the next one to give */
	struct trace_record record; /* copy */
};

/* Copy record n, if it is whole and still there. */
static bool copy_record(const struct trace_ring *ring, unsigned long n, struct trace_record *out)
{
	const struct trace_slot *slot = &ring->slot[n % TRACE_SLOTS];

	if (smp_load_acquire(&slot->state) != 2 * n + 2)
		return false;
	out->time = READ_ONCE(slot->record.time);
	out->event = READ_ONCE(slot->record.event);
	out->cpu = READ_ONCE(slot->record.cpu);
	for (unsigned int i = 0; i < ARRAY_SIZE(out->arg); i++)
		out->arg[i] = READ_ONCE(slot->record.arg[i]);
	smp_rmb();
	return READ_ONCE(slot->state) == 2 * n + 2;
}

static void cursor_advance(struct trace_cursor *cursor)
{
	cursor->valid = false;
	while (cursor->ring && cursor->next != cursor->end && !cursor->valid)
		cursor->valid = copy_record(cursor->ring, cursor->next++, &cursor->record);
}

static void open_cursor(struct trace_cursor *cursor, struct trace_ring *ring)
{
	cursor->ring = ring;
	cursor->end = ring ? READ_ONCE(ring->count) : 0;
	cursor->next = cursor->end > TRACE_SLOTS ? cursor->end - TRACE_SLOTS : 0;
	cursor_advance(cursor);
}

void trace_for_each(void (*fn)(void *ctx, const struct trace_record *record), void *ctx)
{
	static struct trace_cursor cursors[MAX_CPUS]; /* one reader at a time */
	struct trace_cursor *first;
	unsigned int cpu;

	for_each_cpu(cpu, cpu_possible_mask)
		open_cursor(&cursors[cpu], per_cpu(trace_ring, cpu));
	do {
		first = NULL;
		for_each_cpu(cpu, cpu_possible_mask)
			if (cursors[cpu].valid && (!first || cursors[cpu].record.time < first->record.time))
				first = &cursors[cpu];
		if (first) {
			fn(ctx, &first->record);
			cursor_advance(first);
		}
	} while (first);
}

static unsigned long lost_of(struct trace_ring *ring)
{
	struct trace_cursor cursor;
	unsigned long found = 0;

	for (open_cursor(&cursor, ring); cursor.valid; cursor_advance(&cursor))
		found++;
	return cursor.end - found;
}

unsigned long trace_lost(void)
{
	unsigned long lost = 0;
	unsigned int cpu;

	for_each_cpu(cpu, cpu_possible_mask)
		lost += lost_of(per_cpu(trace_ring, cpu));
	return lost;
}

static void print_record(void *ctx, const struct trace_record *r)
{
	(void)ctx;
	cprintf("@%llu %u %s %lx %lx %lx\n", r->time, r->cpu, trace_event_name(r->event), r->arg[0], r->arg[1],
		r->arg[2]);
}

void trace_dump(void)
{
	cprintf("@trace begin\n");
	trace_for_each(print_record, NULL);
	cprintf("@trace end, %lu lost\n", trace_lost());
}

static void print_exactly(void *ctx, const struct trace_record *r)
{
	(void)ctx;
	if (r->event >= NR_TRACE_EVENTS)
		return;
	cprintf("event time=%llu cpu=%u name=%s", r->time, r->cpu, events[r->event].name);
	for (unsigned int i = 0; i < ARRAY_SIZE(r->arg); i++)
		cprintf(" %s=0x%lx", events[r->event].arg[i], r->arg[i]);
	cprintf("\n");
}

void trace_machine(void)
{
	trace_for_each(print_exactly, NULL);
	cprintf("trace lost=%lu\n", trace_lost());
}
