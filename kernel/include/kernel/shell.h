/* SPDX-License-Identifier: MIT */
/* The monitor on the serial line and the screen: look at memory, run tests, switch off. */
#pragma once

#include <lib/compiler.h>

/*
 * Read commands from the consoles and run them, for ever. Thread context, boot CPU. While it waits for a key, other
 * threads run, or the CPU halts. Without keyboard and serial line it waits for ever.
 */
void __noreturn shell_run(void);
