/* SPDX-License-Identifier: MIT */
/*
 * A text screen in two halves: screen.c keeps the characters and knows about lines, wrapping and scrolling; a screen
 * device only draws: one character cell, the cursor, or a square of pixels. So no device reads its memory back, and
 * scrolling redraws only the cells that change.
 */
#pragma once

#include <kernel/boot_info.h>

struct screen_device {
	char name[32]; /* for people */
	unsigned int cols, rows; /* text uses at most SCREEN_MAX_COLS and SCREEN_MAX_ROWS of them */
	void (*draw)(unsigned int col, unsigned int row, u8 ch);   /* ch: ' ' to '~' */
	void (*cursor)(unsigned int col, unsigned int row, u8 ch); /* show the cursor on this cell, which holds ch */
	/* fill a square of pixels; NULL: the device has no pixels */
	void (*fill)(unsigned int x, unsigned int y, unsigned int side, bool light);
	unsigned int width, height; /* in pixels, if there is fill */
};

#define SCREEN_MAX_COLS 256
#define SCREEN_MAX_ROWS 128

/* Map and clear the screen. NULL: not usable; the reason has been printed, unless it is too small for a character. */
const struct screen_device *vga_probe(const struct boot_framebuffer *fb);
const struct screen_device *framebuffer_probe(const struct boot_info *boot);

/* A console font: glyph of character c = height lines of bytes_per_line bytes, leftmost pixel in bit 7. */
struct console_font {
	unsigned int width, height, bytes_per_line;
	const u8 *glyphs; /* at least FONT_GLYPHS of them */
};
#define FONT_MAX_WIDTH	32
#define FONT_MAX_HEIGHT 64
#define FONT_GLYPHS	128 /* only ASCII characters are used */

/*
 * Look at `size` bytes of a PSF1 or PSF2 file. False: no font, one that is too large for us, or one of which not all
 * FONT_GLYPHS glyphs are there; *font may have been written all the same. Pure.
 */
bool font_parse(const u8 *file, size_t size, struct console_font *font);

/* The first loader module that is a font; its pages stay mapped. False: there is none. */
bool font_find(const struct boot_info *boot, struct console_font *font);
