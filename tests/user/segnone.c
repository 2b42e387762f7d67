/* SPDX-License-Identifier: MIT */
/* Begins with the segments that every program has, whatever the one before it in this process had loaded. */
#include "program.h"

#include <asm/vectors.h>

static int run(void)
{
	unsigned short s[4], data = sizeof(long) == 8 ? 0 : SEL_USER_DATA | 3;

	__asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3"
			 : "=m"(s[0]), "=m"(s[1]), "=m"(s[2]), "=m"(s[3]));
	return s[0] == data && s[1] == data && !s[2] && !s[3] ? 0 : 56;
}
PROGRAM(run)
