/* SPDX-License-Identifier: MIT */
/*
 * Page faults: told to the tracer, then decided. Nothing here repairs a kernel mapping: the tables of every process are
 * complete before anybody can hold the address (arch/x86/mm/pgtable_sync.c), so the tracer may touch what it likes.
 */
#include <arch/context.h>
#include <arch/fault.h>
#include <arch/irq.h>
#include <arch/layout.h>
#include <arch/uaccess.h>
#include <asm/cr.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include <lib/atomic.h>

static void (*fault_tracer)(vaddr_t addr);
static bool (*user_fault_handler)(vaddr_t addr, bool write, bool exec);

/* Handlers on this CPU's stack right now, the one asked for user memory included. */
static DEFINE_PER_CPU(unsigned int, fault_depth);
static unsigned int max_depth;
static atomic_long_t user_faults, expected_faults, kernel_not_present;

void arch_set_fault_tracer(void (*fn)(vaddr_t addr))
{
	WRITE_ONCE(fault_tracer, fn);
}

void arch_set_user_fault_handler(bool (*fn)(vaddr_t addr, bool write, bool exec))
{
	user_fault_handler = fn;
}

struct fault_counters fault_counters(void)
{
	return (struct fault_counters){
		.user = atomic_long_read(&user_faults),
		.expected = atomic_long_read(&expected_faults),
		.kernel_not_present = atomic_long_read(&kernel_not_present),
		.max_depth = READ_ONCE(max_depth),
	};
}

void fault_reset_max_depth(void)
{
	WRITE_ONCE(max_depth, 0);
}

static void record_depth(unsigned int depth)
{
	unsigned int seen = READ_ONCE(max_depth);

	while (depth > seen && cmpxchg(&max_depth, seen, depth) != seen)
		seen = READ_ONCE(max_depth);
}

/*
 * May the user handler be asked? The address is the user's, the page was missing, and the access was allowed to happen:
 * in kernel code only from a thread, never to execute, and with SMAP only inside user_access_begin/end.
 */
static bool user_fault_allowed(const struct trap_frame *frame, vaddr_t addr)
{
	if (!user_fault_handler || addr >= layout.user_end || (frame->error & PF_PRESENT))
		return false;
	if (trap_from_user(frame))
		return true;
	return arch_trap_depth() == 1 && addr != frame->ip && (!smap_enabled || (frame->flags & FLAGS_AC));
}

/*
 * The handler works for the thread, so it runs as the thread: not "in interrupt", and with interrupts on if the
 * thread had them on.
 */
static bool user_fault(const struct trap_frame *frame, vaddr_t addr)
{
	bool satisfied;

	this_cpu(trap_depth)--;
	local_irq_restore(frame->flags & FLAGS_IF);
	satisfied = user_fault_handler(addr, frame->error & PF_WRITE, frame->error & PF_FETCH);
	local_irq_disable();
	this_cpu(trap_depth)++;
	return satisfied;
}

static const char *reason(unsigned long error)
{
	if (error & PF_RESERVED)
		return "reserved bit in an entry";
	return error & PF_PRESENT ? "not allowed" : "not mapped";
}

static void __noreturn bad_fault(struct trap_frame *frame, vaddr_t addr)
{
	unsigned long error = frame->error;

	panic_at(frame, addr, "page fault: %s of %lx by %s at %pS: %s (error code %lx)",
		 error & PF_FETCH ? "execution" : error & PF_WRITE ? "write" : "read", addr,
		 trap_from_user(frame) ? "user code" : "the kernel", (void *)frame->ip, reason(error), error);
}

/* The fault was wanted, so it is no mapping that somebody forgot. */
static void probe_answered(bool counted_as_forbidden)
{
	atomic_long_inc(&expected_faults);
	if (counted_as_forbidden)
		atomic_long_dec(&kernel_not_present);
}

void page_fault(struct trap_frame *frame)
{
	vaddr_t addr = read_cr2(); /* first of all: a fault in the tracer would overwrite it */
	void (*tracer)(vaddr_t) = READ_ONCE(fault_tracer);
	bool forbidden = !(frame->error & PF_PRESENT) && addr >= layout.user_end;

	if (forbidden) /* counted before anything could repair it */
		atomic_long_inc(&kernel_not_present);
	record_depth(++this_cpu(fault_depth));
	if (tracer)
		tracer(addr);
	if (user_fault_allowed(frame, addr) && user_fault(frame, addr))
		atomic_long_inc(&user_faults);
	else if (probe_fixup(frame, frame->error & (PF_PRESENT | PF_RESERVED) ? PROBE_PROTECTION : PROBE_NOT_PRESENT))
		probe_answered(forbidden);
	else
		bad_fault(frame, addr);
	this_cpu(fault_depth)--;
}
