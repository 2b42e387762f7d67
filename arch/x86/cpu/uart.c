/* SPDX-License-Identifier: MIT */
/*
 * COM1 as a 16550, polled. (National Semiconductor PC16550D data sheet; register numbers are offsets from the base.)
 *
 * The other end may be slow, or stopped for a while, and then losing text is worse than waiting. So a write waits for
 * seconds, once; after that the line counts as stalled, and bytes are dropped without waiting until it moves again.
 */
#include <arch/cpu.h>
#include <asm/console_driver.h>
#include <asm/io.h>

#define COM1 0x3f8

#define UART_DATA    (COM1 + 0) /* divisor, low byte, while LCR_DLAB */
#define UART_IER     (COM1 + 1) /* divisor, high byte, while LCR_DLAB */
#define UART_FCR     (COM1 + 2) /* write; read: IIR */
#define UART_IIR     (COM1 + 2)
#define UART_LCR     (COM1 + 3)
#define UART_MCR     (COM1 + 4)
#define UART_LSR     (COM1 + 5)
#define UART_SCRATCH (COM1 + 7)

#define FCR_ENABLE_CLEAR  0x07 /* FIFOs on, both emptied */
#define IIR_FIFO	  0xc0 /* both bits: the FIFOs work (16550A) */
#define LCR_8N1		  0x03
#define LCR_DLAB	  0x80
#define MCR_DTR_RTS_OUT2  0x0b
#define MCR_LOOPBACK	  0x1e
#define LSR_DATA_READY	  0x01
#define LSR_HOLDING_EMPTY 0x20
#define LSR_ALL_SENT	  0x40

#define FIFO_BYTES 16

/* Reads of LSR: about a microsecond each on hardware, a quarter of that in an emulator. */
#define POLLS_LOOPBACK 20000
#define POLLS_STALL    (8 << 20)

static unsigned int fifo_room = 1; /* bytes that may be written once the holding register is empty */
static bool stalled;

static bool wait_lsr(u8 bit, unsigned int polls)
{
	while (!(inb(UART_LSR) & bit)) {
		if (polls-- == 0)
			return false;
		cpu_relax();
	}
	return true;
}

static bool room_in_transmitter(void)
{
	stalled = !wait_lsr(LSR_HOLDING_EMPTY, stalled ? 0 : POLLS_STALL);
	return !stalled;
}

static void uart_putc(u8 c)
{
	static unsigned int room;

	if (room == 0 || room > fifo_room) /* more: two CPUs wrote in a panic */
		room = room_in_transmitter() ? fifo_room : 0;
	if (room == 0)
		return;
	outb(c, UART_DATA);
	room--;
}

static void uart_write(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			uart_putc('\r');
		uart_putc((u8)text[i]);
	}
}

static int uart_getc(void)
{
	return inb(UART_LSR) & LSR_DATA_READY ? inb(UART_DATA) : -1;
}

static void uart_drain(void)
{
	wait_lsr(LSR_ALL_SENT, stalled ? 0 : POLLS_STALL);
}

/* An empty bus answers 0xff everywhere: it keeps no scratch byte, and sends nothing back to itself. */
static bool uart_present(void)
{
	bool echoed;

	outb(0x5a, UART_SCRATCH);
	if (inb(UART_SCRATCH) != 0x5a)
		return false;
	outb(MCR_LOOPBACK, UART_MCR);
	outb(0xae, UART_DATA);
	echoed = wait_lsr(LSR_DATA_READY, POLLS_LOOPBACK) && inb(UART_DATA) == 0xae;
	outb(MCR_DTR_RTS_OUT2, UART_MCR);
	return echoed;
}

const struct console_driver *uart_probe(void)
{
	static const struct console_driver driver = {
		.name = "COM1", .write = uart_write, .getc = uart_getc, .drain = uart_drain,
	};

	outb(0, UART_IER);
	outb(LCR_DLAB, UART_LCR);
	outb(1, UART_DATA); /* divisor 1: 115200 */
	outb(0, UART_IER);
	outb(LCR_8N1, UART_LCR);
	outb(FCR_ENABLE_CLEAR, UART_FCR);
	if (!uart_present())
		return NULL;
	outb(FCR_ENABLE_CLEAR, UART_FCR); /* what the loopback left */
	if ((inb(UART_IIR) & IIR_FIFO) == IIR_FIFO)
		fifo_room = FIFO_BYTES;
	return &driver;
}
