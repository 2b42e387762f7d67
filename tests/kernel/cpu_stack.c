/* SPDX-License-Identifier: MIT */
/*
 * The per-CPU stacks (arch/cpu_stack.h) under interrupts: a pop and a push are executed in single steps, and after a
 * chosen one an interrupt comes whose handler uses the same stack. Every boundary between two instructions gets its
 * turn.
 */
#include "handlers.h"
#include "worker.h"

#include <arch/cpu.h>
#include <arch/cpu_stack.h>
#include <arch/irq.h>
#include <asm/irqflags.h>
#include <kernel/smp.h>

#define ITEMS 4u

static CPU_STACK_ROOM(2 * ITEMS) room;
static struct cpu_stack *stacks[MAX_CPUS];
static char object[ITEMS + 2]; /* the last two come later: by the steps, by the handler */
static void (*handler)(void *arg);
static void *popped, *taken; /* by the steps, by the handler */
static bool pushed, added;
static unsigned int step, chosen, stepping;
static bool asked, sent;

static void take_one(void *arg)
{
	(void)arg;
	taken = cpu_stack_pop(stacks);
}

static void add_one(void *arg)
{
	(void)arg;
	added = cpu_stack_push(stacks, &object[ITEMS + 1]);
}

/* Another CPU: send the interrupt when it is asked for. */
static void interrupt_when_asked(void *arg)
{
	(void)arg;
	while (!READ_ONCE(asked))
		cpu_relax();
	smp_call_function_single(stepping, handler, NULL, false);
	WRITE_ONCE(sent, true);
}

/* After each instruction, with interrupts off: what is sent now comes in front of the next one. */
static void after_step(struct trap_frame *frame)
{
	(void)frame;
	if (step++ != chosen)
		return;
	WRITE_ONCE(asked, true);
	while (!READ_ONCE(sent))
		cpu_relax();
}

static void pop_and_push(void)
{
	write_flags(read_flags() | FLAGS_TF);
	popped = cpu_stack_pop(stacks);
	pushed = cpu_stack_push(stacks, &object[ITEMS]);
	write_flags(read_flags() & ~FLAGS_TF);
}

static unsigned int times_there(const void *item)
{
	unsigned int times = (popped == item) + (taken == item);

	for (unsigned int i = 0; i < room.stack.count; i++)
		times += room.stack.item[i] == item;
	return times;
}

static unsigned int times_expected(unsigned int i)
{
	return i < ITEMS ? 1 : i == ITEMS ? pushed : added;
}

static void interrupted_after(unsigned int nr, struct worker *other, unsigned int capacity)
{
	room.stack.count = 0;
	room.stack.capacity = capacity;
	for (unsigned int i = 0; i < ITEMS; i++)
		room.stack.item[room.stack.count++] = &object[i];
	taken = NULL;
	added = asked = sent = false;
	step = 0;
	chosen = nr;
	worker_post(other, interrupt_when_asked, NULL);
	pop_and_push();
	WRITE_ONCE(asked, true); /* if there were fewer steps */
	worker_wait(other);
	for (unsigned int i = 0; i < ARRAY_SIZE(object); i++)
		if (!EXPECT_EQ(times_there(&object[i]), times_expected(i)))
			ktest_note("object %u, interrupted after step %u", i, nr);
}

static void interrupted_everywhere(struct worker *other, void (*by)(void *arg), unsigned int capacity)
{
	unsigned int nr = 0;

	handler = by;
	do
		interrupted_after(nr, other, capacity);
	while (nr++ < step);
	EXPECT(nr > 14); /* there are as many in the two sequences */
}

/* (The tests' thread is bound to its CPU.) */
KTEST(cpu_stack, interrupted_at_each_instruction)
{
	struct worker other;

	if (!have_two_cpus())
		KTEST_SKIP("needs two CPUs");
	ASSERT(worker_start(&other, another_cpu(), false));
	stepping = smp_processor_id();
	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
		stacks[cpu] = &room.stack;
	REPLACE_HANDLER(arch_set_debug_handler(after_step));
	interrupted_everywhere(&other, take_one, 2 * ITEMS);
	interrupted_everywhere(&other, add_one, 2 * ITEMS);
	interrupted_everywhere(&other, add_one, ITEMS); /* full when the steps come to push, if it was in time */
	REPLACE_HANDLER(arch_set_debug_handler(NULL));
	EXPECT_EQ(smp_processor_id(), stepping);
	worker_stop(&other);
}

KTEST(cpu_stack, full_and_empty)
{
	static char spare;

	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
		stacks[cpu] = &room.stack;
	room.stack.count = 0;
	room.stack.capacity = ITEMS;
	EXPECT(!cpu_stack_pop(stacks));
	for (unsigned int i = 0; i < ITEMS; i++)
		EXPECT(cpu_stack_push(stacks, &object[i]));
	EXPECT(!cpu_stack_push(stacks, &spare));
	for (unsigned int i = ITEMS; i; i--)
		EXPECT_EQ((vaddr_t)cpu_stack_pop(stacks), (vaddr_t)&object[i - 1]);
	EXPECT(!cpu_stack_pop(stacks));
	EXPECT_EQ(room.stack.count, 0);
}
