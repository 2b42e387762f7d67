/* SPDX-License-Identifier: MIT */
/*
 * A small kernel that takes kva the way a stranger's kernel would. It has no header of Kvasir's but kva.h and
 * kva_host.h. It runs threads on up to two processors, and preempts them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kva.h"

#define PAGE      4096ul
#define STACK     16384ul /* of a thread; its struct thread is at the lower end */
#define MAX_ORDER 10
#define EXECUTABLE (8ul << 20) /* with PAE, bytes of the direct map that have no NX (boot32.S) */

/* --- the address space -------------------------------------------------------------------------------------------- */

#ifdef __x86_64__
#define STACK_POINTER "rsp"
#define COUNTER       "rcx"
#define DIRECT        0xffff800000000000ul
#define DIRECT_SIZE   (1ul << 30)
#define IMAGE         0xffffffff80000000ul
#define LAPIC         0xffffffffffe00000ul
#define ARENA         0xffffc00000000000ul
#define ARENA_END     0xffffc20000000000ul /* four entries of the top table */
#define TOP_ENTRY     (1ul << 39)
#else
#define STACK_POINTER "esp"
#define COUNTER       "ecx"
#define DIRECT        0xc0000000ul
#define DIRECT_SIZE   (256ul << 20)
#define IMAGE         DIRECT
#define LAPIC         0xffe00000ul
#define ARENA         0xd0000000ul
#define ARENA_END     0xff800000ul
#define TOP_ENTRY     (1ul << 21) /* of the kernel's directory, which each address space has */
#endif

static inline void *direct(unsigned long long phys)
{
	return (void *)(DIRECT + (unsigned long)phys);
}

static inline unsigned long long phys_of(const void *p) /* of the direct map */
{
	return (unsigned long)p - DIRECT;
}

/* --- the processor ------------------------------------------------------------------------------------------------ */

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline bool interrupts_on(void)
{
	unsigned long flags;

	__asm__ volatile("pushf\n\tpop %0" : "=r"(flags) : : "memory");
	return flags & 0x200;
}

static inline bool interrupts_disable(void) /* returns whether they were on */
{
	bool on = interrupts_on();

	__asm__ volatile("cli" : : : "memory");
	return on;
}

static inline void interrupts_restore(bool on)
{
	if (on)
		__asm__ volatile("sti" : : : "memory");
}

static inline unsigned long read_cr3(void)
{
	unsigned long value;

	__asm__ volatile("mov %%cr3, %0" : "=r"(value) : : "memory");
	return value;
}

static inline void write_cr3(unsigned long value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* trap.c */
extern volatile unsigned int ticks;      /* of the boot processor's timer */
extern volatile unsigned int processors; /* that run */
void traps_init(void);
void timer_start(void);
void send_start(unsigned int cpu, unsigned int vector);
void send_flush(unsigned int cpu);
int probe(const volatile void *p, int what); /* read 0, write 1, call 2; 0, or why it faults: absent 1, forbidden 2 */
static inline bool can_read(const volatile void *p)
{
	return !probe(p, 0);
}
static inline bool can_write(volatile void *p)
{
	return !probe(p, 1);
}

/* --- threads (thread.c) ------------------------------------------------------------------------------------------- */

struct thread {
	struct kva_thread kva; /* kva's words: zero for a new thread */
	void *sp;
	enum { READY, RUNNING, DONE } state;
	unsigned int cpu;        /* where it runs */
	unsigned int only;       /* it runs there and nowhere else: the number + 1; 0: anywhere */
	unsigned int interrupts; /* handlers that have interrupted it */
	unsigned long root;      /* CR3 */
	void (*main)(unsigned long arg);
	unsigned long arg;
	int probing, faulted; /* see probe() */
};

static inline struct thread *this_thread(void)
{
	unsigned long sp;

	__asm__ volatile("mov %%" STACK_POINTER ", %0" : "=r"(sp));
	return (struct thread *)(sp & ~(STACK - 1));
}

void thread_adopt(unsigned int cpu);
struct thread *thread_start(void (*main)(unsigned long arg), unsigned long arg);
struct thread *thread_start_on(unsigned int cpu, void (*main)(unsigned long arg), unsigned long arg);
void thread_join(struct thread *thread);
void yield(void);
void use_root(unsigned long root); /* the running thread's address space */

struct spinlock {
	volatile int taken;
};
bool spin_lock(struct spinlock *lock); /* turns interrupts off; the result goes to spin_unlock() */
void spin_unlock(struct spinlock *lock, bool interrupts);

/* Waiters let other threads run. */
struct mutex {
	volatile int taken;
};
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* --- memory (memory.c) -------------------------------------------------------------------------------------------- */

extern long pages_used, objects_used, heap_pages;
void pages_init(unsigned long long start, unsigned long long end);
void *pages_alloc(unsigned int order); /* in the direct map; NULL: there are none */
void pages_free(void *pages, unsigned int order);
void *object_alloc(size_t size);
void object_free(void *object, size_t size);
void *memset(void *to, int byte, size_t n);
void *memcpy(void *to, const void *from, size_t n);

/* --- messages (console.c) ----------------------------------------------------------------------------------------- */

void console_init(void);
void print(const char *format, ...) __attribute__((format(printf, 1, 2))); /* knows %s, %u, %lx */
void panic(const char *text) __attribute__((noreturn));
void power_off(int code) __attribute__((noreturn));

/* --- the start (main.c), tests (test.c) --------------------------------------------------------------------------- */

extern uint64_t boot_top[], boot_directory[]; /* boot64.S, boot32.S: page tables; the second one only with PAE */
bool option(const char *name);                /* is the word on the command line? */
unsigned int random(void);
void tests(void);
