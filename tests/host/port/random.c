/* SPDX-License-Identifier: MIT */
/* Numbers that look random and are the same in every run (xorshift64*, Vigna 2014). */
#include "tests/host/port/host.h"

#include <stdlib.h>

static __thread u64 state;

void host_random_seed(u64 seed) { state = seed ? seed : 1; }

static u64 first_seed(void)
{
	const char *seed = getenv("HOST_SEED");

	return seed ? strtoull(seed, NULL, 0) : 0x2545f4914f6cdd1d;
}

u64 host_random(void)
{
	if (!state) /* not each time: getenv() costs more than all the rest */
		host_random_seed(first_seed());
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}
