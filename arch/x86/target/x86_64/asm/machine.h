/* SPDX-License-Identifier: MIT */
/* The structures and constants that depend on this target's word size: trap frame, switch frame, per-CPU segment. */
#pragma once

#include <asm/machine_64.h>
