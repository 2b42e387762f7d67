/* SPDX-License-Identifier: MIT */
/* Read at each of the addresses that the kernel's buffer lists, up to a 0: each is a child's last deed. */
#include "program.h"

static unsigned long addr;

static int read_it(void)
{
	return *(volatile char *)addr;
}

static int run(void)
{
	for (unsigned long n = 0;; n += sizeof(addr)) {
		CHECK(kbuf_read(n, &addr, sizeof(addr)) == sizeof(addr));
		if (!addr)
			return 0;
		CHECK(status_of(in_child(read_it)) == EXIT_KILLED + KILL_MEMORY);
	}
}
PROGRAM(run)
