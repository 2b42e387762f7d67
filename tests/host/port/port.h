/* SPDX-License-Identifier: MIT */
/* What the files of the host port share; tests include host.h. */
#pragma once

#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/layout.h>
#include <kernel/bug.h>
#include <kernel/cpumask.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <lib/format.h>

#include <setjmp.h>

/* Give every CPU of the mask a fresh per-CPU area, and forget the old ones (percpu.c). */
void host_percpu_init(u64 cpu_mask);
/* The thread that each of them runs (task.c). */
void host_tasks_init(u64 cpu_mask);

/* Text for people, and for tests that look at it (log.c). Lines start with "# ": a comment of the TAP stream. */
void host_log_write(const char *text);

/* Leave the test: to PANICS() if one is waiting, else abort(). */
void __noreturn host_die(void);
