/* SPDX-License-Identifier: MIT */
/* Messages go to the first serial port. The last words too. */
#include "kernel.h"

#include <stdarg.h>

#define COM1 0x3f8
#define EXIT 0xf4 /* QEMU's isa-debug-exit */

static struct spinlock lock;

void console_init(void)
{
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x80);
	outb(COM1, 1); /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3);
}

static void put(const char *s)
{
	for (; *s; s++) {
		while (!(inb(COM1 + 5) & 0x20))
			;
		outb(COM1, (uint8_t)*s);
	}
}

static void put_hex(unsigned long long n)
{
	char c[2] = "";

	if (n >> 4)
		put_hex(n >> 4);
	c[0] = "0123456789abcdef"[n & 15];
	put(c);
}

static void put_unsigned(unsigned int n)
{
	char c[2] = "";

	if (n >= 10)
		put_unsigned(n / 10);
	c[0] = (char)('0' + n % 10);
	put(c);
}

void print(const char *format, ...)
{
	bool on = spin_lock(&lock);
	va_list args;

	va_start(args, format);
	for (char c[2] = ""; (c[0] = *format); format++) {
		if (c[0] != '%')
			put(c);
		else if (*++format == 's')
			put(va_arg(args, const char *));
		else if (*format == 'u')
			put_unsigned(va_arg(args, unsigned int));
		else if (*format == 'l' && format++)
			put_hex(va_arg(args, unsigned long));
	}
	va_end(args);
	spin_unlock(&lock, on);
}

void power_off(int code)
{
	outb(EXIT, (uint8_t)code);
	for (;;)
		__asm__ volatile("cli\n\thlt");
}

/*
 * The first processor that panics has the last word. Whoever holds the lock may be gone, so it is waited for only a
 * while.
 */
void panic(const char *text)
{
	static volatile int panicking;

	interrupts_disable();
	while (__atomic_exchange_n(&panicking, 1, __ATOMIC_ACQUIRE))
		__asm__ volatile("hlt");
	for (unsigned int i = 0; i < 1000000 && __atomic_exchange_n(&lock.taken, 1, __ATOMIC_ACQUIRE); i++)
		__asm__ volatile("pause");
	put("\npanic: ");
	put(text);
	put("\n");
	power_off(2);
}
