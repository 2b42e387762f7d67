/* SPDX-License-Identifier: MIT */
/*
 * Calling functions on other CPUs. There fn runs with interrupts off, in an interrupt handler or in a thread that waits
 * for a call of its own. The caller is a thread with interrupts on. While it waits it serves calls to its own CPU, so
 * two CPUs may call each other.
 */
#pragma once

#include <kernel/cpumask.h>

/*
 * 0, or -ENXIO: the CPU is not online. With wait 0 it returns when the call has been queued; arg must stay valid until
 * fn has run. On the caller's own CPU fn is called directly, interrupts off.
 */
int smp_call_function_single(int cpu, void (*fn)(void *), void *arg, int wait);
/* Every online CPU of the mask except the caller's own. */
void smp_call_function_many(const cpumask_t *mask, void (*fn)(void *), void *arg, bool wait);
static inline void smp_call_function(void (*fn)(void *), void *arg, int wait)
{
	smp_call_function_many(cpu_online_mask, fn, arg, wait);
}
/* Every online CPU. On return fn has run on the caller's own CPU; with wait, on all. */
void on_each_cpu(void (*fn)(void *), void *arg, int wait);
