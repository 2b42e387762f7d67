/* SPDX-License-Identifier: MIT */
/* Private to the runtime. */
#pragma once

#include "tests/explore/runtime/explore.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Agents are what takes turns: of each CPU its program, its handler and its store buffer. A step is one operation of an
 * agent that others can notice, and all that the agent does after it up to the next one.
 */
enum { MAIN = 0, IRQ = XP_CPUS, BUFFER = 2 * XP_CPUS, NR_AGENTS = 3 * XP_CPUS };
typedef uint16_t agents_t; /* a set of them */

static inline unsigned int cpu_of(unsigned int agent) { return agent % XP_CPUS; }
static inline bool is_buffer(unsigned int agent) { return agent >= BUFFER; }
static inline bool is_irq(unsigned int agent) { return agent >= IRQ && agent < BUFFER; }
static inline bool is_main(unsigned int agent) { return agent < IRQ; }
static inline agents_t bit(unsigned int agent) { return (agents_t)(1u << agent); }

enum op_kind {
	OP_START, OP_LOAD, OP_STORE, OP_LOCKED, OP_FENCE, OP_UPDATE, OP_NOTE, OP_RELAX, OP_ACQUIRE, OP_CHOOSE, OP_SEND,
	OP_IRQ_OFF, OP_IRQ_START, OP_IRQ_END, NR_OPS
};

struct op {
	enum op_kind kind;
	unsigned char size; /* in bytes; 0: touches no memory */
	bool writes;	    /* before the step: it may write; after it: it has written */
	unsigned char n;    /* OP_CHOOSE: of how many */
	uintptr_t addr;
	uintptr_t pc;
	unsigned long value;
};

/* What happened before: of each agent its last step, counted from 1. */
struct past {
	unsigned int last[NR_AGENTS];
};
void past_join(struct past *to, const struct past *from);

/* The same for data races: of each CPU the time that this one has heard of, from stores that it read and interrupts. */
struct heard {
	unsigned int at[XP_CPUS];
};
void heard_join(struct heard *to, const struct heard *from);

/* --- agent.c: who runs, and what each wants to do next ------------------------------------------------------ */

#define NO_AGENT (~0u)
extern unsigned int running;	   /* the agent whose code runs; NO_AGENT: set-up, check, or the runtime */
extern struct past pasts[NR_AGENTS];

void agents_begin(const struct xp_scenario *scenario);
agents_t agents_enabled(void);
agents_t agents_unfinished(void);
const struct op *agent_op(unsigned int agent); /* its next step */
/* Run until the end of the run. */
void agents_run(void);
/* From an agent's code: leave it for good. */
void agents_stop(void) __attribute__((noreturn));
/* From an agent's code: this is its next step; returns when its turn has come. Then do it, and call step_end(). */
void step_begin(struct op op);
void step_end(bool wrote, unsigned long value);
bool scenario_has_irqs(void);
bool stack_of(unsigned int agent, uintptr_t addr); /* is that on its stack? */
int irq_first_send(unsigned int cpu); /* the step that made its interrupt pending; -1: none is */
bool cpu_irqs_on(unsigned int cpu);

/* --- buffer.c: store buffers -------------------------------------------------------------------------------- */

void buffers_reset(void);
bool buffer_empty(unsigned int cpu);
bool buffer_has(unsigned int cpu, uintptr_t addr, unsigned int size); /* a store to one of these bytes */
const struct op *buffer_head(unsigned int cpu);
void buffer_store(uintptr_t addr, unsigned int size, unsigned long value, uintptr_t pc);
void buffer_update(unsigned int cpu); /* the oldest store becomes visible; a step */
void buffer_plain_write(uintptr_t addr, unsigned long size);
/* Memory shows the stores of one CPU's buffer, or (NO_AGENT) none of them. */
void view_of(unsigned int cpu);
unsigned long memory_read(uintptr_t addr, unsigned int size);
void memory_write(uintptr_t addr, unsigned int size, unsigned long value);

/* --- place.c: words of memory, and which steps touched them last -------------------------------------------- */

struct place {
	uintptr_t word;
	unsigned int run;
	int last_write, last_locked, last_read[NR_AGENTS]; /* steps; -1: none */
	unsigned int version;				    /* times written */
	struct heard told;				    /* by those who have written it */
};
struct place *place_at(uintptr_t addr);
void places_reset(void);

/* --- search.c ----------------------------------------------------------------------------------------------- */

enum search_mode { SEARCH_DPOR, SEARCH_ALL, SEARCH_BOUND };

struct node {
	agents_t enabled, backtrack, sleep;
	unsigned char agent, choice, choices, cost;
	struct op op; /* the step that was made here */
	struct past past;
};
#define MAX_STEPS 6000
extern struct node nodes[];
extern int depth; /* steps of this run so far */

void search_begin(enum search_mode mode, unsigned int bound);
unsigned int search_pick(void); /* the agent whose turn it is, or NO_AGENT: this run ends here */
unsigned int search_choice(void);
void search_step(unsigned int agent, const struct op *op, bool wrote);
bool search_next(void); /* prepare the next run; false: that was all */
bool search_run_complete(void);
agents_t search_parked(void);
void search_replay(const char *schedule);
void search_save(const char *file);
bool search_load(const char *file);

/* --- relax.c: waiting --------------------------------------------------------------------------------------- */

void watch_reset(void);
void watch_read(unsigned int agent, uintptr_t addr, unsigned int size);
bool watch_may_go_on(unsigned int agent);
void watch_event(uintptr_t addr, unsigned int size, int step);
/* The step that first allowed it to go on (-1: none), and the number of words that it waits for. */
int watch_enabler(unsigned int agent, unsigned int *words);
void watch_clear(unsigned int agent);

/* --- race.c: plain accesses --------------------------------------------------------------------------------- */

extern struct heard heards[XP_CPUS];
void races_reset(void);
void race_plain(uintptr_t addr, unsigned long size, bool write, uintptr_t pc);
void race_atomic(uintptr_t addr, unsigned int size, bool write, uintptr_t pc);
void race_send(struct heard *to);

/* --- snapshot.c --------------------------------------------------------------------------------------------- */

void snapshot_take(void);
void snapshot_restore(void);
void snapshot_dirty(uintptr_t addr, unsigned long size);
const char *snapshot_check(void);

/* --- report.c ----------------------------------------------------------------------------------------------- */

extern char fault[512]; /* the message of xp_fail(); empty: none yet */
void report_schedule(const struct xp_scenario *scenario);
void schedule_text(char *to, size_t size);
extern void (*irq_handler)(void);
