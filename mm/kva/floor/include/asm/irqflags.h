/* SPDX-License-Identifier: MIT */
/* The interrupt flag is the processor's; whether this is a handler, the host knows. */
#pragma once

#include <asm/eflags.h>
#include <asm/percpu.h>

static inline bool in_interrupt(void) { return host_in_interrupt(); }
static inline unsigned int arch_trap_depth(void) { return host_in_interrupt(); }
