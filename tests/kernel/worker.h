/* SPDX-License-Identifier: MIT */
/*
 * A thread in a process, waiting for something to do. Tests start one on each CPU, change kernel mappings, and have the
 * workers look at them through their own page tables.
 *
 *	struct worker w;
 *	ASSERT(worker_start(&w, cpu, true));
 *	worker_call(&w, fn, arg);		runs fn(arg) there, in its process, and waits
 *	worker_stop(&w);
 */
#pragma once

#include <kernel/cpumask.h>
#include <kernel/ktest.h>
#include <kernel/task.h>
#include <lib/errno.h>
#include <mm/mm.h>

struct worker {
	struct mm_struct *mm;  /* NULL: on the reference tables */
	struct task *task, *boss; /* the boss posts and waits */
	unsigned int cpu;
	void (*fn)(void *arg); /* posted work */
	void *arg;
	unsigned int posted, done;
	bool stop;
};

bool worker_start(struct worker *w, unsigned int cpu, bool own_process);
void worker_stop(struct worker *w);

/* Hand over work and go on; wait until it is done. */
void worker_post(struct worker *w, void (*fn)(void *), void *arg);
void worker_wait(struct worker *w);
bool worker_busy(const struct worker *w);
void worker_call(struct worker *w, void (*fn)(void *), void *arg);

/* One worker a CPU up to CREW_MOST, but at least `least` (<= CREW_MOST) of them; all or none. */
#define CREW_MOST 8u
struct crew {
	struct worker worker[CREW_MOST];
	unsigned int nr;
};
bool crew_start(struct crew *crew, unsigned int least);
void crew_call(struct crew *crew, void (*fn)(void *), void *arg);
void crew_stop(struct crew *crew);

/* Does every worker read `value` at an address, in its own process? EXPECTed for each. */
void crew_sees(struct crew *crew, const void *at, u32 value);
void worker_sees(struct worker *w, const void *at, u32 value);

/* Some other online CPU than the caller's, or the caller's own when there is only one. */
unsigned int another_cpu(void);
bool have_two_cpus(void);

/* The crew, then a body that uses it, then the end of both. */
#define WITH_CREW(crew, least, body) \
	do { \
		ASSERT(crew_start(&(crew), (least))); \
		body; \
		crew_stop(&(crew)); \
	} while (0)
