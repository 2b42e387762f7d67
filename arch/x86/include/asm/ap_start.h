/* SPDX-License-Identifier: MIT */
/*
 * How CPUs come in, all at the same time. Constants only: assembly includes it too.
 *
 * A CPU that wakes takes a ticket, ap_next to ap_next + 1, while there are any below ap_limit. A ticket is a small
 * stack for its first calls and the stack that it keeps; nobody ever gets the same. The boot CPU ends it with ap_next =
 * AP_CLOSED: who wakes later halts for ever, before it has touched a page table, because the boot tables may be gone.
 *
 * In C a CPU knows who it is. From there on, for each CPU in ap_state[]:
 *
 *	boot CPU: -> CALLED		 the CPU: CALLED -> ENTERED -> COMMITTED, or REFUSED
 *	after a time-out: CALLED, ENTERED -> CLOSED, unless the CPU has COMMITTED
 *
 * Each step is a compare-and-exchange, so that both sides agree whether the CPU is in.
 */
#pragma once

#define AP_CLOSED    0x80000000
#define AP_CALLED    1 /* the start-up message has been sent, or will be */
#define AP_ENTERED   2 /* it runs our code */
#define AP_COMMITTED 3 /* all is set up; it is going online */
#define AP_REFUSED   4 /* it lacks a feature; it has stopped */

#define AP_TICKETS	    64 /* as many as there are CPUs */
#define AP_FIRST_STACK_SIZE 64 /* for the few calls of boot_paging_on */
