/* SPDX-License-Identifier: MIT */
/* Whether interrupts are on is a flag of the thread; nothing ever interrupts, but asserts about it hold. */
#pragma once

extern __thread bool host_irqs_on;

bool in_interrupt(void);
unsigned int arch_trap_depth(void);

static inline void local_irq_enable(void) { host_irqs_on = true; }
static inline void local_irq_disable(void) { host_irqs_on = false; }
static inline bool irqs_disabled(void) { return !host_irqs_on; }

static inline bool arch_local_irq_save(void)
{
	bool were_on = host_irqs_on;

	host_irqs_on = false;
	return were_on;
}

static inline void local_irq_restore(bool flags) { host_irqs_on = flags; }
