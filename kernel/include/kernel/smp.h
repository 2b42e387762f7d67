/* SPDX-License-Identifier: MIT */
/*
 * Calling functions on other CPUs, in interrupt context there. Whoever waits has interrupts on; it serves what is asked of
 * its own CPU meanwhile, so callers may cross. Not from a handler, nor from an NMI.
 */
#pragma once

#include <kernel/cpumask.h>

/* wait false: returns once it is on its way; arg must stay valid until it has run. Own CPU: called directly, interrupts off. */
void smp_call_function_single(unsigned int cpu, void (*fn)(void *), void *arg, bool wait);
/* Every CPU of the mask that is online, the caller's own excepted. */
void smp_call_function_many(const cpumask_t *mask, void (*fn)(void *), void *arg, bool wait);
/* Every online CPU, the caller's own too; waits. */
void on_each_cpu(void (*fn)(void *), void *arg);
