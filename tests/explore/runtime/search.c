/* SPDX-License-Identifier: MIT */
/*
 * The search: which run comes next, and when all are done.
 *
 * 1. A run is a sequence of steps. The stack `nodes` has the steps of the current run, and at each the agents that
 *    could have gone on there. The next run repeats this one up to the deepest node where another choice is open, takes
 *    that, and goes on by itself. Two runs with the same choices are the same, which is checked.
 *
 * 2. Two steps are dependent if their order can matter: both touch a word and one writes it; they belong to a CPU's
 *    program and its handler; or one makes the other possible. Runs that differ only in the order of independent steps
 *    are equivalent. They have the same end, and the search makes at least one of each such class.
 *
 * 3. Source sets (Abdulla, Aronis, Jonsson, Sagonas, POPL 2014). When a step e' of agent q is made, each earlier step
 *    e is looked for that is dependent with it, could have come after it, and has not happened before q came there
 *    (`pasts`, vector clocks). Such a pair is a race: the other order must be tried as well. For that, somebody must go
 *    on at e's node from whom the other order follows: an agent whose first step behind e, among the steps that do not
 *    depend on e, depends on none of these. If no such agent could take a turn there, all that could are tried.
 *
 * 4. Sleep sets. An agent whose step was tried at a node sleeps in the branches beside it, until a step is made that
 *    depends on its own. A run in which all who could go on are asleep is abandoned: it is equivalent to an earlier
 *    one.
 *
 * 5. Steps that make another possible and could not come after it are no race: the store that a fence waits for, the
 *    interrupt that was sent, the release of a lock (the race is then between the two that take it), the first write
 *    of the one word for which a loop waits. If a loop waits for several words, the order is left open as in 3, last
 *    sentence.
 *
 * 6. SEARCH_ALL makes every order of all steps; it judges the reduction in tests. SEARCH_BOUND makes all with at most
 *    so many preemptions, without any reduction: sleep sets under a bound lose runs. Whoever runs goes on, and stores
 *    become visible at once, at no cost; each other choice costs one, but none when the one who ran cannot go on.
 */
#include "tests/explore/runtime/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node nodes[MAX_STEPS + 1];
int depth;
static int replayed; /* so many nodes at the bottom are given */
static enum search_mode mode;
static unsigned int bound;
static agents_t next_sleep, delayed;
static bool complete;
static int last_main[XP_CPUS], last_irq[XP_CPUS]; /* steps with interrupts on; starts of handlers */

void search_begin(enum search_mode m, unsigned int most)
{
	mode = m;
	bound = most;
	depth = replayed = 0;
}

bool search_run_complete(void) { return complete; }
unsigned int search_choice(void) { return nodes[depth - 1].choice; }

static unsigned int lowest(agents_t set) { return (unsigned int)__builtin_ctz(set); }

/* --- which agent goes on ------------------------------------------------------------------------------------ */

static void run_begins(void)
{
	next_sleep = delayed = 0;
	complete = false;
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		last_main[cpu] = last_irq[cpu] = -1;
}

/* Who goes on if nothing speaks against it: stores that wait, then whoever went on last. */
static unsigned int usual(agents_t set)
{
	agents_t stores = set & (agents_t)~delayed & (agents_t)~(bit(BUFFER) - 1);
	int i = depth - 1;

	if (stores)
		return lowest(stores);
	while (i >= 0 && is_buffer(nodes[i].agent))
		i--;
	if (i >= 0 && set & bit(nodes[i].agent))
		return nodes[i].agent;
	if (i >= 0 && set & bit(BUFFER + cpu_of(nodes[i].agent)))
		return BUFFER + cpu_of(nodes[i].agent);
	return lowest(set);
}

/* What it costs if `agent` goes on where the usual one could: see 6. */
static unsigned int cost(agents_t set, unsigned int agent)
{
	unsigned int first = usual(set);
	int i = depth - 1;

	if (agent == first)
		return 0;
	while (i >= 0 && is_buffer(nodes[i].agent))
		i--;
	return is_buffer(first) || is_buffer(agent) || i < 0 || set & bit(nodes[i].agent);
}

