/* SPDX-License-Identifier: MIT */
/*
 * Calling functions on other CPUs, in interrupt context there. Whoever waits has interrupts on; it serves what is asked of
 * its own CPU meanwhile, so callers may cross. Not from a handler, nor from an NMI.
 */
#pragma once

#include <kernel/cpumask.h>

/*
 * 0, or -ENXIO: the CPU is not online. wait 0: returns once it is on its way; arg must stay valid until it has run. Own CPU:
 * called directly, interrupts off.
 */
int smp_call_function_single(int cpu, void (*fn)(void *), void *arg, int wait);
/* Every CPU of the mask that is online, the caller's own excepted. */
void smp_call_function_many(const cpumask_t *mask, void (*fn)(void *), void *arg, bool wait);
static inline void smp_call_function(void (*fn)(void *), void *arg, int wait)
{
	smp_call_function_many(cpu_online_mask, fn, arg, wait);
}
/* Every online CPU, the caller's own too, where it has run on return; wait: on the others too. */
void on_each_cpu(void (*fn)(void *), void *arg, int wait);
