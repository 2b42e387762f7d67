/* SPDX-License-Identifier: MIT */
/*
 * As many processes alive at a time as the first long of the kernel's buffer says, or as there is memory for: each
 * forks the next and waits for it. The last one writes how many there are into the second long, and stays until the
 * third is not 0.
 */
#include "program.h"

static int stay(long alive)
{
	long leave;

	CHECK(kbuf_write(sizeof(long), &alive, sizeof(alive)) == sizeof(alive));
	do {
		yield();
		CHECK(kbuf_read(2 * sizeof(long), &leave, sizeof(leave)) == sizeof(leave));
	} while (!leave);
	return 0;
}

static int run(void)
{
	long length, alive = 1, pid;
	int status = -1;

	CHECK(kbuf_read(0, &length, sizeof(length)) == sizeof(length));
	for (; alive < length; alive++) {
		pid = fork();
		if (pid < 0)
			break;
		if (pid) {
			CHECK(wait(&status) == pid);
			return status;
		}
	}
	return stay(alive);
}
PROGRAM(run)
