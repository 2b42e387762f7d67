/* SPDX-License-Identifier: MIT */
/*
 * A fork bomb: every process forks for ever, writes to memory of its own, and never ends. What fork() has refused with
 * is noted in the kernel's buffer: word 0 -EAGAIN, word 1 anything else. The first process says so when it meets the
 * limit.
 */
#include "program.h"

static volatile char page[8 * PAGE];
static volatile unsigned long refused[2];

static int run(void)
{
	long first = getpid();

	for (unsigned int n = 0;; n++) {
		long pid = fork();

		if (pid < 0) {
			unsigned long word = pid != -EAGAIN;

			if (!refused[word] && getpid() == first)
				print("no more processes\n");
			refused[word] = 1;
			kbuf_write(word * sizeof(long), (void *)&refused[word], sizeof(long));
			yield();
		} else {
			page[n % 8 * PAGE] = 1;
		}
	}
	return 0;
}
PROGRAM(run)
