/* SPDX-License-Identifier: MIT */
/* Ends at once. */
#include "program.h"

static int run(void) { return 0; }
PROGRAM(run)
