/* SPDX-License-Identifier: MIT */
/* Threads of tests. They sleep by letting others run, so nobody need be woken. */
#pragma once

#include <lib/compiler.h>

struct task;
struct task *thread_run_on(unsigned int cpu, void (*fn)(void *), void *arg, const char *name);
struct task *thread_run(void (*fn)(void *), void *arg, const char *name);
void thread_join(struct task *task);
void sleep_until(bool (*ready)(const void *arg), const void *arg);
void msleep(unsigned int ms);
void schedule(void);
static inline int wake_up_process(struct task *task __maybe_unused) { return 1; }

/* The running test asked for a block of pages that the host did not have. */
extern bool blocks_missing;

u64 arch_uptime_ms(void);
void arch_udelay(unsigned int us);
