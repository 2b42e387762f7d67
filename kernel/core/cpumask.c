/* SPDX-License-Identifier: MIT */
/* Sets of CPUs. */
#include <kernel/cpumask.h>

void cpumask_set(cpumask_t *mask, unsigned int cpu)
{
	set_bit(cpu, mask->bits);
}

void cpumask_clear(cpumask_t *mask, unsigned int cpu)
{
	clear_bit(cpu, mask->bits);
}

bool cpumask_test(const cpumask_t *mask, unsigned int cpu)
{
	return test_bit(cpu, mask->bits);
}

unsigned int cpumask_weight(const cpumask_t *mask)
{
	return bitmap_weight(mask->bits, MAX_CPUS);
}
