/* SPDX-License-Identifier: MIT */
/*
 * Each CPU runs one thread, so nothing is ever preempted. But code with preemption off is a read section of RCU, and
 * these are counted, for all to see (port/rcu.c). A count is no store: it waits in no buffer, and drains none.
 */
#pragma once

#define preempt_disable contract_preempt_disable
#define preempt_enable contract_preempt_enable
#define preempt_enable_then contract_preempt_enable_then
#define preempt_enable_no_resched contract_preempt_enable_no_resched
#include_next <kernel/preempt.h>
#undef preempt_disable
#undef preempt_enable
#undef preempt_enable_then
#undef preempt_enable_no_resched

void port_section_begin(void);
void port_section_end(void);

static __always_inline void preempt_disable(void) { port_section_begin(); }
static __always_inline void preempt_enable(void) { port_section_end(); }
static __always_inline void preempt_enable_no_resched(void) { port_section_end(); }
static __always_inline unsigned long preempt_enable_then(unsigned long result)
{
	port_section_end();
	return result;
}
