/* SPDX-License-Identifier: MIT */
/* Repeatable random numbers. */
#include <lib/random.h>

/* A counter with an odd step visits all 2^64 states; the mixing makes neighbours look unrelated. */
u64 random_u64(struct rnd_state *state)
{
	u64 x = state->counter += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

/* The upper half as a fraction of 2^32, times n: no division. */
u32 random_below(struct rnd_state *state, u32 n)
{
	return (u32)((random_u64(state) >> 32) * n >> 32);
}
