/* SPDX-License-Identifier: MIT */
/* The kernel's own; the explorer sees what the mem functions touch. */
#pragma once

#include_next <lib/string.h>

#include "tests/explore/runtime/explore.h"

#ifndef memcpy /* kernel/lib/string.c has other names */
#define memcpy	xp_memcpy
#define memmove xp_memmove
#define memset	xp_memset
#define memcmp	xp_memcmp
#endif
