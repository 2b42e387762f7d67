/* SPDX-License-Identifier: MIT */
/*
 * A CPU of the host port is a number that a thread carries (port/cpu.c). A test moves with host_run_on(), or starts a
 * thread for each CPU; on one thread, everything is deterministic.
 */
#pragma once

#include <sched.h>

extern __thread unsigned int host_cpu;
extern vaddr_t per_cpu_offset[];

static inline unsigned int smp_processor_id(void) { return host_cpu; }
static inline vaddr_t this_cpu_offset(void) { return per_cpu_offset[host_cpu]; }

/*
 * Nothing moves a thread to another CPU here but the thread itself. One instruction is one access for the sanitizer
 * too.
 */
#define host_this_cpu(name)	    (*(__typeof__(name) *)((vaddr_t)&(name) + this_cpu_offset()))
#define this_cpu_read(name)	    __atomic_load_n(&host_this_cpu(name), __ATOMIC_RELAXED)
#define this_cpu_write(name, value) __atomic_store_n(&host_this_cpu(name), value, __ATOMIC_RELAXED)
#define this_cpu_add(name, n)	    __atomic_fetch_add(&host_this_cpu(name), n, __ATOMIC_ACQ_REL)
#define this_cpu_dec_and_test(name) (__atomic_sub_fetch(&host_this_cpu(name), 1, __ATOMIC_ACQ_REL) == 0)
#define this_cpu_test(name)	    this_cpu_read(name)

/* There may be more threads than processors, so whoever spins lets the others go on. */
static inline void cpu_relax(void) { sched_yield(); }
static inline void arch_cpu_idle(void) { sched_yield(); }
