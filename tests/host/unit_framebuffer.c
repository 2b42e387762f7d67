/* SPDX-License-Identifier: MIT */
/*
 * arch/x86/cpu/console/framebuffer.c: at every depth a glyph's pixels are light, all others dark, and nothing else is
 * written.
 */
#include "tests/host/port/host.h"

#include <arch/init.h>
#include <asm/screen.h>
#include <kernel/boot_info.h>
#include <lib/string.h>

#define WIDTH	96
#define HEIGHT	64
#define FB_AT	0x1000000
#define FONT_AT 0x2000000
#define BEYOND	64 /* bytes behind the framebuffer */
#define CANARY	0x5c
#define COL	11 /* the last one, and the last row */
#define ROW	3

static u8 memory[HEIGHT * WIDTH * 4 + BEYOND], font[4 + 256 * 16];
static struct boot_info boot;
static const struct screen_device *screen;

static void *map(phys_addr_t phys, unsigned long size, enum memtype type)
{
	(void)type;
	assert_true(phys == FONT_AT ? size <= sizeof(font) : size <= sizeof(memory) - BEYOND);
	return phys == FONT_AT ? font : memory;
}

static void unmap(void *virt) { (void)virt; }

static const struct device_mapper mapper = { map, unmap };

/* Glyph 'A': each line another pattern. */
static bool lit(unsigned int x, unsigned int y)
{
	return (0x81 + y * 13) & (0x80 >> x);
}

static void make_font(void)
{
	static const u8 head[4] = { 0x36, 0x04, 0, 16 };

	memset(font, 0, sizeof(font));
	memcpy(font, head, sizeof(head));
	for (unsigned int y = 0; y < 16; y++)
		font[4 + 'A' * 16 + y] = (u8)(0x81 + y * 13);
}

static unsigned int bytes(void) { return (boot.fb.bpp + 7u) / 8; }

static u32 pixel(unsigned int x, unsigned int y)
{
	u32 value = 0;

	memcpy(&value, memory + y * boot.fb.pitch + x * bytes(), bytes());
	return value;
}

/* Of 255. */
static unsigned int level(u32 value, u8 pos, u8 size)
{
	u32 most = (1u << size) - 1;

	return (value >> pos & most) * 255 / most;
}

/* Grey, as all parts of the colour say. */
static bool is_grey(u32 value)
{
	const struct boot_framebuffer *fb = &boot.fb;
	unsigned int r, g, b;

	if (fb->kind == BOOT_FB_INDEXED)
		return value == fb->lightest;
	r = level(value, fb->red_pos, fb->red_size);
	g = level(value, fb->green_pos, fb->green_size);
	b = level(value, fb->blue_pos, fb->blue_size);
	return min(r, min(g, b)) >= 0x80 && max(r, max(g, b)) < 0xd0;
}

static bool is_black(u32 value)
{
	return value == (boot.fb.kind == BOOT_FB_INDEXED ? boot.fb.darkest : 0);
}

static void begin(struct boot_framebuffer fb)
{
	boot = (struct boot_info){ .fb = fb,
				   .nr_modules = 1,
				   .module = { { FONT_AT, FONT_AT + sizeof(font), "font" } } };
	boot.fb.phys = FB_AT;
	boot.fb.width = WIDTH;
	boot.fb.height = HEIGHT;
	boot.fb.pitch = WIDTH * bytes();
	make_font();
	arch_set_device_mapper(&mapper);
	memset(memory, CANARY, sizeof(memory));
	screen = framebuffer_probe(&boot);
}

static void draws_an_a(struct boot_framebuffer fb)
{
	begin(fb);
	assert_non_null(screen);
	assert_int_equal(screen->cols, WIDTH / 8);
	screen->draw(COL, ROW, 'A');
	for (unsigned int y = 0; y < HEIGHT; y++)
		for (unsigned int x = 0; x < WIDTH; x++)
			if (x / 8 == COL && y / 16 == ROW && lit(x % 8, y % 16))
				assert_true(is_grey(pixel(x, y)));
			else
				assert_true(is_black(pixel(x, y)));
	for (unsigned int i = 0; i < BEYOND; i++)
		assert_int_equal(memory[HEIGHT * boot.fb.pitch + i], CANARY);
}

static struct boot_framebuffer rgb(u8 bpp, u8 rp, u8 rs, u8 gp, u8 gs, u8 bp, u8 bs)
{
	return (struct boot_framebuffer){ .kind = BOOT_FB_RGB,
					  .bpp = bpp,
					  .red_pos = rp,
					  .red_size = rs,
					  .green_pos = gp,
					  .green_size = gs,
					  .blue_pos = bp,
					  .blue_size = bs };
}

static void text_at_every_depth(void **state)
{
	(void)state;
	draws_an_a(rgb(15, 10, 5, 5, 5, 0, 5));
	draws_an_a(rgb(16, 11, 5, 5, 6, 0, 5));
	draws_an_a(rgb(24, 16, 8, 8, 8, 0, 8));
	draws_an_a(rgb(32, 16, 8, 8, 8, 0, 8));
	draws_an_a(rgb(32, 0, 8, 8, 8, 16, 8));
}

static void ten_bits_a_colour(void **state)
{
	(void)state;
	draws_an_a(rgb(30, 20, 10, 10, 10, 0, 10));
	draws_an_a(rgb(32, 20, 10, 10, 10, 0, 10));
	draws_an_a(rgb(32, 0, 10, 10, 12, 22, 10));
}

static void eight_bits_by_palette(void **state)
{
	(void)state;
	draws_an_a((struct boot_framebuffer){ .kind = BOOT_FB_INDEXED, .bpp = 8, .darkest = 0, .lightest = 15 });
	draws_an_a((struct boot_framebuffer){ .kind = BOOT_FB_INDEXED, .bpp = 8, .darkest = 200, .lightest = 3 });
}

/* Tags with memory, and with a screen whose palette says that it has `told` colours; there are three. */
static void read_tags(u32 told)
{
	u32 tags[] = { 0,          0, 6,   40,  24,  0, 0x100000, 0, 0x1000000, 0, 1, 0, 8, 8 + 26 + 9,
		       0xfd000000, 0, 640, 640, 480, 8, 0,        0, 0,         0, 0, 0, 0, 8 };
	u8 *data = (u8 *)&tags[14];
	const char *why;

	memcpy(data + 20, (u8[6]){ 8, 0, 0, 0, (u8)told, (u8)(told >> 8) }, 6);
	memcpy(data + 26, (u8[9]){ 9, 9, 9, 200, 210, 220, 1, 0, 0 }, 9);
	tags[24] = 0, tags[25] = 8;
	tags[0] = 26 * sizeof(u32);
	assert_int_equal(multiboot2_parse(tags, tags[0], &boot, &why), 0);
}

static void palettes(void **state)
{
	(void)state;
	for (u32 told = 0; told <= 600; told += 3) {
		read_tags(told);
		assert_int_equal(boot.fb.kind, BOOT_FB_INDEXED);
		assert_int_equal(boot.fb.lightest, told ? 1 : 7);
		assert_int_equal(boot.fb.darkest, told ? 2 : 0);
	}
}

static void others_are_refused_with_a_sentence(void **state)
{
	(void)state;
	host_log_clear();
	begin(rgb(4, 0, 1, 1, 1, 2, 1));
	assert_null(screen);
	assert_non_null(strstr(host_log(), "cannot be used"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_at_every_depth),
		cmocka_unit_test(ten_bits_a_colour),
		cmocka_unit_test(eight_bits_by_palette),
		cmocka_unit_test(palettes),
		cmocka_unit_test(others_are_refused_with_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
