/* SPDX-License-Identifier: MIT */
/*
 * The explorer as a program: chosen scenarios, one after the other, as TAP. README.md says how to use it. Each scenario
 * has a process of its own, since its set-up begins with the program's memory as it was linked.
 */
#include "tests/explore/runtime/internal.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const struct xp_scenario __start_xp_scenarios[], __stop_xp_scenarios[];
extern char __explored_start[], __explored_end[];

static struct {
	const char *glob, *replay, *state;
	unsigned long seconds;
	int bound; /* -1: as the scenario says */
	unsigned long compare;
	bool all, reduced, list, progress;
} options = { .glob = "*", .seconds = ~0ul, .bound = -1 };

struct count {
	unsigned long runs, abandoned, steps;
	int deepest;
};

#define MAX_STATES 65536
static unsigned long states[MAX_STATES];
static unsigned int nr_states;

static void note_state(unsigned long state)
{
	for (unsigned int i = 0; i < nr_states; i++)
		if (states[i] == state)
			return;
	if (nr_states < MAX_STATES)
		states[nr_states++] = state;
}

unsigned long xp_seed = 1;

/* -t bounds the runs only. A set-up that waits for ever is ended by SIGALRM. */
#define SETUP_SECONDS 10

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- one scenario ------------------------------------------------------------------------------------------- */

static void run(const struct xp_scenario *s)
{
	depth = 0;
	snapshot_restore();
	buffers_reset();
	places_reset();
	races_reset();
	watch_reset();
	agents_begin(s);
	agents_run();
	if (fault[0] || !search_run_complete())
		return;
	if (agents_unfinished()) {
		xp_fail("nobody can go on; CPUs that have not ended: %x", agents_unfinished());
		return;
	}
	if (s->check)
		s->check();
	if (s->state)
		note_state(s->state());
}

static void progress(const struct xp_scenario *s, const struct count *c, double began)
{
	static double last;
	double now = now_s();

	if (!options.progress || now - last < 1)
		return;
	last = now;
	fprintf(stderr, "\r%s: %lu runs, %.0f a second, %d steps deep, first open choice at %d   ", s->name, c->runs,
		(double)c->runs / (now - began), c->deepest, depth);
}

/* Runs until there are no more, one fails, or time is up. True: there are no more. */
static bool explore(const struct xp_scenario *s, struct count *c, unsigned long most)
{
	double began = now_s();

	do {
		run(s);
		c->runs += fault[0] || search_run_complete();
		c->abandoned += !fault[0] && !search_run_complete();
		c->steps += (unsigned long)depth;
		if (depth > c->deepest)
			c->deepest = depth;
		if (fault[0] || c->runs >= most)
			return false;
		if (c->runs % 64 == 0 && now_s() - began > (double)options.seconds) {
			if (search_next() && options.state)
				search_save(options.state);
			return false;
		}
		progress(s, c, began);
	} while (!options.replay && search_next());
	snapshot_restore();
	if (snapshot_check())
		xp_fail("memory at %p was changed by a write that nobody noted", snapshot_check());
	return !fault[0];
}

/* The same fault with as few preemptions as will do, if it is found soon. */
static void shorten(const struct xp_scenario *s)
{
	char first[sizeof(fault)], text[4096];

	strcpy(first, fault);
	schedule_text(text, sizeof(text));
	for (unsigned int bound = 0; bound <= 3; bound++) {
		struct count c = { 0 };

		fault[0] = '\0';
		search_begin(SEARCH_BOUND, bound);
		explore(s, &c, 20000);
		if (fault[0])
			return;
	}
	fault[0] = '\0';
	search_begin(SEARCH_DPOR, 0);
	depth = 0;
	search_replay(text);
	run(s);
	if (!fault[0])
		strcpy(fault, first);
}

static void say_fault(const struct xp_scenario *s)
{
	char text[4096];

	if (!options.replay)
		shorten(s);
	schedule_text(text, sizeof(text));
	printf("# %s\n", fault);
	report_schedule(s);
	printf("# again: make explore S='%s' REPLAY='%s'\n", s->name, text);
}

/* Returns whether the scenario went as it should. */
static bool scenario_run(const struct xp_scenario *s, unsigned int number)
{
	unsigned int bound = options.bound >= 0 ? (unsigned int)options.bound : s->bound;
	bool bounded = options.bound >= 0 || (s->bound && !options.reduced), all, right;
	struct count c = { 0 };
	double began = now_s();
	char how[100];

	if (&__explored_end[0] > &__explored_start[0])
		xp_region(__explored_start, (unsigned long)(__explored_end - __explored_start));
	alarm(SETUP_SECONDS);
	if (s->setup)
		s->setup();
	alarm(0);
	snapshot_take();
	search_begin(options.all ? SEARCH_ALL : bounded ? SEARCH_BOUND : SEARCH_DPOR, bound);
	if (options.replay)
		search_replay(options.replay);
	else if (options.state && !access(options.state, R_OK) && !search_load(options.state))
		fprintf(stderr, "explore: %s is no state of an exploration\n", options.state);
	all = explore(s, &c, ~0ul);
	if (all && options.state)
		unlink(options.state); /* the next call begins anew */
	if (options.progress)
		fprintf(stderr, "\r\033[K");
	right = s->must_fail ? strstr(fault, s->must_fail) != NULL : all || (!fault[0] && !options.replay);
	if (s->must_fail)
		snprintf(how, sizeof(how), fault[0] ? "found in run" : "not found in");
	else if (all && bounded)
		snprintf(how, sizeof(how), "all with %u preemptions, runs:", bound);
	else
		snprintf(how, sizeof(how), all && !options.replay ? "complete, runs:" : "runs so far:");
	printf("%sok %u - %s # %s %lu, abandoned %lu, steps %lu, deepest %d, %.2f s", right ? "" : "not ", number,
	       s->name, how, c.runs, c.abandoned, c.steps, c.deepest, now_s() - began);
	if (s->state)
		printf(", states %u", nr_states);
	printf("\n");
	if ((fault[0] && !right) || options.replay || (fault[0] && options.progress))
		say_fault(s);
	return right;
}

