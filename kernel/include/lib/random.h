/* SPDX-License-Identifier: MIT */
/*
 * Repeatable random numbers for tests: SplitMix64 (Steele, Lea, Flood 2014). The same seed gives the same sequence on
 * every target. Not for secrets.
 */
#pragma once

#include <lib/types.h>

struct rnd_state {
	u64 counter;
};

static inline void random_seed(struct rnd_state *state, u64 seed)
{
	state->counter = seed;
}

u64 random_u64(struct rnd_state *state);

/* 0 .. n - 1; n must not be 0. */
u32 random_below(struct rnd_state *state, u32 n);
