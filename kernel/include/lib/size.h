/* SPDX-License-Identifier: MIT */
/* Sizes for people. */
#pragma once

#include <lib/types.h>

struct size_text {
	char text[16];
};

/* "0 B", "4 KiB", "1.5 GiB": the largest unit that is not larger than the size, one decimal, rounded down. */
struct size_text size_text(u64 bytes);

/* As an argument for %s. */
#define SIZE(bytes) (size_text(bytes).text)
