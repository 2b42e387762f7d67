/* SPDX-License-Identifier: MIT */
/*
 * What kva asks of a kernel: the functions that the host writes. Ten without SMP, three more with it.
 *
 * "Thread" means: a thread, interrupts on, may sleep. "Any" means: a thread or an interrupt handler, interrupts on or
 * off, any spinlock of kva held; the function must not sleep, and must not call kva. None is called in an NMI, except
 * host_thread(), host_cpu(), host_in_interrupt() and host_panic().
 *
 * A host may write any of them as `static inline`, in a header of its own that KVA_HOST_HEADER names:
 *
 *	cc -DKVA_HOST_HEADER='"my_kva_inline.h"' -c kva.c
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct kva_thread;

#ifdef KVA_HOST_HEADER
#include KVA_HOST_HEADER
#endif

/* --- memory ------------------------------------------------------------------------------------------------------- */

/*
 * 2^order pages of RAM side by side, aligned to their size: their physical address. They lie in the direct map, and
 * their contents do not matter. KVA_NO_PAGES: there is no memory. For orders above 0 it may always say so: kva then
 * maps single pages. Thread.
 */
#define KVA_NO_PAGES (~0ull)
unsigned long long host_pages_alloc(unsigned int order);
/* Take back what host_pages_alloc() gave, with the same order. Thread. */
void host_pages_free(unsigned long long phys, unsigned int order);

/* `size` bytes for an object, aligned to 16 bytes; NULL: no memory. The largest is 16 KiB + 16. Thread. */
void *host_object_alloc(size_t size);
/* Take back what host_object_alloc() gave. Thread. */
void host_object_free(void *object, size_t size);

/* --- threads ------------------------------------------------------------------------------------------------------ */

/*
 * The words that kva keeps for the running thread; in an interrupt handler: for the thread that it interrupted. The
 * host keeps a `struct kva_thread` (kva.h) for each thread, idle threads too, and sets it to zero when it makes the
 * thread. Before there are threads it returns the same one all the time. Any, NMI too.
 */
struct kva_thread *host_thread(void);
/* Is this CPU in a handler of an interrupt, an exception or an NMI? Any, NMI too. */
bool host_in_interrupt(void);
/* Let other threads run: the caller waits for one of them. It may do nothing if there are no others. Thread. */
void host_yield(void);
/*
 * The host wanted to switch threads on this CPU, and kva_may_preempt() said no. Now it may. A host that never switches
 * a thread in the middle of kernel code leaves this empty. Interrupts are on. Thread, or a handler that has enabled
 * them.
 */
void host_reschedule(void);

/* --- messages ----------------------------------------------------------------------------------------------------- */

/* A line of text for people, with its newline. Any. */
void host_log(const char *text);
/* The same for the last words: the kernel's memory is not what kva knows it to be. Does not return. Any, NMI too. */
void host_panic(const char *text) __attribute__((noreturn));

/* --- SMP (KVA_MAX_CPUS > 1) --------------------------------------------------------------------------------------- */

/* The number of this CPU, below kva_config.cpus, from its first call of kva on. The boot CPU's is 0. Any, NMI too. */
unsigned int host_cpu(void);
/*
 * How many CPUs run code of the kernel at the moment. kva compares it with the CPUs that called kva_cpu_online(). Any.
 */
unsigned int host_nr_cpus(void);
/*
 * Interrupt this CPU, which is online and not the caller's own. The handler calls kva_flush_ipi(). It must come through
 * as soon as the CPU has interrupts on, whatever thread runs there. Any.
 */
void host_send_flush_ipi(unsigned int cpu);
