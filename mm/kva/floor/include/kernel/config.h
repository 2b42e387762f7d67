/* SPDX-License-Identifier: MIT */
/* Build options, from the macros of kva.h. */
#pragma once

#include "mm/kva/floor/kva.h"

#define CONFIG_DEBUG_MM	    KVA_DEBUG
#define CONFIG_DEBUG_LOCKS  KVA_DEBUG
#define CONFIG_FAULT_INJECT KVA_TEST
#define CONFIG_SCHED_POINTS KVA_TEST /* tests hold a CPU at them */
#define CONFIG_MM_LOGS	    KVA_TEST
#define CONFIG_TLB_ORACLE   KVA_DEBUG
#define CONFIG_KASAN	    0

#define MAX_CPUS KVA_MAX_CPUS
