/* SPDX-License-Identifier: MIT */
/*
 * From a vector to its handler: the C side of trap_entry_*.S. Interrupts are off, except in system calls, while a fault
 * on user memory is served, and while a program is ended. At the end of an interrupt the thread may be preempted: then
 * it returns from here later, perhaps on another CPU.
 */
#include <arch/irq.h>
#include <arch/context.h>
#include <arch/user.h>
#include <asm/cr.h>
#include <asm/ipi_trace.h>
#include <asm/restart.h>
#include <asm/smap.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <kernel/percpu.h>
#include <kernel/preempt.h>
#include <lib/format.h>

typedef void (*interrupt_handler)(struct trap_frame *);

static interrupt_handler ipi_handlers[NR_IPIS] __ro_after_init;
static interrupt_handler timer_handler __ro_after_init, debug_handler __ro_after_init;

DEFINE_PER_CPU(unsigned int, trap_depth);

void arch_set_ipi_handler(enum ipi_vector ipi, void (*handler)(struct trap_frame *))
{
	BUG_ON(ipi >= NR_IPIS);
	ipi_handlers[ipi] = handler;
}

void arch_set_timer_handler(void (*handler)(struct trap_frame *))
{
	timer_handler = handler;
}

void arch_set_debug_handler(void (*handler)(struct trap_frame *))
{
	WRITE_ONCE(debug_handler, handler);
}

void arch_debug_exception(void)
{
	__asm__ volatile("int %0" : : "i"(VECTOR_DEBUG) : "memory");
}

/* True: the exception came from the kernel, and the handler has run. */
static bool debug_exception(struct trap_frame *frame)
{
	interrupt_handler handler = READ_ONCE(debug_handler);

	if (!handler || trap_from_user(frame))
		return false;
	handler(frame);
	return true;
}

vaddr_t trap_frame_pc(const struct trap_frame *frame)
{
	return frame->ip;
}

vaddr_t trap_frame_stack(const struct trap_frame *frame)
{
	if (trap_from_user(frame))
		return 0;
	return CONFIG_FRAME_POINTER ? frame->bp : trap_frame_sp(frame);
}

/* trap_entry_*.S: the return addresses of its calls. */
extern char trap_dispatched[], trap_dispatched_own_stack[], trap_dispatched_pti[], trap_dispatched_pti_own_stack[];

static bool is_call_of_dispatch(vaddr_t pc)
{
	const char *const calls[] = { trap_dispatched, trap_dispatched_own_stack, trap_dispatched_pti,
				      trap_dispatched_pti_own_stack };

	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		if (pc == (vaddr_t)calls[i])
			return true;
	return false;
}

/* A guessed stack may hold an old return address with anything behind it, so the frame's contents are checked. */
static bool plausible(const struct trap_frame *frame)
{
	unsigned int cs = frame->cs & 0xffff;

	return frame->vector < NR_VECTORS && (cs == SEL_KERNEL_CODE || (cs & 3) == 3);
}

const struct trap_frame *trap_frame_above(vaddr_t pc, vaddr_t behind, bool (*readable)(vaddr_t addr, size_t size))
{
	const struct trap_frame *frame;

	if (!is_call_of_dispatch(pc) || !readable(behind, sizeof(vaddr_t)))
		return NULL;
	frame = trap_frame_of_caller(behind);
	return readable((vaddr_t)frame, sizeof(*frame)) && plausible(frame) ? frame : NULL;
}

struct trap_cause trap_frame_cause(const struct trap_frame *frame)
{
	return (struct trap_cause){ (unsigned int)frame->vector, frame->error, frame->address };
}

void trap_cause_format(char *buf, size_t size, const struct trap_cause *c)
{
	if (c->vector == VECTOR_PAGE_FAULT)
		scnprintf(buf, size, "page fault (vector %u, error code %lx, address 0x%lx)", c->vector, c->error,
			  c->address);
	else if (c->vector < NR_EXCEPTIONS)
		scnprintf(buf, size, "%s (vector %u, error code %lx)", exception_name(c->vector), c->vector, c->error);
	else
		scnprintf(buf, size, "interrupt (vector %u)", c->vector);
}

/* Names as in the Intel SDM, vol. 3, table 6-1. */
const char *exception_name(unsigned long vector)
{
	static const char *const names[] = {
		"divide error", "debug exception", "non-maskable interrupt", "breakpoint", "overflow",
		"BOUND range exceeded", "invalid opcode", "device not available", "double fault", "coprocessor overrun",
		"invalid TSS", "segment not present", "stack segment fault", "general protection fault", "page fault",
		"reserved exception 15", "x87 floating-point error", "alignment check", "machine check",
		"SIMD floating-point exception", "virtualization exception", "control protection exception",
	};

	return vector < ARRAY_SIZE(names) ? names[vector] : "reserved exception";
}

