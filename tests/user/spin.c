/* SPDX-License-Identifier: MIT */
/* Never ends, and calls nothing: only somebody else can stop it. */
#include "program.h"

static int run(void)
{
	print("spinning\n");
	for (;;)
		;
	return 0;
}
PROGRAM(run)
