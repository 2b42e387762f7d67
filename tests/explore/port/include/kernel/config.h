/* SPDX-License-Identifier: MIT */
/* Few CPUs; no logs, no holds, no checks that look at everything: the explorer's judge does that. */
#pragma once

#define MAX_CPUS 3

#define CONFIG_DEBUG_MM	     0
#define CONFIG_DEBUG_LOCKS   0
#define CONFIG_FAULT_INJECT  0
#define CONFIG_SCHED_POINTS  0
#define CONFIG_MM_LOGS	     0
#define CONFIG_TLB_ORACLE    0
#define CONFIG_KASAN	     0
#define CONFIG_FRAME_POINTER 1
