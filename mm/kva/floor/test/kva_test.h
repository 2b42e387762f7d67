/* SPDX-License-Identifier: MIT */
/*
 * kva's own tests in another kernel: compile kva_test.c in the place of kva.c (it contains it), with the same macros,
 * and call kva_test(). The host writes seven functions more. They are for tests alone, so they need not be quick.
 */
#pragma once

#include "kva.h"

/*
 * Run the tests whose "suite.name" matches one of the wildcards of a comma-separated list ("museum.*,vmalloc.*"; NULL:
 * all), and say each result by host_log(), as TAP. Returns how many failed. A thread that may sleep; nobody else uses
 * kva meanwhile.
 */
unsigned int kva_test(const char *globs);

/* Start a thread that runs fn(arg) on this CPU and nowhere else. NULL: it cannot. Thread. */
void *host_test_thread(unsigned int cpu, void (*fn)(void *arg), void *arg);
/* Wait until fn has returned, and free the thread. Thread. */
void host_test_join(void *thread);
/* Sleep, or let others run, for about that long. Thread. */
void host_test_sleep(unsigned int ms);
/* Milliseconds since some moment. Any. */
unsigned long host_test_ms(void);

/*
 * Try to read (0), write (1) or execute (2: call it, it is a RET) a byte. The page-fault handler of the host ends the
 * attempt. 0: no fault. 1: a fault, nothing is mapped (error code without P). 2: a fault, it is not allowed. Thread.
 */
int host_test_probe(const void *addr, int what);
/* Page faults on kernel addresses since the start that host_test_probe() did not cause. */
unsigned long host_test_faults(void);

/*
 * The running thread continues on these page tables (kva_tree_root()), also after it was switched out; 0: on the usual.
 */
void host_test_load(kva_phys_t root);
