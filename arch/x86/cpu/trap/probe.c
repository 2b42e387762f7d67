/* SPDX-License-Identifier: MIT */
/*
 * Accesses that are expected to fault.
 *
 * The instruction that may fault has an entry in the exception table: "a fault here continues there". With probe_exec()
 * the fault is not in the kernel's code but at the callee's first byte. Two things identify it: the return address on
 * top of the stack, which only probe_call() pushes, and rbx, which probe_call() sets to the address that it calls.
 */
#include <arch/context.h>
#include <asm/extable.h>
#include <asm/smap.h>
#include <asm/trap.h>

struct exception_entry {
	vaddr_t insn, fixup;
};
extern const struct exception_entry __ex_table_start[], __ex_table_end[];

extern char probe_call_return[], probe_call_faulted[]; /* context_{32,64}.S */
unsigned int probe_call(void *addr);

vaddr_t exception_fixup(vaddr_t insn)
{
	for (const struct exception_entry *e = __ex_table_start; e < __ex_table_end; e++)
		if (e->insn == insn)
			return e->fixup;
	return 0;
}

static bool called_by_probe(const struct trap_frame *frame)
{
	return frame->ip == frame->bx && *(vaddr_t *)trap_frame_sp(frame) == (vaddr_t)probe_call_return;
}

bool probe_fixup(struct trap_frame *frame, unsigned int result)
{
	vaddr_t fixup;

	if (trap_from_user(frame))
		return false;
	fixup = exception_fixup(frame->ip);
	if (!fixup && called_by_probe(frame))
		fixup = (vaddr_t)probe_call_faulted;
	if (!fixup)
		return false;
	frame->ip = fixup;
	frame->ax = result;
	return true;
}

enum probe_result probe_read(const void *addr, u8 *value)
{
	u32 result = PROBE_OK;
	u8 byte = 0;

	user_access_begin();
	__asm__ volatile("1:\tmovb (%[addr]), %[byte]\n"
			 "2:\n\t" EXCEPTION_ENTRY(1b, 2b)
			 : "+a"(result), [byte] "+q"(byte)
			 : [addr] "r"(addr), [word] "i"(sizeof(vaddr_t)) : "memory");
	user_access_end();
	if (value && result == PROBE_OK)
		*value = byte;
	return result;
}

/* OR with 0 counts as a write and changes nothing. It is locked, so that no other CPU's store is lost. */
enum probe_result probe_write(void *addr)
{
	u32 result = PROBE_OK;

	user_access_begin();
	__asm__ volatile("1:\tlock orb $0, (%[addr])\n"
			 "2:\n\t" EXCEPTION_ENTRY(1b, 2b)
			 : "+a"(result) : [addr] "r"(addr), [word] "i"(sizeof(vaddr_t)) : "memory", "cc");
	user_access_end();
	return result;
}

enum probe_result probe_exec(void *addr)
{
	return probe_call(addr);
}
