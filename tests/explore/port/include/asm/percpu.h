/* SPDX-License-Identifier: MIT */
/* A CPU is the explorer's. One instruction on a per-CPU word is one access. */
#pragma once

#include "tests/explore/runtime/explore.h"

extern vaddr_t per_cpu_offset[];

static inline unsigned int smp_processor_id(void) { return xp_cpu(); }
static inline vaddr_t this_cpu_offset(void) { return per_cpu_offset[xp_cpu()]; }

#define port_this_cpu(name)	    (*(__typeof__(name) *)((vaddr_t)&(name) + this_cpu_offset()))
#define this_cpu_read(name)	    __atomic_load_n(&port_this_cpu(name), __ATOMIC_RELAXED)
#define this_cpu_write(name, value) __atomic_store_n(&port_this_cpu(name), value, __ATOMIC_RELAXED)
#define this_cpu_add(name, n)	    this_cpu_write(name, this_cpu_read(name) + (n))
#define this_cpu_dec_and_test(name) ({ this_cpu_add(name, -1); this_cpu_read(name) == 0; })
#define this_cpu_test(name)	    this_cpu_read(name)

static inline void cpu_relax(void) { xp_relax(); }
static inline void arch_cpu_idle(void) { xp_relax(); }
