/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU access: on each CPU one segment register leads to its own per-CPU area (GS on x86_64, FS on i386).
 *
 * The base of that segment is the CPU's *offset*, the distance from the template in the image to the CPU's copy. So
 * "segment:&variable" is the CPU's own instance of the variable, and a base of 0 (as boot/ sets it) means
 * the template itself.
 */
#pragma once

#include <lib/types.h>
#include <asm/machine.h> /* PERCPU_SEGMENT */

extern vaddr_t this_cpu_off;	/* per-CPU, kernel/core/percpu.c: this CPU's offset */
extern unsigned int cpu_number; /* per-CPU, arch/x86/cpu/core/this_cpu.c: this CPU's id */

/*
 * One word of this CPU in one instruction, so the thread cannot move to another CPU in between. The register gives the
 * instruction its size.
 */
#define this_cpu_read(name) ({ \
	_Static_assert(sizeof(name) <= sizeof(long), "this_cpu_read: wider than a word"); \
	__typeof__(name) _word; \
	__asm__ volatile("mov %%" PERCPU_SEGMENT ":%1, %0" : "=q"(_word) : "m"(name)); \
	_word; })

#define this_cpu_write(name, value) do { \
	_Static_assert(sizeof(name) <= sizeof(long), "this_cpu_write: wider than a word"); \
	__asm__ volatile("mov %1, %%" PERCPU_SEGMENT ":%0" : "=m"(name) : "q"((__typeof__(name))(value))); \
} while (0)

/* A variable of 4 bytes or, on 64-bit, 8. The suffix gives the size, since a constant has none. */
#define percpu_add(suffix, name, n) \
	__asm__ volatile("add" suffix " %1, %%" PERCPU_SEGMENT ":%0" : "+m"(name) : "er"((__typeof__(name))(n)) : "cc")
#define this_cpu_add(name, n) do { \
	_Static_assert(sizeof(name) == 4 || sizeof(name) == sizeof(long), "this_cpu_add: neither 4 bytes nor a word"); \
	if (sizeof(name) == 4) \
		percpu_add("l", name, n); \
	else \
		percpu_add("q", name, n); \
} while (0)

/* Subtract 1 from an unsigned int. True: it is 0 now. */
#define this_cpu_dec_and_test(name) ({ \
	_Static_assert(sizeof(name) == 4, "this_cpu_dec_and_test: no int"); \
	bool _zero; \
	__asm__ volatile("subl $1, %%" PERCPU_SEGMENT ":%0" : "+m"(name), "=@ccz"(_zero)); \
	_zero; })

/* Is the bool true? The answer is in the flags, so a branch needs no register. */
#define this_cpu_test(name) ({ \
	_Static_assert(sizeof(name) == 1, "this_cpu_test: no bool"); \
	bool _set; \
	__asm__ volatile("cmpb $0, %%" PERCPU_SEGMENT ":%1" : "=@ccnz"(_set) : "m"(name)); \
	_set; })

static inline vaddr_t this_cpu_offset(void)
{
	return this_cpu_read(this_cpu_off);
}

static inline unsigned int smp_processor_id(void)
{
	return this_cpu_read(cpu_number);
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/* STI takes effect after the next instruction, so no interrupt comes between the two and is missed. */
static inline void arch_cpu_idle(void)
{
	__asm__ volatile("sti\n\thlt" : : : "memory");
}
