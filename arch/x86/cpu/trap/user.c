/* SPDX-License-Identifier: MIT */
/* Ring 3 from the kernel's side: entering it, and passing a program's system calls and exceptions to their handlers. */
#include <arch/user.h>

#include <arch/irq.h>
#include <arch/layout.h>
#include <asm/pti.h>
#include <asm/trap.h>
#include <kernel/bug.h>
#include <lib/errno.h>
#include <lib/format.h>

static void (*syscall_handler)(struct trap_frame *frame) __ro_after_init;
static void (*return_handler)(void) __ro_after_init;
static void __noreturn (*user_trap_handler)(enum user_trap trap, vaddr_t ip, const char *what)
	__ro_after_init;

/* trap_entry_{32,64}.S, trap_entry_pti_64.S: without page-table isolation, and with it. */
void __noreturn trap_return(const struct trap_frame *frame), entry_return(const struct trap_frame *frame);

void arch_set_syscall_handler(void (*fn)(struct trap_frame *frame))
{
	syscall_handler = fn;
}

void arch_set_user_return_handler(void (*fn)(void))
{
	return_handler = fn;
}

void user_return(void)
{
	if (return_handler)
		return_handler();
}

void arch_set_user_trap_handler(void __noreturn (*fn)(enum user_trap trap, vaddr_t ip, const char *what))
{
	user_trap_handler = fn;
}

void user_frame_init(struct trap_frame *frame, vaddr_t ip, vaddr_t sp)
{
	*frame = (struct trap_frame){ .ip = ip, .cs = SEL_USER_CODE | 3, .flags = FLAGS_FIXED | FLAGS_IF, .sp = sp,
				      .ss = SEL_USER_DATA | 3 };
	user_frame_segments(frame);
}

/* trap_return() makes the frame the stack, and an NMI may push onto it. So the frame is copied to the stack in use. */
void arch_enter_user(const struct trap_frame *frame)
{
	struct trap_frame copy = *frame;

	BUG_ON(!trap_from_user(&copy) || in_interrupt());
	local_irq_disable();
	(pti_on ? entry_return : trap_return)(&copy);
}

void system_call(struct trap_frame *frame)
{
	local_irq_enable();
	syscall_handler(frame);
	local_irq_disable();
	user_return();
}

static enum user_trap kind_of(unsigned long vector)
{
	switch (vector) {
	case VECTOR_DIVIDE:
	case VECTOR_OVERFLOW:
	case VECTOR_BOUND:
		return USER_TRAP_ARITHMETIC;
	case VECTOR_DEBUG:
	case VECTOR_BREAKPOINT:
		return USER_TRAP_DEBUG;
	case VECTOR_INVALID_OPCODE:
	case VECTOR_NO_FPU:
		return USER_TRAP_INSTRUCTION;
	default:
		return USER_TRAP_MEMORY;
	}
}

void user_exception(const struct trap_frame *frame)
{
	local_irq_enable();
	user_trap_handler(kind_of(frame->vector), frame->ip, exception_name(frame->vector));
}

void user_left_protected_mode(vaddr_t ip)
{
	local_irq_enable();
	user_trap_handler(USER_TRAP_INSTRUCTION, ip, "virtual-8086 mode");
}

static const char *fault_reason(vaddr_t addr, int err)
{
	if (addr >= layout.user_end)
		return "the kernel's";
	switch (err) {
	case -ENOMEM:
		return "no page is left for it";
	case -EACCES:
		return "not allowed";
	case -EPERM:
		return "the CPU did it with the kernel's rights";
	case -EIO:
		return "allowed, but refused again and again";
	default:
		return "nothing is there";
	}
}

void user_page_fault(const struct trap_frame *frame, vaddr_t addr, int err)
{
	char what[96];

	local_irq_enable();
	snprintf(what, sizeof(what), "%s of %lx: %s", page_fault_kind(frame, addr), addr, fault_reason(addr, err));
	user_trap_handler(err == -ENOMEM ? USER_TRAP_NO_MEMORY : USER_TRAP_MEMORY, frame->ip, what);
}