/* --- the search against full enumeration -------------------------------------------------------------------- */

#define COMPARED 30000ul /* programs with more runs than this are left out */

static int by_value(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* All end states; a fault is one too. Returns the number of runs, 0 if they were too many. */
static unsigned long all_states(const struct xp_scenario *s, enum search_mode mode, unsigned long *abandoned)
{
	unsigned long runs = 0;

	nr_states = 0;
	*abandoned = 0;
	search_begin(mode, 0);
	do {
		fault[0] = '\0';
		run(s);
		if (fault[0])
			note_state(~0ul);
		*abandoned += !fault[0] && !search_run_complete();
		runs++;
	} while (search_next() && runs < COMPARED);
	qsort(states, nr_states, sizeof(*states), by_value);
	return runs < COMPARED ? runs : 0;
}

static bool compare_one(const struct xp_scenario *s, unsigned long sum[3])
{
	static unsigned long reduced[MAX_STATES];
	unsigned long runs, abandoned, every, nr;

	s->setup();
	snapshot_take();
	runs = all_states(s, SEARCH_DPOR, &abandoned);
	nr = nr_states;
	memcpy(reduced, states, nr * sizeof(*states));
	every = all_states(s, SEARCH_ALL, sum);
	if (!every || !runs)
		return true;
	sum[0] = runs;
	sum[1] = abandoned;
	sum[2] = every;
	return nr == nr_states && !memcmp(reduced, states, nr * sizeof(*states));
}

/* Scenarios with a random set-up, one process each. */
static int compare(const struct xp_scenario *s, unsigned long *total)
{
	int ends[2], status;
	unsigned long sum[3] = { 0 };

	if (pipe(ends))
		exit(3);
	if (!fork()) {
		bool right;

		xp_region(__explored_start, (unsigned long)(__explored_end - __explored_start));
		right = compare_one(s, sum);
		if (write(ends[1], sum, sizeof(sum)) < 0)
			_exit(3);
		_exit(!right);
	}
	close(ends[1]);
	if (read(ends[0], sum, sizeof(sum)) < 0)
		sum[0] = 0;
	close(ends[0]);
	wait(&status);
	for (unsigned int i = 0; i < 3; i++)
		total[i] += sum[i];
	total[3] += sum[2] != 0;
	return status;
}

static int compare_all(const struct xp_scenario *s)
{
	unsigned long total[4] = { 0 }, wrong = 0, first = xp_seed, end = xp_seed + options.compare;

	for (; xp_seed < end; xp_seed++) {
		if (!compare(s, total))
			continue;
		wrong++;
		printf("# seed %lu: the search and the full enumeration differ\n", xp_seed);
	}
	printf("%sok 1 - %s: seeds %lu to %lu # compared %lu, runs %lu, abandoned %lu, in all orders %lu\n1..1\n",
	       wrong ? "not " : "", s->name, first, end - 1, total[3], total[0], total[1], total[2]);
	return wrong != 0;
}

/* In a process of its own. */
static bool scenario_alone(const struct xp_scenario *s, unsigned int number)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		bool right = scenario_run(s, number);

		fflush(stdout);
		_exit(!right);
	}
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("not ok %u - %s # %s %d\n", number, s->name,
		       WTERMSIG(status) == SIGALRM ? "the set-up does not end: signal" : "signal", WTERMSIG(status));
	return status == 0;
}

static void usage(void)
{
	fprintf(stderr, "usage: explore [-s glob] [-l] [-p] [-t seconds] [-b bound] [-a] [-d] [-r run] [-f state]\n"
		"       explore -s name -c programs [-n seed]\n");
	exit(2);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:lpt:b:adr:f:c:n:")) != -1) {
		switch (c) {
		case 's': options.glob = optarg; break;
		case 'l': options.list = true; break;
		case 'p': options.progress = true; break;
		case 't': options.seconds = strtoul(optarg, NULL, 0); break;
		case 'b': options.bound = atoi(optarg); break;
		case 'a': options.all = true; break;
		case 'd': options.reduced = true; break;
		case 'r': options.replay = optarg; break;
		case 'f': options.state = optarg; break;
		case 'c': options.compare = strtoul(optarg, NULL, 0); break;
		case 'n': xp_seed = strtoul(optarg, NULL, 0); break;
		default: usage();
		}
	}
}

int main(int argc, char **argv)
{
	unsigned int number = 0, failed = 0;

	parse(argc, argv);
	for (const struct xp_scenario *s = __start_xp_scenarios; s < __stop_xp_scenarios; s++) {
		if (fnmatch(options.glob, s->name, 0))
			continue;
		if (options.compare)
			return compare_all(s);
		number++;
		if (options.list)
			printf("%s\n", s->name);
		else
			failed += !scenario_alone(s, number);
	}
	if (!options.list)
		printf("1..%u\n", number);
	return failed || !number;
}
