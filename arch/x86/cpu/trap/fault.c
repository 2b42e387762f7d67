/* SPDX-License-Identifier: MIT */
/*
 * Page faults: the tracer is called, then the fault is handled. Nothing here repairs a kernel mapping: every process's
 * tables map an address before a caller gets it (arch/x86/mm/pgtable_sync.c). So the tracer may touch vmalloc memory.
 */
#include <arch/context.h>
#include <arch/fault.h>
#include <arch/irq.h>
#include <arch/layout.h>
#include <arch/pgtable.h>
#include <arch/tlb.h>
#include <asm/cr.h>
#include <asm/extable.h>
#include <asm/smap.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include <kernel/preempt.h>
#include <kernel/trace.h>
#include <lib/atomic.h>
#include <lib/errno.h>

static void (*fault_tracer)(vaddr_t addr) __ro_after_init;
static user_fault_fn user_fault_handler __ro_after_init;

/* How many page-fault handlers are on the running thread's stack, those included that sleep for user memory. */
DEFINE_PER_CPU(unsigned int, fault_depth);
static unsigned int max_depth;
static atomic_long_t user_faults, expected_faults, kernel_not_present, spurious, spurious_provoked;
static bool provoking;

void arch_set_fault_tracer(void (*fn)(vaddr_t addr))
{
	WRITE_ONCE(fault_tracer, fn);
}

user_fault_fn arch_set_user_fault_handler(user_fault_fn fn)
{
	user_fault_fn before = user_fault_handler;

	WRITE_ONCE(user_fault_handler, fn);
	return before;
}

