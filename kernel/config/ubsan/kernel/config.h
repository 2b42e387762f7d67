/* SPDX-License-Identifier: MIT */
/* The debug build whose code checks itself for undefined behaviour (kernel/sanitize). */
#pragma once

#include "kernel/config/debug/kernel/config.h"

#undef CONFIG_UBSAN
#define CONFIG_UBSAN 1
