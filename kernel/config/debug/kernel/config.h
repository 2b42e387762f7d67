/* SPDX-License-Identifier: MIT */
/*
 * Build options, as constants for a plain `if`, so that every branch is compiled in every build.
 * The build picks the file by include path: config/debug is what `make` and `make test` build.
 */
#pragma once

#define MAX_CPUS 64

#define CONFIG_DEBUG_MM	     1 /* compare every PGD after every sync, check invariants */
#define CONFIG_DEBUG_LOCKS   1 /* record holders, check ranks and contexts */
#define CONFIG_FAULT_INJECT  1 /* allocations of pages, tables and slab objects can be made to fail */
#define CONFIG_SCHED_POINTS  1 /* schedule_point("name") can hold a thread */
#define CONFIG_MM_LOGS	     1 /* a log of flushes */
#define CONFIG_TLB_ORACLE    1 /* a model of what every TLB may still hold, and verdicts (arch/tlb_oracle.h) */
#define CONFIG_UBSAN	     0 /* the compiler checks for undefined behaviour (CONFIG=ubsan) */
#define CONFIG_KASAN	     0 /* each access to memory is checked (CONFIG=kasan, x86_64) */
#define CONFIG_FRAME_POINTER 1 /* functions keep frame pointers: backtraces are exact */
#define CONFIG_STACK_PROTECTOR 2 /* functions with arrays, or whose locals have addresses, guard their frames */