static agents_t affordable(const struct node *n)
{
	agents_t set = 0;

	for (unsigned int a = 0; a < NR_AGENTS; a++)
		if (n->enabled & bit(a) && n->cost + cost(n->enabled, a) <= bound)
			set |= bit(a);
	return set;
}

static void node_choose(struct node *n, unsigned int agent)
{
	n->agent = (unsigned char)agent;
	n->choice = 0;
	n->choices = is_buffer(agent) || agent_op(agent)->kind != OP_CHOOSE ? 1 : agent_op(agent)->n;
}

/* A new node. False: nobody can go on who is awake. */
static bool node_new(struct node *n, agents_t enabled)
{
	agents_t awake = enabled & (agents_t)~next_sleep;

	*n = (struct node){ .enabled = enabled, .sleep = next_sleep };
	if (!awake)
		return false;
	node_choose(n, usual(awake));
	n->backtrack = mode == SEARCH_DPOR ? bit(n->agent) : enabled;
	return true;
}

/* A buffer that was passed over waits until it is empty, or until the CPU that went on last cannot go on without it. */
static void note_delays(const struct node *n)
{
	for (unsigned int a = BUFFER; a < NR_AGENTS; a++)
		if (!(n->enabled & bit(a)))
			delayed &= (agents_t)~bit(a);
	if (!is_buffer(n->agent))
		delayed |= n->enabled & (agents_t)~(bit(BUFFER) - 1);
}

/* A node of an earlier run, or of a schedule that was given as text. */
static void node_again(struct node *n, agents_t enabled)
{
	if (n->enabled && n->enabled != enabled) {
		fprintf(stderr, "explore: step %d of a repeated run differs: %x could go on, now %x\n", depth,
			n->enabled, enabled);
		exit(3);
	}
	if (!(enabled & bit(n->agent))) {
		fprintf(stderr, "explore: step %d of the schedule: agent %u cannot go on\n", depth, n->agent);
		exit(3);
	}
	n->enabled = enabled;
	if (!n->choices)
		node_choose(n, n->agent);
}

/* The bound's part of a node: what this run has cost so far. */
static void node_count(struct node *n)
{
	static unsigned char spent[MAX_STEPS + 1]; /* for the choice at each node */

	n->cost = (unsigned char)(depth ? n[-1].cost + spent[depth - 1] : 0);
	if (depth >= replayed)
		n->backtrack = affordable(n);
	spent[depth] = (unsigned char)cost(n->enabled, n->agent);
	note_delays(n);
}

unsigned int search_pick(void)
{
	struct node *n = &nodes[depth];
	agents_t enabled = agents_enabled();

	if (!depth)
		run_begins();
	if (depth == MAX_STEPS)
		xp_fail("no end after %d steps: does anything move on?", MAX_STEPS);
	complete = !enabled;
	if (fault[0] || !enabled)
		return NO_AGENT;
	if (depth < replayed)
		node_again(n, enabled);
	else if (!node_new(n, enabled))
		return NO_AGENT;
	if (mode == SEARCH_BOUND)
		node_count(n);
	depth++;
	return n->agent;
}

bool search_next(void)
{
	for (; depth; depth--) {
		struct node *n = &nodes[depth - 1];
		agents_t open;

		replayed = depth;
		if (n->choice + 1 < n->choices) {
			n->choice++;
			return true;
		}
		n->sleep |= bit(n->agent);
		open = n->backtrack & (agents_t)~n->sleep;
		if (!open)
			continue;
		n->agent = (unsigned char)lowest(open);
		n->choice = n->choices = 0; /* decided when the run comes there */
		return true;
	}
	return false;
}

/* --- races -------------------------------------------------------------------------------------------------- */

static struct {
	int step;
	bool anybody; /* the other order may begin with anybody */
} rivals[4 * NR_AGENTS + 8];
static unsigned int nr_rivals;

/* Step e is dependent with the one that is being made. Did it happen before that agent came here? */
static void rival(int e, const struct past *before, bool anybody)
{
	if (e < 0 || before->last[nodes[e].agent] > (unsigned int)e)
		return;
	for (unsigned int i = 0; i < nr_rivals; i++)
		if (rivals[i].step == e)
			return;
	rivals[nr_rivals].step = e;
	rivals[nr_rivals++].anybody = anybody;
}

