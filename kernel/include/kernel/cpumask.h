/* SPDX-License-Identifier: MIT */
/* Sets of CPUs. Ids may have holes, so walk them with the macros; do not count from 0 to the number of CPUs. */
#pragma once

#include <arch/cpu.h>
#include <arch/layout.h>
#include <lib/bitmap.h>
#include <lib/math.h>

typedef struct cpumask {
	DECLARE_BITMAP(bits, MAX_CPUS);
} cpumask_t;

extern cpumask_t __cpu_online_mask, __cpu_possible_mask; /* written by the code that starts CPUs */
/* up and taking IPIs; in our own kernel it only grows */
#define cpu_online_mask	  ((const cpumask_t *)&__cpu_online_mask)
#define cpu_possible_mask ((const cpumask_t *)&__cpu_possible_mask) /* has a per-CPU area, or may get one */

void cpumask_set(cpumask_t *mask, unsigned int cpu);   /* atomic */
void cpumask_clear(cpumask_t *mask, unsigned int cpu); /* atomic */
bool cpumask_test(const cpumask_t *mask, unsigned int cpu);
unsigned int cpumask_weight(const cpumask_t *mask);

/* The first set id > after, or MAX_CPUS; each word is read once. Inline: every loop over CPUs calls it for each. */
static inline unsigned int cpumask_next(int after, const cpumask_t *mask)
{
	unsigned int from = (unsigned int)(after + 1);
	unsigned long word;

	for (unsigned int end; from < MAX_CPUS; from = end) {
		end = (from | (BITS_PER_LONG - 1)) + 1;
		word = __atomic_load_n(&mask->bits[BIT_WORD(from)], __ATOMIC_RELAXED) >> from % BITS_PER_LONG;
		if (word)
			return from + (unsigned int)__ffs(word);
	}
	return MAX_CPUS;
}

/* `to` becomes the CPUs of `mask` that are in `other` too. Not atomic. */
static inline void cpumask_and(cpumask_t *to, const cpumask_t *mask, const cpumask_t *other)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(MAX_CPUS); i++)
		to->bits[i] = READ_ONCE(mask->bits[i]) & READ_ONCE(other->bits[i]);
}

static inline bool cpumask_equal(const cpumask_t *mask, const cpumask_t *other)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(MAX_CPUS); i++)
		if (mask->bits[i] != other->bits[i])
			return false;
	return true;
}

#define for_each_cpu(cpu, mask) \
	for ((cpu) = cpumask_next(-1, mask); (cpu) < MAX_CPUS; (cpu) = cpumask_next((int)(cpu), mask))
#define for_each_online_cpu(cpu)   for_each_cpu(cpu, cpu_online_mask)
#define for_each_possible_cpu(cpu) for_each_cpu(cpu, cpu_possible_mask)
#define num_online_cpus() cpumask_weight(cpu_online_mask)
