/* SPDX-License-Identifier: MIT */
/*
 * As many processes alive at a time as the first long of the kernel's buffer says: each forks the next and waits for it. The last one adds itself
 * to the second long, and stays until the third is not 0.
 */
#include "program.h"

static int run(void)
{
	long word[3];

	CHECK(kbuf_read(0, word, sizeof(word)) == sizeof(word));
	for (long left = word[0]; left > 1; left--) {
		long pid = fork();
		int status = -1;

		CHECK(pid >= 0);
		if (pid) {
			CHECK(wait(&status) == pid);
			return status;
		}
	}
	word[1] = 1;
	CHECK(kbuf_write(sizeof(long), &word[1], sizeof(long)) == sizeof(long));
	do {
		yield();
		CHECK(kbuf_read(0, word, sizeof(word)) == sizeof(word));
	} while (!word[2]);
	return 0;
}
PROGRAM(run)
