/* SPDX-License-Identifier: MIT */
/* Guards of stack frames (CONFIG_STACK_PROTECTOR; kernel/core/stack_protector.c). */
#pragma once

#include <lib/compiler.h>

/* kmain() sets it once, before there is another CPU. It may: no function that has begun by then ever ends. */
extern unsigned long __stack_chk_guard;

void __noreturn __stack_chk_fail(void);

/* A zero byte comes first in memory: a string that runs over cannot write the guard as it was. */
#define STACK_GUARD(random) ((unsigned long)(random) & ~0xfful)
