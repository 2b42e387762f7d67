/* SPDX-License-Identifier: MIT */
/*
 * How the other CPUs enter the kernel, all at the same time. Constants only: assembly includes it too.
 *
 * A CPU that starts takes a ticket: the number ap_next, which it raises by 1, as long as it is below ap_limit. A ticket
 * stands for a small stack for the first calls and for the stack that the CPU keeps. No ticket is given twice. In the
 * end the boot CPU sets ap_next to AP_CLOSED. A CPU that starts later halts for ever, before it uses a page table,
 * because the boot tables may be gone.
 *
 * In C the CPU finds its number by its APIC id. From there on ap_state[] has a state for each CPU:
 *
 *	boot CPU: -> CALLED		 the CPU: CALLED -> ENTERED -> COMMITTED, or REFUSED
 *	after a time-out: CALLED, ENTERED -> CLOSED, unless the CPU has COMMITTED
 *
 * Each step is a compare-and-exchange, so that both sides agree whether the CPU is in.
 */
#pragma once

#define AP_CLOSED    0x80000000
#define AP_CALLED    1 /* the start-up message has been sent, or will be */
#define AP_ENTERED   2 /* it has reached C */
#define AP_COMMITTED 3 /* all is set up; it is going online */
#define AP_REFUSED   4 /* it lacks a feature; it has stopped */

#define AP_TICKETS	    64 /* at least MAX_CPUS */
#define AP_FIRST_STACK_SIZE 64 /* for the few calls of boot_paging_on */
