/* SPDX-License-Identifier: MIT */
/*
 * A PS/2 keyboard behind the i8042 controller, polled, US layout, scan code set 1 (the controller translates).
 * (IBM PS/2 Hardware Interface Technical Reference: keyboard and auxiliary device controller.)
 */
#include <arch/cpu.h>
#include <asm/console_driver.h>
#include <asm/io.h>

#define I8042_DATA   0x60
#define I8042_STATUS 0x64 /* write: command */

#define STATUS_OUTPUT_FULL 0x01
#define STATUS_INPUT_FULL  0x02
#define STATUS_FROM_MOUSE  0x20
#define STATUS_NOTHING	   0xff /* no controller; on some machines a missing one reads as 0, as an idle one does */

#define CMD_READ_CONFIG	    0x20
#define CMD_WRITE_CONFIG    0x60
#define CONFIG_INTERRUPTS   0x03
#define CONFIG_KEYBOARD_OFF 0x10
#define CONFIG_MOUSE_OFF    0x20
#define CONFIG_TRANSLATE    0x40

#define SCAN_EXTENDED 0xe0
#define SCAN_RELEASE  0x80
#define SCAN_CTRL     0x1d
#define SCAN_LSHIFT   0x2a
#define SCAN_RSHIFT   0x36
#define SCAN_CAPS     0x3a
#define SCAN_SLASH    0x35
#define SCAN_ENTER    0x1c
#define SCAN_UP	      0x48
#define SCAN_PAGE_UP  0x49
#define SCAN_DOWN     0x50
#define SCAN_PAGE_DOWN 0x51

#define POLLS	    20000 /* about 20 ms */
#define BUFFER_MOST 32	  /* bytes that a controller keeps */

/* By scan code; 0 = a key that makes no character. */
static const char plain_map[0x3a] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shift_map[0x3a] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static bool shift, ctrl, caps, extended;
static const char *rest = ""; /* the characters of a key's sequence that come next */

static bool wait_status(u8 bit, bool set)
{
	for (unsigned int i = 0; i < POLLS; i++) {
		if (!!(inb(I8042_STATUS) & bit) == set)
			return true;
		cpu_relax();
	}
	return false;
}

static char translate(u8 scan)
{
	char c = scan < sizeof(plain_map) ? (shift ? shift_map : plain_map)[scan] : 0;
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

	if (letter && ctrl)
		return c & 0x1f;
	return letter && caps ? c ^ 0x20 : c;
}

/*
 * Up, down and the page keys send what terminals send. The keys between them (left, right, end, and plus and minus of
 * the number block) send nothing: the shell has no use for them. The number block has the same keys.
 */
static char sequence(u8 key)
{
	rest = key == SCAN_UP ? "[A" : key == SCAN_DOWN ? "[B" :
	       key == SCAN_PAGE_UP ? "[5~" : key == SCAN_PAGE_DOWN ? "[6~" : "";
	return *rest ? '\033' : 0;
}

/* One scan code in; a character, or 0 if there is none (yet). */
static char decode(u8 scan)
{
	bool release = scan & SCAN_RELEASE, was_extended = extended;
	u8 key = scan & ~SCAN_RELEASE;

	extended = scan == SCAN_EXTENDED;
	if (extended)
		return 0;
	if (key == SCAN_CTRL)
		ctrl = !release;
	else if (key >= SCAN_UP && key <= SCAN_PAGE_DOWN)
		return release ? 0 : sequence(key);
	else if (was_extended && key != SCAN_SLASH && key != SCAN_ENTER)
		return 0; /* other extended keys, and the false shifts that the keyboard sends with them */
	else if (key == SCAN_LSHIFT || key == SCAN_RSHIFT)
		shift = !release;
	else if (key == SCAN_CAPS)
		caps ^= !release;
	return release ? 0 : translate(key);
}

static int keyboard_getc(void)
{
	u8 status;

	if (*rest)
		return (u8)*rest++;
	/* A broken controller may never be empty, so the number of reads is limited. */
	for (unsigned int i = 0; i < BUFFER_MOST; i++) {
		u8 scan;

		status = inb(I8042_STATUS);
		if (status == STATUS_NOTHING || !(status & STATUS_OUTPUT_FULL))
			break;
		scan = inb(I8042_DATA);
		char c = status & STATUS_FROM_MOUSE ? 0 : decode(scan);

		if (c)
			return (u8)c;
	}
	return -1;
}

/* Translation on, interrupts off, mouse off. False: the controller does not answer, so firmware's setting stays. */
static bool configure(void)
{
	u8 config;

	outb(CMD_READ_CONFIG, I8042_STATUS);
	if (!wait_status(STATUS_OUTPUT_FULL, true))
		return false;
	config = inb(I8042_DATA);
	config &= ~(CONFIG_INTERRUPTS | CONFIG_KEYBOARD_OFF);
	config |= CONFIG_MOUSE_OFF | CONFIG_TRANSLATE;
	outb(CMD_WRITE_CONFIG, I8042_STATUS);
	if (wait_status(STATUS_INPUT_FULL, false))
		outb(config, I8042_DATA);
	return true;
}

const struct console_driver *keyboard_probe(void)
{
	static const struct console_driver driver = { .name = "PS/2 keyboard", .getc = keyboard_getc };

	if (inb(I8042_STATUS) == STATUS_NOTHING || !wait_status(STATUS_INPUT_FULL, false))
		return NULL;
	for (unsigned int i = 0; i < BUFFER_MOST && (inb(I8042_STATUS) & STATUS_OUTPUT_FULL); i++)
		inb(I8042_DATA);
	return configure() || inb(I8042_STATUS) ? &driver : NULL;
}
