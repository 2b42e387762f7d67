/* SPDX-License-Identifier: MIT */
/*
 * One process of a storm: forks children that touch memory, fork again, become other programs and end, many times over.
 * Reads the kernel's buffer all the while, which may be newer than the process.
 */
#include "program.h"

#define ROUNDS 1

static volatile long work[2 * PAGE / sizeof(long)];

static int grandchild(void)
{
	work[0] = 3;
	return work[0] == 3 ? 0 : 1;
}

static int child(void)
{
	char *map = mmap(NULL, 3 * PAGE);
	long byte = 0;

	CHECK(!failed(map));
	for (int i = 0; i < 3; i++)
		map[i * PAGE] = 1;
	work[0] = 2;
	CHECK(kbuf_read(0, &byte, sizeof(byte)) == sizeof(byte));
	CHECK(status_of(in_child(grandchild)) == 0);
	CHECK(work[0] == 2 && map[2 * PAGE] == 1);
	return 0;
}

static int other_program(void)
{
	exec("nothing");
	return 1;
}

static int run(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		work[0] = 1;
		CHECK(status_of(in_child(child)) == 0);
		CHECK(status_of(in_child(other_program)) == 0);
		CHECK(work[0] == 1);
	}
	return 0;
}
PROGRAM(run)