/* The agents that can begin a run in which step `now` is made before step e: see 3. */
static agents_t initials(int e, int now)
{
	unsigned int first[NR_AGENTS], ea = nodes[e].agent;
	agents_t seen = 0, result = 0;

	for (int j = e + 1; j <= now; j++) {
		unsigned int a = nodes[j].agent;
		bool behind = false;

		if (j != now && nodes[j].past.last[ea] > (unsigned int)e)
			continue; /* depends on e */
		if (seen & bit(a))
			continue;
		for (unsigned int b = 0; b < NR_AGENTS && !behind; b++)
			behind = seen & bit(b) && nodes[j].past.last[b] >= first[b];
		seen |= bit(a);
		first[a] = (unsigned int)j + 1;
		if (!behind)
			result |= bit(a);
	}
	return result;
}

static void note_race(int e, int now, bool anybody)
{
	struct node *n = &nodes[e];
	agents_t could = initials(e, now);

	if (anybody)
		n->backtrack |= n->enabled;
	if (n->backtrack & could)
		return;
	could &= n->enabled;
	n->backtrack |= could ? bit(lowest(could)) : n->enabled;
}

/* --- a step has been made ----------------------------------------------------------------------------------- */

static bool waits_for_buffer(enum op_kind kind)
{
	return kind == OP_LOCKED || kind == OP_FENCE || kind == OP_SEND || kind == OP_ACQUIRE || kind == OP_IRQ_END;
}

/* What must have happened before this step could be made. */
static void join_what_enabled(unsigned int q, const struct op *op)
{
	unsigned int cpu = cpu_of(q);

	if (waits_for_buffer(op->kind))
		past_join(&pasts[q], &pasts[BUFFER + cpu]);
	if (op->kind == OP_IRQ_START && irq_first_send(cpu) >= 0)
		past_join(&pasts[q], &nodes[irq_first_send(cpu)].past);
}

static bool same_cpu(int step, unsigned int q) { return step >= 0 && cpu_of(nodes[step].agent) == cpu_of(q); }

/* A load takes its own CPU's store from the buffer or from memory: that makes no difference to it. */
static void find_rivals_of_word(unsigned int q, const struct op *op, bool wrote, const struct place *p,
				const struct past *before)
{
	int write = op->kind == OP_ACQUIRE ? p->last_locked : p->last_write;

	if (wrote || !same_cpu(write, q))
		rival(write, before, false);
	for (unsigned int a = 0; wrote && a < NR_AGENTS; a++)
		if (!(is_buffer(q) && cpu_of(a) == cpu_of(q)))
			rival(p->last_read[a], before, false);
}

static void join_word(unsigned int q, bool wrote, const struct place *p)
{
	if (p->last_write >= 0 && (wrote || !same_cpu(p->last_write, q)))
		past_join(&pasts[q], &nodes[p->last_write].past);
	for (unsigned int a = 0; wrote && a < NR_AGENTS; a++)
		if (p->last_read[a] >= 0 && !(is_buffer(q) && cpu_of(a) == cpu_of(q)))
			past_join(&pasts[q], &nodes[p->last_read[a]].past);
}

static void record_word(unsigned int q, const struct op *op, bool wrote, struct place *p, int now)
{
	if (!wrote) {
		p->last_read[q] = now;
		return;
	}
	p->last_write = now;
	p->version++;
	if (!is_buffer(q))
		p->last_locked = now;
	(void)op;
}

/* A CPU's program and its handler. */
static void order_with_handler(unsigned int q, const struct op *op, const struct past *before, int now)
{
	unsigned int cpu = cpu_of(q);

	if (!scenario_has_irqs())
		return;
	if (is_main(q)) {
		if (cpu_irqs_on(cpu))
			rival(last_irq[cpu], before, false);
		past_join(&pasts[q], &pasts[IRQ + cpu]);
		if (cpu_irqs_on(cpu))
			last_main[cpu] = now;
	} else if (op->kind == OP_IRQ_START) {
		rival(last_main[cpu], before, false);
		past_join(&pasts[q], &pasts[MAIN + cpu]);
		last_irq[cpu] = now;
	}
}

