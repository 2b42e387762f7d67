/* SPDX-License-Identifier: MIT */
/*
 * Calling functions on other CPUs, in interrupt context there. The caller has interrupts on. While it waits it serves
 * calls to its own CPU, so two CPUs may call each other. Not from a handler, nor from an NMI.
 */
#pragma once

#include <kernel/cpumask.h>

/*
 * 0, or -ENXIO: the CPU is not online. With wait 0 it returns when the call has been posted; arg must stay valid until
 * fn has run. On the caller's own CPU fn is called directly, interrupts off.
 */
int smp_call_function_single(int cpu, void (*fn)(void *), void *arg, int wait);
/* Every online CPU of the mask except the caller's own. */
void smp_call_function_many(const cpumask_t *mask, void (*fn)(void *), void *arg, bool wait);
static inline void smp_call_function(void (*fn)(void *), void *arg, int wait)
{
	smp_call_function_many(cpu_online_mask, fn, arg, wait);
}
/* Every online CPU, the caller's own too. On the own CPU fn has run on return; with wait, on all. */
void on_each_cpu(void (*fn)(void *), void *arg, int wait);
