/* SPDX-License-Identifier: MIT */
/* Interrupts are the explorer's. Code with interrupts off is a read section of RCU (port/rcu.c). */
#pragma once

#include "tests/explore/runtime/explore.h"

unsigned int arch_trap_depth(void);

static inline bool in_interrupt(void) { return xp_in_irq(); }
static inline void local_irq_enable(void) { xp_irq_on(); }
static inline void local_irq_disable(void) { xp_irq_off(); }
static inline bool irqs_disabled(void) { return !xp_irq_is_on(); }
void port_section_begin(void);
void port_section_end(void);

static inline bool arch_local_irq_save(void)
{
	bool were_on = xp_irq_off();

	if (were_on)
		port_section_begin();
	return were_on;
}

static inline void local_irq_restore(bool flags)
{
	if (!flags)
		return;
	port_section_end();
	xp_irq_on();
}
