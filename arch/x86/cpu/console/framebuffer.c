/* SPDX-License-Identifier: MIT */
/*
 * Characters on a linear framebuffer of 8 to 32 bits a pixel. Colours have up to 16 bits each, in any order, or are
 * numbers in a palette. A glyph's line is made in a small buffer and copied in whole words: the framebuffer is
 * write-combining at best, so few stores are fast.
 */
#include <arch/init.h>
#include <arch/layout.h>
#include <asm/screen.h>
#include <kernel/printk.h>
#include <lib/format.h>

#define GREY 0xaa

static struct screen_device fb_device;
static struct console_font font;
static u8 *pixels;
static u32 pitch;
static unsigned int pixel_bytes;
static u32 ink, paper, white;

/* Paint one glyph line: bit 31 of `bits` is the leftmost pixel. */
static void draw_line(u8 *to, u32 bits)
{
	/* One word more than a line: the last pixel is stored as 4 bytes too. */
	unsigned long line[FONT_MAX_WIDTH * 4 / sizeof(long) + 1];
	size_t bytes = font.width * pixel_bytes, whole = bytes / sizeof(long), i;
	u8 *p = (u8 *)line;

	for (i = 0; i < font.width; i++, bits <<= 1, p += pixel_bytes) {
		u32 colour = bits & 0x80000000 ? ink : paper;

		__builtin_memcpy(p, &colour, sizeof(colour));
	}
	for (i = 0; i < whole; i++)
		((volatile unsigned long *)to)[i] = line[i];
	for (i = whole * sizeof(long); i < bytes; i++)
		((volatile u8 *)to)[i] = ((u8 *)line)[i];
}

static u32 glyph_bits(u8 ch, unsigned int y)
{
	const u8 *byte = font.glyphs + (ch * font.height + y) * font.bytes_per_line;
	u32 bits = 0;

	for (unsigned int i = 0; i < font.bytes_per_line; i++)
		bits |= (u32)byte[i] << (24 - 8 * i);
	return bits;
}

/* The lowest `under` lines of the cell are painted solid. */
static void draw_cell(unsigned int col, unsigned int row, u8 ch, unsigned int under)
{
	u8 *to = pixels + (size_t)row * font.height * pitch + col * font.width * pixel_bytes;

	for (unsigned int y = 0; y < font.height; y++, to += pitch)
		draw_line(to, y + under >= font.height ? ~0U : glyph_bits(ch, y));
}

static void framebuffer_draw(unsigned int col, unsigned int row, u8 ch)
{
	draw_cell(col, row, ch, 0);
}

static void framebuffer_cursor(unsigned int col, unsigned int row, u8 ch)
{
	draw_cell(col, row, ch, font.height / 8);
}

static void framebuffer_fill(unsigned int x, unsigned int y, unsigned int side, bool light)
{
	u32 colour = light ? white : paper;

	for (unsigned int row = 0; row < side; row++) {
		volatile u8 *to = pixels + (size_t)(y + row) * pitch + x * pixel_bytes;

		for (unsigned int i = 0; i < side; i++)
			for (unsigned int byte = 0; byte < pixel_bytes; byte++)
				*to++ = (u8)(colour >> 8 * byte);
	}
}

/* Scales an 8-bit level to a colour component of `size` bits, at its place in the pixel. */
static u32 component(u8 level, u8 pos, u8 size)
{
	if (size == 0 || size > 16 || pos + size > 32)
		return 0;
	return ((u32)level * 0x101) >> (16 - size) << pos;
}

static u32 grey(const struct boot_framebuffer *fb, u8 level)
{
	return component(level, fb->red_pos, fb->red_size) | component(level, fb->green_pos, fb->green_size) |
	       component(level, fb->blue_pos, fb->blue_size);
}

static void choose_colours(const struct boot_framebuffer *fb)
{
	paper = 0;
	ink = grey(fb, GREY);
	white = grey(fb, 0xff);
	if (fb->kind == BOOT_FB_INDEXED) {
		paper = fb->darkest;
		ink = white = fb->lightest;
	}
}

static bool geometry_is_sane(const struct boot_framebuffer *fb)
{
	unsigned int bytes = (fb->bpp + 7U) / 8;

	return fb->bpp >= 8 && fb->bpp <= 32 && fb->width <= 0x4000 &&
	       fb->height <= 0x4000 && fb->pitch <= 0x10000 && fb->pitch >= fb->width * bytes &&
	       fb->phys < arch_phys_limit() && fb->phys + (u64)fb->pitch * fb->height <= arch_phys_limit();
}

static void clear(u32 height)
{
	volatile unsigned long *word = (volatile unsigned long *)pixels;

	for (size_t i = 0; i < (size_t)pitch * height / sizeof(long); i++)
		word[i] = paper * (~0UL / 0xff); /* with a palette, a pixel is a byte; otherwise paper is 0 */
}

const struct screen_device *framebuffer_probe(const struct boot_info *boot)
{
	const struct boot_framebuffer *fb = &boot->fb;

	if (!geometry_is_sane(fb)) {
		pr_warn("screen: framebuffer %ux%ux%u at %#llx cannot be used\n", fb->width, fb->height, fb->bpp,
			fb->phys);
		return NULL;
	}
	if (!font_find(boot, &font)) {
		pr_warn("screen: no console font among the modules, so no text on the framebuffer\n");
		return NULL;
	}
	fb_device = (struct screen_device){
		"", fb->width / font.width, fb->height / font.height, framebuffer_draw, framebuffer_cursor,
		framebuffer_fill, fb->width, fb->height };
	scnprintf(fb_device.name, sizeof(fb_device.name), "framebuffer %ux%ux%u", fb->width, fb->height, fb->bpp);
	if (fb_device.cols == 0 || fb_device.rows == 0)
		return NULL;
	pixels = arch_device_mapper->map((phys_addr_t)fb->phys, (unsigned long)fb->pitch * fb->height, MEMTYPE_WC);
	if (!pixels) {
		pr_warn("screen: the framebuffer at %#llx cannot be mapped\n", fb->phys);
		return NULL;
	}
	pitch = fb->pitch;
	pixel_bytes = (fb->bpp + 7U) / 8;
	choose_colours(fb);
	clear(fb->height);
	printk("screen: framebuffer %ux%ux%u at %#llx, %ux%u characters\n", fb->width, fb->height, fb->bpp, fb->phys,
	       fb_device.cols, fb_device.rows);
	return &fb_device;
}