/* Most double faults are faults on the stack's guard page. Then CR2 is close to the stack pointer. */
static void __noreturn double_fault(struct trap_frame *frame)
{
	vaddr_t addr = read_cr2(), sp = trap_frame_sp(frame);

	panic_at(frame, addr, "double fault at %pS, stack pointer %lx, last page fault at %lx%s", (void *)frame->ip, sp,
		 addr, sp - addr + 4096 < 8192 ? ": kernel stack overflow?" : "");
}

static void __noreturn machine_check(struct trap_frame *frame)
{
	panic_at(frame, 0, "machine check at %pS: the hardware reports an error of its own", (void *)frame->ip);
}

static void exception(struct trap_frame *frame)
{
	switch (frame->vector) {
	case VECTOR_NMI:
		nmi_interrupt(frame);
		return;
	case VECTOR_PAGE_FAULT:
		page_fault(frame);
		return;
	case VECTOR_DEBUG:
		if (debug_exception(frame))
			return;
		break;
	case VECTOR_DOUBLE_FAULT:
		double_fault(frame);
	case VECTOR_MACHINE_CHECK:
		machine_check(frame); /* in the kernel and in ring 3 alike */
	case VECTOR_GENERAL:
	case VECTOR_STACK_SEGMENT:
		if (probe_fixup(frame, PROBE_OTHER))
			return;
	}
	if (trap_from_user(frame)) {
		this_cpu_add(trap_depth, -1);
		user_exception(frame);
	}
	panic_at(frame, 0, "%s (vector %lu, error code %lx) at %pS", exception_name(frame->vector), frame->vector,
		 frame->error, (void *)frame->ip);
}

static void timer_interrupt(struct trap_frame *frame)
{
	timer_account();
	if (timer_handler)
		timer_handler(frame);
}

static void ipi(unsigned int nr, struct trap_frame *frame)
{
	apic_eoi();
	ipi_trace_ack(nr);
	if (!WARN_ONCE(!ipi_handlers[nr], "IPI %u has no handler", nr))
		ipi_handlers[nr](frame);
}

static void interrupt(struct trap_frame *frame)
{
	unsigned int vector = frame->vector;

	if (!trap_from_user(frame))
		restart_sequence(frame);
	if (vector == VECTOR_SPURIOUS)
		return;
	if (vector >= VECTOR_IPI && vector < VECTOR_IPI + NR_IPIS) {
		ipi(vector - VECTOR_IPI, frame);
	} else if (vector >= VECTOR_PIC && vector < VECTOR_PIC + 16) {
		pic_eoi(vector - VECTOR_PIC);
		if (vector == VECTOR_PIC)
			timer_interrupt(frame);
	} else {
		apic_eoi();
		if (!WARN_ONCE(vector != VECTOR_TIMER, "interrupt on vector %u, which nobody uses", vector))
			timer_interrupt(frame);
	}
}

/*
 * May the thread be preempted here? Only after an interrupt (acknowledged by now) that struck a thread with interrupts
 * on. Never after an NMI, which counts as an exception: it has a stack of its own.
 */
static bool may_switch(const struct trap_frame *frame)
{
	return frame->vector >= NR_EXCEPTIONS && (frame->flags & FLAGS_IF) && this_cpu_read(trap_depth) == 0;
}

/* Is this an exception that no instruction of a program causes? */
static bool comes_from_outside(unsigned long vector)
{
	return vector == VECTOR_NMI || vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK;
}

/*
 * A program in virtual-8086 mode: nothing in its frame is trusted, and the program ends. If it caused the trap itself
 * (an exception or a system call), it ends here. Anything else is handled first. For that the frame is replaced by one
 * of ring 3 at an address that no program may execute, so that the program ends when it goes on.
 */
static void leave_v86(struct trap_frame *frame)
{
	vaddr_t ip = (frame->cs & 0xffff) * 16 + frame->ip;
	unsigned long vector = frame->vector;

	user_frame_init(frame, -PAGE_SIZE, 0);
	frame->vector = vector;
	if (vector == VECTOR_SYSCALL || (vector < NR_EXCEPTIONS && !comes_from_outside(vector)))
		user_left_protected_mode(ip);
}

void trap_dispatch(struct trap_frame *frame)
{
	user_access_end(); /* IRET restores the setting of the interrupted code */
	if (unlikely(trap_from_v86(frame)))
		leave_v86(frame);
	if (frame->vector < NR_EXCEPTIONS && !trap_from_user(frame))
		percpu_base_restore(); /* the exception may have struck next to a SWAPGS */
	if (frame->vector == VECTOR_SYSCALL && trap_from_user(frame)) {
		system_call(frame);
		return;
	}
	this_cpu_add(trap_depth, 1);
	if (frame->vector < NR_EXCEPTIONS)
		exception(frame);
	else
		interrupt(frame);
	this_cpu_add(trap_depth, -1);
	if (may_switch(frame))
		preempt_from_interrupt();
	if (trap_from_user(frame) && frame->vector != VECTOR_NMI)
		user_return();
}
