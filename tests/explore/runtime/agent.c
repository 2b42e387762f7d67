/* SPDX-License-Identifier: MIT */
/*
 * Agents: coroutines for the programs and the handlers of CPUs. An agent that comes to a step describes it, and the
 * search says whose turn is next; often that is the same agent, and then nothing is switched.
 *
 * A handler is an agent of its own that begins only when its CPU's interrupts are on and one is pending. Until it ends,
 * its CPU's program has no turn. It shares the store buffer with the program, and returns with the buffer empty, as
 * IRET does.
 */
#include "tests/explore/runtime/internal.h"

#include <string.h>
#include <sys/mman.h>

#define STACK_SIZE (64ul << 10)

struct agent {
	void *sp;
	char *stack;
	struct op op;
	bool exists, finished;
};

static struct agent agents[NR_AGENTS];
static struct {
	unsigned int irqs_off, in_irq;
	unsigned long pending;
	int first_send; /* the step that made an interrupt pending */
	struct heard sent;
} cpus[XP_CPUS];

unsigned int running = NO_AGENT;
struct past pasts[NR_AGENTS];
static unsigned int coroutine = NO_AGENT; /* whose stack this is */
static void *runtime_sp;
static const struct xp_scenario *scenario;

/* Save the callee's registers and the stack, and go on with another. */
void switch_stack(void **save, void *load);
__asm__(".text\nswitch_stack:\n"
	"\tpush %rbp\n\tpush %rbx\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n"
	"\tmov %rsp, (%rdi)\n\tmov %rsi, %rsp\n"
	"\tpop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbx\n\tpop %rbp\n\tret\n");

void past_join(struct past *to, const struct past *from)
{
	for (unsigned int i = 0; i < NR_AGENTS; i++)
		if (to->last[i] < from->last[i])
			to->last[i] = from->last[i];
}

bool scenario_has_irqs(void) { return scenario && scenario->irq; }
bool cpu_irqs_on(unsigned int cpu) { return !cpus[cpu].irqs_off && !cpus[cpu].in_irq; }
unsigned int xp_cpu(void) { return running == NO_AGENT ? 0 : cpu_of(running); }
bool xp_in_irq(void) { return running != NO_AGENT && is_irq(running); }
void xp_idle(void) { }
int irq_first_send(unsigned int cpu) { return cpus[cpu].first_send; }

bool stack_of(unsigned int a, uintptr_t addr)
{
	return addr - (uintptr_t)agents[a].stack < STACK_SIZE;
}

/* --- the code of agents ------------------------------------------------------------------------------------- */

static void main_code(unsigned int cpu)
{
	step_end(false, 0); /* its first turn brings it here */
	scenario->cpu[cpu]();
	agents[running].finished = true;
	step_begin((struct op){ .kind = OP_START });
}

static struct op irq_op(unsigned int cpu, enum op_kind kind)
{
	return (struct op){ .kind = kind, .addr = (uintptr_t)&cpus[cpu].pending, .size = 8, .writes = true };
}

static void irq_code(unsigned int cpu)
{
	for (;; step_begin(irq_op(cpu, OP_IRQ_START))) { /* the first turn is the step itself */
		cpus[cpu].in_irq = 1;
		cpus[cpu].pending = 0;
		heard_join(&heards[cpu], &cpus[cpu].sent);
		step_end(true, 0);
		cpus[cpu].first_send = -1;
		scenario->irq();
		step_begin((struct op){ .kind = OP_IRQ_END });
		cpus[cpu].in_irq = 0;
		step_end(false, 0);
	}
}

static void agent_entry(void)
{
	if (is_irq(running))
		irq_code(cpu_of(running));
	main_code(cpu_of(running));
	__builtin_trap();
}

static void agent_begin(unsigned int a, enum op_kind kind)
{
	void **sp;

	if (!agents[a].stack)
		agents[a].stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sp = (void **)(agents[a].stack + STACK_SIZE) - 1;
	*--sp = (void *)agent_entry;
	agents[a].sp = sp - 6;
	agents[a].exists = true;
	agents[a].op = kind == OP_START ? (struct op){ .kind = OP_START } : irq_op(cpu_of(a), kind);
}

void agents_begin(const struct xp_scenario *s)
{
	scenario = s;
	for (unsigned int a = 0; a < NR_AGENTS; a++)
		agents[a].exists = agents[a].finished = false;
	memset(pasts, 0, sizeof(pasts));
	memset(cpus, 0, sizeof(cpus));
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++) {
		cpus[cpu].first_send = -1;
		agents[BUFFER + cpu].exists = true;
		if (s->cpu[cpu])
			agent_begin(MAIN + cpu, OP_START);
		if (s->cpu[cpu] && s->irq)
			agent_begin(IRQ + cpu, OP_IRQ_START);
	}
}

