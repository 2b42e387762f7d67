/* SPDX-License-Identifier: MIT */
/*
 * Store buffers, as x86 has them (TSO): a CPU's atomic stores become visible to others later, in order, and the CPU
 * itself sees them at once. Locked operations, fences, interrupts that are sent and returns from them wait until the
 * buffer is empty.
 *
 * Plain accesses are instructions of the program: they act on memory as they find it. So memory always shows what the
 * running CPU would see: its own buffered stores are in it while it runs, and are taken out when another agent's turn
 * comes. A plain write to a word that has a buffered store becomes a store of the buffer at the next step.
 */
#include "tests/explore/runtime/internal.h"

#include <string.h>

#define MAX_STORES 64

struct store {
	struct op op;
	unsigned long below; /* while the store is in view: what memory has without it */
	struct past past;    /* of the agent when it made the store */
	struct heard heard;
};

static struct buffer {
	struct store store[MAX_STORES];
	unsigned int first, end;
} buffers[XP_CPUS];
static unsigned int in_view = NO_AGENT;
static struct {
	uintptr_t addr;
	unsigned int size;
} late[MAX_STORES]; /* plain writes over buffered stores, since the last step */
static unsigned int nr_late;
static xp_watcher_t watcher;

void xp_watch_writes(xp_watcher_t w) { watcher = w; }

void buffers_reset(void)
{
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		buffers[cpu].first = buffers[cpu].end = 0;
	in_view = NO_AGENT;
	nr_late = 0;
}

unsigned long memory_read(uintptr_t addr, unsigned int size)
{
	unsigned long value = 0;

	memcpy(&value, (void *)addr, size);
	return value;
}

static void poke(uintptr_t addr, unsigned int size, unsigned long value)
{
	memcpy((void *)addr, &value, size);
}

/* Write for all to see. */
void memory_write(uintptr_t addr, unsigned int size, unsigned long value)
{
	unsigned long old = memory_read(addr, size);

	snapshot_dirty(addr, size);
	poke(addr, size, value);
	if (watcher)
		watcher(addr, size, old, value);
}

/* --- the buffer --------------------------------------------------------------------------------------------- */

bool buffer_empty(unsigned int cpu) { return buffers[cpu].first == buffers[cpu].end; }
const struct op *buffer_head(unsigned int cpu) { return &buffers[cpu].store[buffers[cpu].first].op; }

bool buffer_has(unsigned int cpu, uintptr_t addr, unsigned int size)
{
	for (unsigned int i = buffers[cpu].first; i < buffers[cpu].end; i++) {
		const struct op *op = &buffers[cpu].store[i].op;

		if (addr < op->addr + op->size && op->addr < addr + size)
			return true;
	}
	return false;
}

static void append(struct buffer *b, uintptr_t addr, unsigned int size, unsigned long value, uintptr_t pc)
{
	struct store *s = &b->store[b->end];

	if (b->end == MAX_STORES)
		xp_fail("more than %u stores wait in a buffer", MAX_STORES);
	b->end++;
	*s = (struct store){
		.op = { .kind = OP_UPDATE, .addr = addr, .size = (unsigned char)size, .writes = true, .value = value,
			.pc = pc },
		.past = pasts[running],
		.heard = heards[cpu_of(running)],
	};
	s->below = memory_read(addr, size);
	poke(addr, size, value);
}

/* By the running agent, whose view this is. */
void buffer_store(uintptr_t addr, unsigned int size, unsigned long value, uintptr_t pc)
{
	append(&buffers[cpu_of(running)], addr, size, value, pc);
	heards[cpu_of(running)].at[cpu_of(running)]++;
}

void buffer_update(unsigned int cpu)
{
	struct buffer *b = &buffers[cpu];
	struct store *s = &b->store[b->first++];
	struct op op = s->op;

	memory_write(op.addr, op.size, op.value);
	past_join(&pasts[BUFFER + cpu], &s->past);
	for (uintptr_t at = op.addr & ~3ul; at < op.addr + op.size; at += 4)
		heard_join(&place_at(at)->told, &s->heard);
	search_step(BUFFER + cpu, &op, true);
	if (b->first == b->end)
		b->first = b->end = 0;
}

/* --- views -------------------------------------------------------------------------------------------------- */

static void leave_view(struct buffer *b)
{
	for (unsigned int i = 0; i < nr_late; i++)
		append(b, late[i].addr, late[i].size, memory_read(late[i].addr, late[i].size), 0);
	nr_late = 0;
	for (unsigned int i = b->end; i-- > b->first;)
		poke(b->store[i].op.addr, b->store[i].op.size, b->store[i].below);
}

static void enter_view(struct buffer *b)
{
	for (unsigned int i = b->first; i < b->end; i++) {
		b->store[i].below = memory_read(b->store[i].op.addr, b->store[i].op.size);
		poke(b->store[i].op.addr, b->store[i].op.size, b->store[i].op.value);
	}
}

void view_of(unsigned int cpu)
{
	if (in_view != NO_AGENT)
		leave_view(&buffers[in_view]);
	in_view = cpu;
	if (in_view != NO_AGENT)
		enter_view(&buffers[in_view]);
}

/* A plain write is about to happen. */
void buffer_plain_write(uintptr_t addr, unsigned long size)
{
	const struct buffer *b = &buffers[cpu_of(running)];

	for (unsigned int i = b->first; i < b->end; i++) {
		const struct op *op = &b->store[i].op;

		if (addr >= op->addr + op->size || op->addr >= addr + size)
			continue;
		if (nr_late == MAX_STORES)
			xp_fail("too many plain writes over buffered stores");
		late[nr_late].addr = op->addr;
		late[nr_late++].size = op->size;
		return;
	}
}
