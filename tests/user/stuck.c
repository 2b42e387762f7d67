/* SPDX-License-Identifier: MIT */
/* A process that spins, and its parent, which waits for it: neither ends by itself. */
#include "program.h"

static int spin(void)
{
	for (;;)
		;
	return 0;
}

static int run(void)
{
	int status = -1;

	in_child(spin);
	wait(&status);
	return 1; /* nobody comes here: the child is an orphan's work, or somebody else has ended it */
}
PROGRAM(run)