/* --- who may take a turn ------------------------------------------------------------------------------------ */

const struct op *agent_op(unsigned int a)
{
	return is_buffer(a) ? buffer_head(cpu_of(a)) : &agents[a].op;
}

static bool op_enabled(unsigned int a)
{
	const struct op *op = &agents[a].op;
	unsigned int cpu = cpu_of(a);

	switch (op->kind) {
	case OP_IRQ_START:
		return cpus[cpu].pending && cpu_irqs_on(cpu);
	case OP_ACQUIRE:
		return buffer_empty(cpu) && !memory_read(op->addr, 4);
	case OP_LOCKED:
	case OP_FENCE:
	case OP_SEND:
	case OP_IRQ_END:
		return buffer_empty(cpu);
	case OP_RELAX:
		return watch_may_go_on(a);
	default:
		return true;
	}
}

static bool agent_enabled(unsigned int a)
{
	if (!agents[a].exists || agents[a].finished)
		return false;
	if (is_buffer(a))
		return !buffer_empty(cpu_of(a));
	return !(is_main(a) && cpus[cpu_of(a)].in_irq) && op_enabled(a);
}

/* To be called while memory shows no CPU's buffer (view_of). */
agents_t agents_enabled(void)
{
	agents_t set = 0;

	for (unsigned int a = 0; a < NR_AGENTS; a++)
		if (agent_enabled(a))
			set |= bit(a);
	return set;
}

agents_t agents_unfinished(void)
{
	agents_t set = 0;

	for (unsigned int a = 0; a < IRQ; a++)
		if ((agents[a].exists && !agents[a].finished) || (agents[a].exists && cpus[a].in_irq))
			set |= bit(a);
	return set;
}

/* --- turns -------------------------------------------------------------------------------------------------- */

static void go_to(unsigned int a)
{
	void **save = coroutine == NO_AGENT ? &runtime_sp : &agents[coroutine].sp;

	coroutine = a;
	switch_stack(save, a == NO_AGENT ? runtime_sp : agents[a].sp);
}

/* Let the search choose until it is an agent's turn that has code; go there. */
static void next_turn(void)
{
	unsigned int a;

	view_of(NO_AGENT);
	running = NO_AGENT;
	while ((a = search_pick()) != NO_AGENT && is_buffer(a))
		buffer_update(cpu_of(a));
	running = a;
	if (a != NO_AGENT)
		view_of(cpu_of(a));
	if (a != coroutine)
		go_to(a);
}

void agents_run(void)
{
	next_turn();
}

void agents_stop(void)
{
	view_of(NO_AGENT);
	running = NO_AGENT;
	go_to(NO_AGENT);
	__builtin_unreachable();
}

void step_begin(struct op op)
{
	agents[running].op = op;
	next_turn();
}

void step_end(bool wrote, unsigned long value)
{
	struct op *op = &agents[running].op;

	op->value = value;
	search_step(running, op, wrote);
}

/* --- operations that are no accesses ------------------------------------------------------------------------ */

unsigned int xp_choose(unsigned int n)
{
	unsigned int choice;

	if (running == NO_AGENT)
		return 0;
	step_begin((struct op){ .kind = OP_CHOOSE, .n = (unsigned char)n,
				.pc = (uintptr_t)__builtin_return_address(0) });
	choice = search_choice();
	step_end(false, choice);
	return choice;
}

void xp_relax(void)
{
	if (running == NO_AGENT)
		return;
	step_begin((struct op){ .kind = OP_RELAX, .pc = (uintptr_t)__builtin_return_address(0) });
	step_end(false, 0);
	watch_clear(running);
}

bool xp_irq_is_on(void) { return running == NO_AGENT || (!xp_in_irq() && !cpus[xp_cpu()].irqs_off); }

/* An interrupt may come just before. */
bool xp_irq_off(void)
{
	bool were_on = xp_irq_is_on();

	if (running == NO_AGENT || !were_on)
		return were_on;
	if (scenario->irq)
		step_begin((struct op){ .kind = OP_IRQ_OFF, .pc = (uintptr_t)__builtin_return_address(0) });
	if (scenario->irq)
		step_end(false, 0);
	cpus[xp_cpu()].irqs_off = 1;
	return true;
}

void xp_irq_on(void)
{
	if (running != NO_AGENT && !xp_in_irq())
		cpus[xp_cpu()].irqs_off = 0;
}

void xp_send_irq(unsigned int cpu)
{
	struct op op = irq_op(cpu, OP_SEND);

	op.pc = (uintptr_t)__builtin_return_address(0);
	if (running == NO_AGENT || !scenario->irq)
		return;
	step_begin(op);
	if (!cpus[cpu].pending++)
		cpus[cpu].first_send = depth - 1;
	race_send(&cpus[cpu].sent);
	step_end(true, cpu);
}

