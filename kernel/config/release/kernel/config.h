/* SPDX-License-Identifier: MIT */
/*
 * The build that is measured (`make bench`): no models, logs, schedule points or lock ranks. What protects a user of
 * the memory layer (guard pages, double frees, bounds) is no option and stays.
 */
#pragma once

#define MAX_CPUS 64

#define CONFIG_DEBUG_MM	     0
#define CONFIG_DEBUG_LOCKS   0
#define CONFIG_FAULT_INJECT  0
#define CONFIG_SCHED_POINTS  0
#define CONFIG_MM_LOGS	     0
#define CONFIG_TLB_ORACLE    0
#define CONFIG_UBSAN	     0
#define CONFIG_KASAN	     0
#define CONFIG_STACK_PROTECTOR 1 /* functions with arrays guard their frames; none of them is on the paths measured */
#define CONFIG_FRAME_POINTER 0 /* Linux was measured without them too; backtraces are guessed (core/backtrace.c) */
