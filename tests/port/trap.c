/* SPDX-License-Identifier: MIT */
/* Interrupts: exceptions, each processor's timer, and the interrupt by which processors ask each other to flush. */
#include "kernel.h"

enum { READ, WRITE, CALL }; /* what probe() tries */
enum { TIMER = 32, FLUSH = 33, SPURIOUS = 255 };
enum {
	APIC_EOI = 0xb0,
	APIC_SPURIOUS = 0xf0,
	APIC_ICR = 0x300,
	APIC_TARGET = 0x310,
	APIC_TIMER = 0x320,
	APIC_COUNT = 0x380,
	APIC_DIVIDE = 0x3e0
};
#define PERIOD 200000 /* of QEMU's 1 GHz: 200 us */

struct frame {
	unsigned long ip, cs, flags;
};

struct gate {
	uint16_t low, selector, type, middle;
#ifdef __x86_64__
	uint32_t high, zero;
#endif
};

volatile unsigned int ticks, processors = 1;
static struct gate idt[256];
extern char probe_call_failed[];

static volatile uint32_t *apic(unsigned int at)
{
	return (volatile uint32_t *)(LAPIC + at);
}

static void die(const char *what, volatile struct frame *f, unsigned long addr)
{
	print("# %s at %lx, address %lx, CPU %u\n", what, f->ip, addr, this_thread()->cpu);
	panic(what);
}

__attribute__((interrupt)) static void page_fault(struct frame *frame, unsigned long error)
{
	volatile struct frame *f = frame;
	unsigned long addr;

	__asm__ volatile("mov %%cr2, %0" : "=r"(addr));
	if (!this_thread()->probing)
		die(error & 2 ? "page fault, writing" : "page fault, reading", f, addr);
	this_thread()->faulted = 1 + (error & 1);
	if (this_thread()->probing == 1 + CALL)
		f->ip = (unsigned long)probe_call_failed;
	else
		f->ip += 2;
}

__attribute__((interrupt)) static void exception(struct frame *frame)
{
	die("an exception", frame, 0);
}

__attribute__((interrupt)) static void exception_with_error(struct frame *frame, unsigned long error)
{
	die("an exception with an error code", frame, error);
}

__attribute__((interrupt)) static void timer(struct frame *frame __attribute__((unused)))
{
	if (!this_thread()->cpu)
		ticks++;
	*apic(APIC_EOI) = 0;
	if (kva_may_preempt())
		yield();
}

__attribute__((interrupt)) static void flush(struct frame *frame __attribute__((unused)))
{
	this_thread()->interrupts++;
	kva_flush_ipi();
	this_thread()->interrupts--;
	*apic(APIC_EOI) = 0;
}

__attribute__((interrupt)) static void spurious(struct frame *frame __attribute__((unused)))
{
}

static void set_gate(unsigned int vector, void *handler)
{
	unsigned long at = (unsigned long)handler;

	idt[vector] =
		(struct gate){ .low = (uint16_t)at, .selector = 8, .type = 0x8e00, .middle = (uint16_t)(at >> 16) };
#ifdef __x86_64__
	idt[vector].selector = 0x18;
	idt[vector].high = (uint32_t)(at >> 32);
#endif
}

/* On each processor. */
void traps_init(void)
{
	struct {
		uint16_t limit;
		void *table;
	} __attribute__((packed)) idtr = { sizeof(idt) - 1, idt };

	for (unsigned int i = 0; i < 32; i++)
		set_gate(i, 0x60227d00 >> i & 1 ? (void *)exception_with_error : (void *)exception);
	set_gate(14, page_fault);
	set_gate(TIMER, timer);
	set_gate(FLUSH, flush);
	set_gate(SPURIOUS, spurious);
	__asm__ volatile("lidt %0" : : "m"(idtr));
	outb(0x21, 0xff); /* the old interrupt controllers are silent */
	outb(0xa1, 0xff);
	write_msr(0x277, 0x0001040600070406); /* IA32_PAT: as after power-on, but slot 6 is write-combining */
	*apic(APIC_SPURIOUS) = 0x100 | SPURIOUS;
}

void timer_start(void)
{
	*apic(APIC_DIVIDE) = 0xb; /* by 1 */
	*apic(APIC_TIMER) = 0x20000 | TIMER;
	*apic(APIC_COUNT) = PERIOD;
	__asm__ volatile("sti");
}

static void send(unsigned int cpu, uint32_t what)
{
	bool on = interrupts_disable();

	*apic(APIC_TARGET) = cpu << 24; /* in QEMU, processor n has the APIC's number n */
	*apic(APIC_ICR) = what;
	while (*apic(APIC_ICR) & 0x1000)
		;
	interrupts_restore(on);
}

static void wait(unsigned int microseconds) /* at least */
{
	while (microseconds--)
		inb(0x80);
}

/* A processor that is off starts at the page `vector` in real mode. The second wake-up is for old ones. */
void send_start(unsigned int cpu, unsigned int vector)
{
	send(cpu, 0x4500);
	wait(10000);
	send(cpu, 0x4600 | vector);
	wait(200);
	send(cpu, 0x4600 | vector);
}

void send_flush(unsigned int cpu)
{
	send(cpu, 0x4000 | FLUSH);
}

/* CALL: the fault comes at the function, which was to return here. */
__asm__(".global probe_call, probe_call_failed\n"
	"probe_call: call *%" COUNTER "\n\tret\n"
	"probe_call_failed: pop %" COUNTER "\n\tret\n");

/* The attempt is one instruction of 2 bytes: it is left out if it faults. */
int probe(const volatile void *p, int what)
{
	struct thread *me = this_thread();
	char value = 0;

	if (what == WRITE && probe(p, READ))
		return me->faulted;
	me->faulted = 0;
	me->probing = 1 + what;
	if (what == CALL)
		__asm__ volatile("call probe_call" : "+c"(p) : : "memory", "cc");
	else if (what == WRITE)
		__asm__ volatile("movb %0, (%1)" : : "a"(*(const volatile char *)p), "c"(p) : "memory");
	else
		__asm__ volatile("movb (%1), %0" : "+a"(value) : "c"(p) : "memory");
	me->probing = 0;
	return me->faulted;
}
