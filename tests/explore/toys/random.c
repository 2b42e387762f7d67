/* SPDX-License-Identifier: MIT */
/*
 * Random small programs, for the judgement of the search: the reduction (SEARCH_DPOR) must find just the end states
 * that the full enumeration finds. `toys -s random -c N` compares N of them.
 */
#include "tests/explore/runtime/explore.h"

#define READ(x)	    __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)

enum { LOAD, STORE, EXCHANGE, COMPARE, FENCE, LOCKED, WAIT, WAIT_EITHER, CHOOSE, SEND, IRQ_OFF, TWICE, NR_KINDS };
#define MAX_LENGTH 4

struct instruction {
	unsigned char kind, var, other, value;
};

static struct instruction program[XP_CPUS][MAX_LENGTH];
static unsigned int length[XP_CPUS];
static unsigned int var[3], lock;
static unsigned int reg[XP_CPUS][2 * MAX_LENGTH], handled[XP_CPUS];
static unsigned long random_state;

static unsigned int random_below(unsigned int n)
{
	random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned int)(random_state >> 33) % n;
}

static void make_program(void)
{
	unsigned int cpus, kinds;

	random_state = xp_seed * 0x9e3779b97f4a7c15ul + 1;
	cpus = 2 + (random_below(3) == 0);
	kinds = random_below(2) ? NR_KINDS : WAIT; /* waiting and interrupts in half of them */
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		length[cpu] = 1 + random_below(cpus == 2 ? 3 : 2);
		for (unsigned int i = 0; i < length[cpu]; i++)
			program[cpu][i] = (struct instruction){
				(unsigned char)random_below(kinds), (unsigned char)random_below(2),
				(unsigned char)random_below(3), (unsigned char)(1 + cpu * MAX_LENGTH + i) };
	}
}

/* What waits gives up only if nobody can go on any more, which is an end state too. */
static void step(unsigned int cpu, const struct instruction *p, unsigned int *r)
{
	unsigned int old = 0;

	switch (p->kind) {
	case LOAD: *r = READ(var[p->var]); break;
	case STORE: WRITE(var[p->var], p->value); break;
	case EXCHANGE: *r = __atomic_exchange_n(&var[p->var], p->value, __ATOMIC_SEQ_CST); break;
	case COMPARE:
		__atomic_compare_exchange_n(&var[p->var], &old, p->value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		*r = old;
		break;
	case FENCE: __atomic_thread_fence(__ATOMIC_SEQ_CST); break;
	case LOCKED:
		xp_acquire(&lock);
		*r = READ(var[2]);
		WRITE(var[2], p->value);
		__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
		break;
	case WAIT:
		while (!(*r = READ(var[p->var])))
			xp_relax();
		break;
	case WAIT_EITHER:
		while (!(r[0] = READ(var[p->var])) && !(r[1] = READ(var[p->other])))
			xp_relax();
		break;
	case CHOOSE: *r = xp_choose(2) + 1; break;
	case SEND: xp_send_irq(!cpu); break;
	case IRQ_OFF:
		if (xp_irq_off())
			xp_irq_on();
		break;
	case TWICE:
		WRITE(var[p->var], READ(var[p->other]) + 16);
		break;
	}
}

static void interpret(unsigned int cpu)
{
	for (unsigned int i = 0; i < length[cpu]; i++)
		step(cpu, &program[cpu][i], &reg[cpu][2 * i]);
}
static void cpu0(void) { interpret(0); }
static void cpu1(void) { interpret(1); }
static void cpu2(void) { interpret(2); }

static void handler(void)
{
	unsigned int cpu = xp_cpu();

	WRITE(handled[cpu], READ(handled[cpu]) * 8 + READ(var[0]) + 1);
	WRITE(var[1], 64 + cpu);
}

static unsigned long hash(unsigned long h, const unsigned int *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ul;
	return h;
}

static unsigned long end_state(void)
{
	unsigned long h = hash(0xcbf29ce484222325ul, var, 3);

	return hash(hash(h, &reg[0][0], XP_CPUS * 2 * MAX_LENGTH), handled, XP_CPUS);
}

XP_SCENARIO(random) = { .name = "random", .setup = make_program, .cpu = { cpu0, cpu1, cpu2 }, .irq = handler,
			.state = end_state };
