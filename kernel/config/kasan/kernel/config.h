/* SPDX-License-Identifier: MIT */
/* The debug build that checks each access to memory (x86_64; arch/x86/kasan/README.md). */
#pragma once

#include "kernel/config/debug/kernel/config.h"

#undef CONFIG_KASAN
#define CONFIG_KASAN 1
