/* SPDX-License-Identifier: MIT */
/*
 * Data races. Two accesses of a word by two CPUs race if one is plain, one writes, and the later CPU has not been told
 * of the earlier access: by a load or a locked operation that found a store which the other made after it, or by an
 * interrupt. A plain access acts at once here, and is no step, which is exact as long as none races; so a race is an
 * error. What x86 orders counts, not what the source asks for: each atomic load hears, each atomic store tells.
 *
 * Also here: accesses to memory that was freed.
 */
#include "tests/explore/runtime/internal.h"

#define WORDS	  (1u << 14)
#define MAX_FREED 256

enum access { PLAIN_READ, PLAIN_WRITE, ATOMIC_READ, ATOMIC_WRITE, ACCESSES };

struct shadow {
	uintptr_t word;
	unsigned int run;
	struct {
		unsigned int at, bytes; /* when, by that CPU's clock; which bytes of the word */
		uintptr_t pc;
	} last[XP_CPUS][ACCESSES];
};

struct heard heards[XP_CPUS];
static struct shadow shadows[WORDS];
static unsigned int run, used;
static struct {
	uintptr_t start, end;
} freed[MAX_FREED];
static unsigned int nr_freed;

void races_reset(void)
{
	run++;
	used = 0;
	nr_freed = 0;
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++) {
		heards[cpu] = (struct heard){ { 0 } };
		heards[cpu].at[cpu] = 1;
	}
}

void heard_join(struct heard *to, const struct heard *from)
{
	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		if (to->at[cpu] < from->at[cpu])
			to->at[cpu] = from->at[cpu];
}

void race_send(struct heard *to)
{
	unsigned int cpu = cpu_of(running);

	heard_join(to, &heards[cpu]);
	heards[cpu].at[cpu]++;
}

static struct shadow *shadow_of(uintptr_t word)
{
	unsigned int i = (unsigned int)((word >> 2) * 0x9e3779b97f4a7c15ul >> 50) % WORDS;

	for (; shadows[i].run == run; i = (i + 1) % WORDS)
		if (shadows[i].word == word)
			return &shadows[i];
	if (++used > WORDS / 4 * 3)
		xp_fail("a run touches more than %u words", used);
	shadows[i] = (struct shadow){ .word = word, .run = run };
	return &shadows[i];
}

static bool conflict(enum access a, enum access b)
{
	bool writes = a == PLAIN_WRITE || a == ATOMIC_WRITE || b == PLAIN_WRITE || b == ATOMIC_WRITE;

	return writes && (a <= PLAIN_WRITE || b <= PLAIN_WRITE);
}

static void check_word(uintptr_t word, unsigned int bytes, enum access access, uintptr_t pc)
{
	static const char *const names[] = { "plain read", "plain write", "atomic read", "atomic write" };
	unsigned int me = cpu_of(running);
	struct shadow *s = shadow_of(word);

	for (unsigned int cpu = 0; cpu < XP_CPUS; cpu++)
		for (unsigned int a = 0; cpu != me && a < ACCESSES; a++)
			if (s->last[cpu][a].at > heards[me].at[cpu] && s->last[cpu][a].bytes & bytes &&
			    conflict(access, a))
				xp_fail("data race at %p: %s by CPU %u at %p, %s by CPU %u at %p", (void *)word,
					names[a], cpu, (void *)s->last[cpu][a].pc, names[access], me, (void *)pc);
	if (s->last[me][access].at != heards[me].at[me])
		s->last[me][access].bytes = 0;
	s->last[me][access].bytes |= bytes;
	s->last[me][access].at = heards[me].at[me];
	s->last[me][access].pc = pc;
}

static void check(uintptr_t addr, unsigned long size, enum access access, uintptr_t pc)
{
	for (unsigned int i = 0; i < nr_freed; i++)
		if (addr < freed[i].end && addr + size > freed[i].start)
			xp_fail("memory that was freed is used: %p at %p", (void *)addr, (void *)pc);
	for (uintptr_t word = addr & ~3ul; word < addr + size; word += 4) {
		unsigned long from = addr > word ? addr - word : 0;
		unsigned long to = addr + size < word + 4 ? addr + size - word : 4;

		check_word(word, (1u << to) - (1u << from), access, pc);
	}
}

void race_plain(uintptr_t addr, unsigned long size, bool write, uintptr_t pc)
{
	check(addr, size, write ? PLAIN_WRITE : PLAIN_READ, pc);
}

void race_atomic(uintptr_t addr, unsigned int size, bool write, uintptr_t pc)
{
	check(addr, size, write ? ATOMIC_WRITE : ATOMIC_READ, pc);
}

void xp_freed(void *start, unsigned long size)
{
	if (nr_freed == MAX_FREED)
		xp_fail("too much was freed");
	freed[nr_freed].start = (uintptr_t)start;
	freed[nr_freed++].end = (uintptr_t)start + size;
}

void xp_reuse(void *start, unsigned long size)
{
	for (unsigned int i = 0; i < nr_freed; i++)
		if (freed[i].start >= (uintptr_t)start && freed[i].end <= (uintptr_t)start + size)
			freed[i--] = freed[--nr_freed];
}
