/* SPDX-License-Identifier: MIT */
/*
 * A little of everything that takes memory, for a kernel that is made to run out of it at some point. A system call
 * then says -ENOMEM, and 2 is the status; or a page that is touched cannot be had, and the process is killed. Anything
 * else is wrong.
 */
#include "program.h"

#define REFUSED 2

static volatile long data[3 * PAGE / sizeof(long)] = { 7 };

static int use_memory(void)
{
	char *map = mmap(NULL, 3 * PAGE), *heap = brk(NULL);

	if (failed(map)) {
		CHECK((long)map == -ENOMEM);
		return REFUSED;
	}
	for (unsigned int i = 0; i < 3; i++)
		map[i * PAGE] = (char)(data[i * PAGE / sizeof(long)] = i + 1);
	if (brk(heap + PAGE) != heap + PAGE)
		return REFUSED;
	*heap = 1;
	if (munmap(map + PAGE, PAGE)) {
		CHECK(munmap(map, 3 * PAGE) == 0); /* nothing is to be cut in two */
		return REFUSED;
	}
	return map[0] == 1 ? 0 : 1;
}

static int become_nothing(void)
{
	return exec("nothing") == -ENOMEM ? REFUSED : 1;
}

/* A child that does it. */
static int child(int (*fn)(void))
{
	long pid = in_child(fn);
	int status = 0;

	if (pid == -ENOMEM)
		return REFUSED;
	CHECK(pid > 0 && wait(&status) == pid);
	CHECK(status == 0 || status == REFUSED || status == EXIT_KILLED + KILL_NO_MEMORY);
	return status ? REFUSED : 0;
}

static int run(void)
{
	int worst = child(use_memory);
	int status = child(become_nothing);

	CHECK(data[0] == 7); /* whatever the child did */
	worst = worst ? worst : status;
	status = use_memory();
	return worst ? worst : status;
}
PROGRAM(run)