struct fault_counters fault_counters(void)
{
	return (struct fault_counters){
		.user = atomic_long_read(&user_faults),
		.expected = atomic_long_read(&expected_faults),
		.kernel_not_present = atomic_long_read(&kernel_not_present),
		.spurious = atomic_long_read(&spurious),
		.spurious_provoked = atomic_long_read(&spurious_provoked),
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

static void count_spurious(void)
{
	atomic_long_inc(READ_ONCE(provoking) ? &spurious_provoked : &spurious);
}

/* May this instruction of the kernel touch user memory, and may the thread sleep there? */
static bool kernel_may_touch(const struct trap_frame *frame)
{
	return arch_trap_depth() == 1 && (frame->flags & FLAGS_IF) && !this_cpu_read(preempt_count) &&
	       exception_fixup(frame->ip) && (!smap_enabled || (frame->flags & FLAGS_AC));
}

static bool is_user_fault(const struct trap_frame *frame, vaddr_t addr)
{
	if (!user_fault_handler || addr >= layout.user_end || (frame->error & PF_RESERVED))
		return false;
	return trap_from_user(frame) || kernel_may_touch(frame);
}

/*
 * Did the CPU access the program's memory with the kernel's rights, so that SMAP refused it? A real CPU uses the
 * program's rights. QEMU up to 7.2 uses the kernel's for far returns and far calls. Such an access fails for ever.
 */
static bool with_rights_of_kernel(const struct trap_frame *frame)
{
	return trap_from_user(frame) && !(frame->error & PF_USER);
}

/* The last fault of this CPU on an access that the tables allow: where, and how often in a row. */
struct repeated {
	vaddr_t ip, addr;
	unsigned int times;
};
static DEFINE_PER_CPU(struct repeated, repeated);

#define REPEATS_MOST 10000 /* a fault makes a CPU drop its stale entry, so this many in a row are a loop */

static void not_repeated(void)
{
	this_cpu_write(repeated.times, 0);
}

/* Interrupts off. */
static bool repeated_for_ever(const struct trap_frame *frame, vaddr_t addr)
{
	struct repeated *r = raw_cpu_ptr(&repeated);

	if (r->ip != frame->ip || r->addr != addr || !r->times)
		*r = (struct repeated){ .ip = frame->ip, .addr = addr };
	return r->times++ >= REPEATS_MOST;
}

static unsigned int access_of(unsigned long error)
{
	return (error & PF_WRITE ? FAULT_WRITE : 0) | (error & PF_FETCH ? FAULT_EXEC : 0) |
	       (error & PF_PRESENT ? FAULT_PRESENT : 0);
}

/*
 * The handler works for the thread, so it runs as the thread: not "in interrupt", and with interrupts on. It may sleep,
 * and come back on another CPU.
 */
static int user_fault(const struct trap_frame *frame, vaddr_t addr, unsigned long flushed)
{
	int err;

	this_cpu_add(trap_depth, -1);
	local_irq_enable();
	err = user_fault_handler(addr, access_of(frame->error), flushed);
	local_irq_disable();
	this_cpu_add(trap_depth, 1);
	if (err == FAULT_SPURIOUS && with_rights_of_kernel(frame))
		return -EPERM;
	if (err == FAULT_SPURIOUS && repeated_for_ever(frame, addr))
		return -EIO;
	if (err == FAULT_SPURIOUS) {
		count_spurious();
		return err;
	}
	not_repeated();
	if (!err)
		atomic_long_inc(&user_faults);
	return err;
}

/* The program may not make this access, so the program ends. */
static void __noreturn program_fault(const struct trap_frame *frame, vaddr_t addr, int err)
{
	this_cpu_add(fault_depth, -1);
	this_cpu_add(trap_depth, -1);
	user_page_fault(frame, addr, err);
}

void fault_provoke_spurious(bool on)
{
	WRITE_ONCE(provoking, on);
}

/*
 * Did the CPU refuse what the tables allow? Then its TLB held an older entry: rights were raised without a flush. Only
 * for what is mapped (museum 71): a missing page or a reserved bit is never in a TLB. Reads are left out: a read by the
 * kernel needs only a present page. While another CPU still raises rights (pgtable_protecting()), the fault is not
 * counted: that CPU's flush waits for this CPU, where interrupts have been off since the fault.
 */
static bool spurious_fault(const struct trap_frame *frame, vaddr_t addr)
{
	struct pgtable_leaf leaf;

	if (addr < layout.user_end || trap_from_user(frame) || !(frame->error & PF_PRESENT) ||
	    (frame->error & PF_RESERVED) || !(frame->error & (PF_WRITE | PF_FETCH)))
		return false;
	leaf = pgtable_query(pgtable_current(), addr);
	if (!leaf.present || ((frame->error & PF_WRITE) && !pte_writable(leaf.pte)) ||
	    ((frame->error & PF_FETCH) && (leaf.pte.val & PTE_NX)) || repeated_for_ever(frame, addr))
		return false;
	if (!pgtable_protecting())
		count_spurious();
	flush_tlb_local_page(PAGE_ALIGN_DOWN(addr));
	return true;
}

/* Does the kernel lack one of its own mappings? If a program makes the access, the kernel is not at fault. */
static bool is_forbidden(const struct trap_frame *frame, vaddr_t addr)
{
	return !(frame->error & PF_PRESENT) && addr >= layout.user_end && !trap_from_user(frame);
}

/*
 * Without NX and SMEP the error code does not mark a fetch. Then a fault at the instruction's own address is one: an
 * instruction that has been fetched can be read.
 */
const char *page_fault_kind(const struct trap_frame *frame, vaddr_t addr)
{
	if ((frame->error & PF_FETCH) || addr == frame->ip)
		return "execution";
	return frame->error & PF_WRITE ? "write" : "read";
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

	panic_at(frame, addr, "page fault: %s of %lx by %s at %pS: %s (error code %lx)", page_fault_kind(frame, addr),
		 addr, trap_from_user(frame) ? "a program" : "the kernel", (void *)frame->ip, reason(error), error);
}

static void not_served(struct trap_frame *frame, vaddr_t addr, int err)
{
	bool protection = frame->error & (PF_PRESENT | PF_RESERVED);

	if (trap_from_user(frame) && !(frame->error & PF_RESERVED))
		program_fault(frame, addr, err);
	if (spurious_fault(frame, addr))
		return; /* the instruction runs again */
	if (addr >= layout.user_end && is_user_copy(frame->ip))
		bad_fault(frame, addr); /* the kernel's side of a copy: a bug of the kernel, not of the program */
	if (!probe_fixup(frame, protection ? PROBE_PROTECTION : PROBE_NOT_PRESENT))
		bad_fault(frame, addr);
	atomic_long_inc(&expected_faults);
	if (is_forbidden(frame, addr)) /* a probe expected it, so no mapping is missing */
		atomic_long_dec(&kernel_not_present);
}

void page_fault(struct trap_frame *frame)
{
	vaddr_t addr = read_cr2(); /* first: a fault in the tracer would overwrite it */
	unsigned long flushed = pgtable_flushed(pgtable_current()); /* while interrupts are still off */
	void (*tracer)(vaddr_t) = READ_ONCE(fault_tracer);
	int err = -EFAULT;

	frame->address = addr;
	if (is_forbidden(frame, addr)) /* counted first, so no repair could hide it */
		atomic_long_inc(&kernel_not_present);
	this_cpu_add(fault_depth, 1);
	record_depth(this_cpu_read(fault_depth));
	trace(TRACE_PAGE_FAULT, addr, frame->error, frame->ip);
	if (tracer)
		tracer(addr);
	if (is_user_fault(frame, addr))
		err = user_fault(frame, addr, flushed);
	if (err < 0)
		not_served(frame, addr, err);
	this_cpu_add(fault_depth, -1);
}