static void order_with_writer(unsigned int q, const struct past *before)
{
	unsigned int words;
	int e = watch_enabler(q, &words);

	if (e < 0)
		return;
	if (words > 1)
		rival(e, before, true);
	past_join(&pasts[q], &nodes[e].past);
}

static void order_with_words(unsigned int q, const struct op *op, bool wrote, const struct past *before, int now)
{
	uintptr_t end = op->addr + op->size;

	for (uintptr_t at = op->addr & ~3ul; op->size && at < end; at += 4)
		find_rivals_of_word(q, op, wrote, place_at(at), before);
	for (uintptr_t at = op->addr & ~3ul; op->size && at < end; at += 4)
		join_word(q, wrote, place_at(at));
	for (uintptr_t at = op->addr & ~3ul; op->size && at < end; at += 4)
		record_word(q, op, wrote, place_at(at), now);
	if (wrote && op->size)
		watch_event(op->addr, op->size, now);
}

/* Would the order of this step and the next one of agent a matter? */
static bool dependent(unsigned int q, const struct op *op, bool wrote, unsigned int a)
{
	const struct op *other = agent_op(a);

	if (cpu_of(q) == cpu_of(a))
		return !is_buffer(q) && !is_buffer(a);
	return op->size && other->size && (wrote || other->writes) && (op->addr & ~3ul) < other->addr + other->size &&
	       (other->addr & ~3ul) < op->addr + op->size;
}

static void put_to_sleep(unsigned int q, const struct op *op, bool wrote)
{
	agents_t asleep = nodes[depth - 1].sleep & (agents_t)~bit(q);

	next_sleep = 0;
	for (unsigned int a = 0; mode == SEARCH_DPOR && a < NR_AGENTS; a++)
		if (asleep & bit(a) && !dependent(q, op, wrote, a))
			next_sleep |= bit(a);
}

void search_step(unsigned int q, const struct op *op, bool wrote)
{
	int now = depth - 1;
	struct past before;

	nr_rivals = 0;
	join_what_enabled(q, op);
	before = pasts[q];
	order_with_handler(q, op, &before, now);
	if (op->kind == OP_RELAX)
		order_with_writer(q, &before);
	order_with_words(q, op, wrote, &before, now);
	pasts[q].last[q] = (unsigned int)now + 1;
	nodes[now].op = *op;
	nodes[now].op.writes = wrote;
	nodes[now].past = pasts[q];
	for (unsigned int i = 0; mode == SEARCH_DPOR && i < nr_rivals && now >= replayed - 1; i++)
		note_race(rivals[i].step, now, rivals[i].anybody);
	put_to_sleep(q, op, wrote);
}

/* --- schedules as text: "0*5 6 1*3 0=1": agents, how often, and what was chosen ----------------------------- */

void search_replay(const char *text)
{
	while (*text) {
		char *end;
		unsigned int agent = (unsigned int)strtoul(text, &end, 10);
		unsigned int times = *end == '*' ? (unsigned int)strtoul(end + 1, &end, 10) : 1;
		unsigned int choice = *end == '=' ? (unsigned int)strtoul(end + 1, &end, 10) : 0;

		for (; times && depth < MAX_STEPS; times--) {
			nodes[depth] = (struct node){ .agent = (unsigned char)agent, .choice = (unsigned char)choice,
						      .choices = 1, .enabled = 0 };
			depth++;
		}
		text = end + strspn(end, " ");
	}
	replayed = depth;
}

void search_save(const char *file)
{
	FILE *f = fopen(file, "w");

	if (!f || fwrite(&depth, sizeof(depth), 1, f) != 1 ||
	    fwrite(nodes, sizeof(*nodes), (size_t)depth, f) != (size_t)depth)
		fprintf(stderr, "explore: cannot write %s\n", file);
	if (f)
		fclose(f);
}

bool search_load(const char *file)
{
	FILE *f = fopen(file, "r");
	bool right = f && fread(&depth, sizeof(depth), 1, f) == 1 && depth <= MAX_STEPS &&
		     fread(nodes, sizeof(*nodes), (size_t)depth, f) == (size_t)depth;

	if (f)
		fclose(f);
	replayed = depth;
	return right;
}
