/* SPDX-License-Identifier: MIT */
/*
 * A 16550, polled. (National Semiconductor PC16550D data sheet.) Its registers are I/O ports or in memory; serial.c
 * says where. One UART is driven, the console.
 *
 * The other end may be slow, or stopped for a while, and then losing text is worse than waiting. So a write waits for
 * seconds, once. After that the line counts as stalled, and bytes are dropped without waiting, until one can be sent.
 */
#include <arch/cpu.h>
#include <asm/console_driver.h>
#include <asm/io.h>

#define UART_DATA    0 /* divisor, low byte, while LCR_DLAB */
#define UART_IER     1 /* divisor, high byte, while LCR_DLAB */
#define UART_FCR     2 /* write; read: IIR */
#define UART_IIR     2
#define UART_LCR     3
#define UART_MCR     4
#define UART_LSR     5
#define UART_SCRATCH 7

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

struct uart {
	u16 port;
	volatile u8 *memory; /* not NULL: registers in memory, `stride` bytes apart; 4: accessed as 32-bit words */
	unsigned int stride;
	unsigned int fifo_room; /* bytes that may be written once the holding register is empty */
	bool stalled;
};
static struct uart uart;

static u8 get(unsigned int reg)
{
	if (!uart.memory)
		return inb((u16)(uart.port + reg));
	if (uart.stride == 4)
		return (u8)readl(uart.memory + reg * 4);
	return readb(uart.memory + reg * uart.stride);
}

static void put(u8 value, unsigned int reg)
{
	if (!uart.memory)
		outb(value, (u16)(uart.port + reg));
	else if (uart.stride == 4)
		writel(value, uart.memory + reg * 4);
	else
		writeb(value, uart.memory + reg * uart.stride);
}

static bool wait_lsr(u8 bit, unsigned int polls)
{
	while (!(get(UART_LSR) & bit)) {
		if (polls-- == 0)
			return false;
		cpu_relax();
	}
	return true;
}

static bool room_in_transmitter(void)
{
	uart.stalled = !wait_lsr(LSR_HOLDING_EMPTY, uart.stalled ? 0 : POLLS_STALL);
	return !uart.stalled;
}

static void uart_putc(u8 c)
{
	static unsigned int room;

	if (room == 0 || room > uart.fifo_room) /* greater: two CPUs wrote in a panic */
		room = room_in_transmitter() ? uart.fifo_room : 0;
	if (room == 0)
		return;
	put(c, UART_DATA);
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
	return get(UART_LSR) & LSR_DATA_READY ? get(UART_DATA) : -1;
}

static void uart_drain(void)
{
	wait_lsr(LSR_ALL_SENT, uart.stalled ? 0 : POLLS_STALL);
}

/* Without a UART all reads give 0xff: the scratch byte is not kept, and a byte in loopback mode does not return. */
static bool uart_present(void)
{
	bool echoed;

	put(0x5a, UART_SCRATCH);
	if (get(UART_SCRATCH) != 0x5a)
		return false;
	put(MCR_LOOPBACK, UART_MCR);
	put(0xae, UART_DATA);
	echoed = wait_lsr(LSR_DATA_READY, POLLS_LOOPBACK) && get(UART_DATA) == 0xae;
	put(MCR_DTR_RTS_OUT2, UART_MCR);
	return echoed;
}

/* baud 0: the speed stays. */
static void set_line(unsigned int baud)
{
	unsigned int divisor = baud ? SERIAL_MAX_BAUD / baud : 0;

	put(0, UART_IER);
	if (divisor) {
		put(LCR_DLAB, UART_LCR);
		put((u8)divisor, UART_DATA);
		put((u8)(divisor >> 8), UART_IER);
	}
	put(LCR_8N1, UART_LCR);
	put(FCR_ENABLE_CLEAR, UART_FCR);
}

unsigned int uart_speed(void)
{
	unsigned int divisor;

	put(LCR_DLAB | LCR_8N1, UART_LCR);
	divisor = get(UART_DATA) | (unsigned int)get(UART_IER) << 8;
	put(LCR_8N1, UART_LCR);
	return divisor ? SERIAL_MAX_BAUD / divisor : 0;
}

const struct console_driver *uart_probe(const struct serial_place *place, void *memory)
{
	static const struct console_driver driver = {
		.name = "serial",
		.describe = serial_describe,
		.write = uart_write,
		.getc = uart_getc,
		.drain = uart_drain,
	};
	struct uart before = uart;

	uart = (struct uart){ .port = (u16)place->address, .memory = memory, .stride = place->stride, .fifo_room = 1 };
	set_line(place->baud);
	if (!uart_present()) {
		uart = before;
		return NULL;
	}
	put(FCR_ENABLE_CLEAR, UART_FCR); /* drop what the loopback test left */
	if ((get(UART_IIR) & IIR_FIFO) == IIR_FIFO)
		uart.fifo_room = FIFO_BYTES;
	return &driver;
}
