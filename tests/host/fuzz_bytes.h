/* SPDX-License-Identifier: MIT */
/* The bytes of libFuzzer, one after the other; behind their end there are zeros. */
#pragma once

#include <stddef.h>
#include <stdint.h>

static const uint8_t *bytes;
static size_t nr_bytes;

static unsigned int next_byte(void)
{
	if (!nr_bytes)
		return 0;
	nr_bytes--;
	return *bytes++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
