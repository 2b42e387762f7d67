/* SPDX-License-Identifier: MIT */
/* Access to one entry: 64 bits are one word here. */
#pragma once

#include <asm/pte_word.h>
