/* SPDX-License-Identifier: MIT */
/*
 * Inputs for parsers of files that begin with a good one. The first byte of an input chooses: the bytes behind it are
 * the file themselves, or changes of a good file that code has made, three bytes each: where (16 bits), and what stands
 * there. So the fuzzer need not find out what a good file looks like, and no file has to be kept.
 */
#pragma once

#include "tests/host/fuzz_bytes.h"

#include <lib/string.h>

#include <stdio.h>
#include <stdlib.h>

#define MUST(cond) do { if (!(cond)) { fprintf(stderr, "broken: %s\n", #cond); abort(); } } while (0)

static void change(uint8_t *file, size_t size)
{
	while (nr_bytes >= 3) {
		size_t at = next_byte();

		at |= (size_t)next_byte() << 8;
		file[at % size] = (uint8_t)next_byte();
	}
}

/* A copy that the sanitizer knows the end of. */
static __attribute__((unused)) uint8_t *exact_copy(const void *file, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, file, size);
	return copy;
}
