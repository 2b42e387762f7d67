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

static void put_number(unsigned long long n, unsigned int base)
{
	char text[24], *p = text + sizeof(text) - 1;

	*p = 0;
	do
		*--p = "0123456789abcdef"[n % base];
	while (n /= base);
	put(p);
}

void print(const char *format, ...)
{
	bool on = spin_lock(&lock);
	va_list args;

	va_start(args, format);
	for (char c[2] = ""; (c[0] = *format); format++) {
		unsigned int longs = 0;

		if (c[0] != '%') {
			put(c);
			continue;
		}
		while (*++format == 'l')
			longs++;
		if (*format == 's')
			put(va_arg(args, const char *));
		else
			put_number(longs == 2   ? va_arg(args, unsigned long long)
				   : longs == 1 ? va_arg(args, unsigned long)
						: va_arg(args, unsigned int),
				   *format == 'x' ? 16 : 10);
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

void panic(const char *text)
{
	interrupts_disable();
	put("\npanic: ");
	put(text);
	put("\n");
	power_off(2);
}
