/* SPDX-License-Identifier: MIT */
/*
 * What a program under exploration sees. It needs no other header of the runtime, and the runtime needs none of the
 * program's: any C code will do that gcc compiles with -fsanitize=thread and whose state lies in known regions.
 *
 * A scenario is a small machine: one function a CPU, perhaps an interrupt handler, a set-up and a check. The runtime
 * runs it in every way in which its results can differ (README.md says what that means).
 */
#pragma once

#define XP_CPUS 3

struct xp_scenario {
	const char *name;
	void (*setup)(void);		     /* once, alone; what it leaves is where every run begins */
	void (*cpu[XP_CPUS])(void);	     /* NULL: no such CPU; xp_idle: one that only takes interrupts */
	void (*irq)(void);		     /* the handler that xp_send_irq() calls; NULL: there are no interrupts */
	void (*check)(void);		     /* after each run, alone; calls xp_fail() */
	unsigned long (*state)(void);	     /* a number for the state at the end of a run, or NULL */
	const char *must_fail;		     /* the message that must be found; NULL: there is no fault */
	unsigned int bound;		     /* 0: complete; else at most so many preemptions */
};

/* Begins the definition of a scenario. The linker gathers all of them. */
#define XP_SCENARIO(id) \
	__attribute__((used, section("xp_scenarios"), aligned(sizeof(void *)))) \
	const struct xp_scenario xp_scenario_##id

void xp_idle(void);
/* For a set-up that makes programs at random. */
extern unsigned long xp_seed;

/* End this run: the program has a fault. Does not return while a run is on. */
void xp_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A branch without a reason that the program could know: 0 <= result < n; each is tried. */
unsigned int xp_choose(unsigned int n);

/* The number of the CPU that runs; 0 in set-up and check. Is it in its handler? */
unsigned int xp_cpu(void);
_Bool xp_in_irq(void);

/*
 * In every loop that waits. The CPU goes on when a word has been written that it has read since the last call.
 */
void xp_relax(void);

/* A lock in one step: waits until *word is 0, and makes it 1. Released by an ordinary atomic store of 0. */
void xp_acquire(unsigned int *word);

/*
 * A step that stands for a read or a write of a word of the port's own. It orders as a locked operation does, but
 * leaves the store buffer alone. The port does the access itself, right behind it.
 */
void xp_note(const void *word, _Bool writes);

/* This CPU's interrupts; the value says whether they were on. */
_Bool xp_irq_off(void);
void xp_irq_on(void);
_Bool xp_irq_is_on(void);
/* Make a handler run on a CPU, as soon as its interrupts are on. Earlier stores are visible before that. */
void xp_send_irq(unsigned int cpu);

/* Memory of the program that set-up has made: each run begins with what is in it when set-up returns. */
void xp_region(void *start, unsigned long size);
/* State of a port, which is compiled without the compiler's calls: a few bytes that are put back in each run. */
void xp_state(void *start, unsigned long size);

/* memcpy and its like, seen by the runtime. */
void *xp_memcpy(void *to, const void *from, unsigned long n);
void *xp_memmove(void *to, const void *from, unsigned long n);
void *xp_memset(void *to, int c, unsigned long n);
int xp_memcmp(const void *a, const void *b, unsigned long n);

/* For a port: is called for each word that becomes visible to all CPUs, with its old and new value. NULL: nobody. */
typedef void (*xp_watcher_t)(unsigned long addr, unsigned int size, unsigned long old, unsigned long now);
void xp_watch_writes(xp_watcher_t watcher);
/* Memory that is freed: an access before xp_reuse() is a fault. */
void xp_freed(void *start, unsigned long size);
void xp_reuse(void *start, unsigned long size);
