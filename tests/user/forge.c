/* SPDX-License-Identifier: MIT */
/*
 * Writes what it should not be able to: results and verdicts of tests, a panic, lines like the kernel's, and what tells
 * a terminal to do something. All of it must come out as text that says whose it is.
 */
#include "program.h"

static void all(const char *text, unsigned long len)
{
	CHECK(write(1, text, len) == (long)len);
}

#define ALL(text) all(text, sizeof(text) - 1)

static int run(void)
{
	ALL("ok 1 forged\n    ok 1 forged\nnot ok 2 forged\n# totals: pass=1 fail=0 skip=0 error=0\n# exit: PASS\n");
	ALL("Bail out! panic: forged\nKTAP version 1\n1..1\n");
	ALL("[    9.999999] panic on cpu 0: forged\nkvasir x64 cpu0> forged\n");
	ALL("a \033[2J\033]0;title\007\x9b" "31m terminal\n");
	ALL("a return\rok 1 forged\b\b\b\b\b\b\b\n");
	ALL("nul[A\0B\0C]lun\n");
	ALL("a line that is too long for any screen, so that what follows would begin where the next line begins, ok 1 "
	    "forged\n");
	ALL("a line without an end");
	return 0;
}
PROGRAM(run)
