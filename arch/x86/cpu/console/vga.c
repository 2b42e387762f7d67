/* SPDX-License-Identifier: MIT */
/* VGA text mode: two bytes a cell, character and colour. The cursor is the CRT controller's. */
#include <arch/init.h>
#include <arch/layout.h>
#include <asm/io.h>
#include <asm/screen.h>
#include <kernel/printk.h>

#define CRTC_INDEX 0x3d4
#define CRTC_DATA  0x3d5

#define CRTC_CURSOR_START 0x0a
#define CRTC_CURSOR_END	  0x0b
#define CRTC_CURSOR_HIGH  0x0e
#define CRTC_CURSOR_LOW	  0x0f

#define LIGHT_GREY_ON_BLACK 0x0700

static struct screen_device vga_device;
static volatile u16 *text;
static unsigned int cells_per_row;

static void crtc_write(u8 index, u8 value)
{
	outb(index, CRTC_INDEX);
	outb(value, CRTC_DATA);
}

static void vga_draw(unsigned int col, unsigned int row, u8 ch)
{
	text[row * cells_per_row + col] = LIGHT_GREY_ON_BLACK | ch;
}

static void vga_cursor(unsigned int col, unsigned int row, u8 ch)
{
	unsigned int cell = row * cells_per_row + col;

	(void)ch; /* the cursor blinks over the character */
	crtc_write(CRTC_CURSOR_HIGH, (u8)(cell >> 8));
	crtc_write(CRTC_CURSOR_LOW, (u8)cell);
}

const struct screen_device *vga_probe(const struct boot_framebuffer *fb)
{
	cells_per_row = fb->pitch / 2;
	if (fb->width == 0 || fb->width > SCREEN_MAX_COLS || fb->height == 0 || fb->height > SCREEN_MAX_ROWS ||
	    cells_per_row < fb->width || cells_per_row > SCREEN_MAX_COLS || fb->phys > 0xfffff) {
		pr_warn("screen: the loader's text mode makes no sense, not used\n");
		return NULL;
	}
	text = arch_device_mapper->map((phys_addr_t)fb->phys, fb->pitch * fb->height, MEMTYPE_UC_MINUS);
	if (!text) {
		pr_warn("screen: VGA text memory cannot be mapped, not used\n");
		return NULL;
	}
	vga_device = (struct screen_device){ "VGA text", fb->width, fb->height, vga_draw, vga_cursor, NULL, 0, 0 };
	for (unsigned int row = 0; row < fb->height; row++)
		for (unsigned int col = 0; col < fb->width; col++)
			vga_draw(col, row, ' ');
	crtc_write(CRTC_CURSOR_START, 13); /* scan lines 13 and 14; bit 5 clear: visible */
	crtc_write(CRTC_CURSOR_END, 14);
	printk("screen: VGA text, %ux%u\n", fb->width, fb->height);
	return &vga_device;
}
