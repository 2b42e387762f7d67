/* SPDX-License-Identifier: MIT */
/*
 * What tests/kernel/fuzz_user.c tells the program `fuzz`, through the kernel's buffer: while the buffer is no larger
 * than an order, it is one. The program takes it by writing 0 over the seed, and begins when the buffer has become
 * larger.
 */
#pragma once

struct fuzz_order {
	unsigned int seed;     /* of all that the program does; never 0 */
	unsigned int children; /* how many the program has before it ends */
};
