/* SPDX-License-Identifier: MIT */
/*
 * How far the start of a CPU has come, in ap_state: one CPU at a time. Constants only: assembly includes it too.
 *
 *	boot CPU: CLOSED -> INVITED		 AP: INVITED -> ENTERED -> COMMITTED, or REFUSED
 *	after a time-out: INVITED, ENTERED -> CLOSED, unless the AP has COMMITTED
 *
 * Each step is a compare-and-exchange, so that both sides agree whether the AP is in. A CPU that wakes up when nobody
 * is invited any more halts for ever, before it has touched a page table: the boot tables may be gone.
 */
#pragma once

#define AP_CLOSED    0
#define AP_INVITED   1 /* the start-up message has been sent */
#define AP_ENTERED   2 /* it arrived, and nobody else can take the invitation */
#define AP_COMMITTED 3 /* all is set up; the AP is going online */
#define AP_REFUSED   4 /* the AP is not the one that was called, or lacks a feature; it has stopped */
