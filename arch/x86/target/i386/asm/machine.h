/* SPDX-License-Identifier: MIT */
/* Shapes that follow the word size of this target. */
#pragma once

#include <asm/machine_32.h>
