/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer for arch/x86/cpu/console/font.c: console fonts from the loader's modules. A font that is found has glyphs
 * of a size that the screen can draw, and each pixel of each lies in the file; what is no font is given back.
 */
#include "tests/host/port/host.h"

#include <asm/screen.h>
#include <kernel/boot_info.h>

#include "tests/host/fuzz_seed.h"

#define MODULES_AT 0x200000
#define FILE_SIZE  (32 + 160 * 16 * 2)

static u8 file[FILE_SIZE];

static size_t make_psf1(void)
{
	const u8 head[4] = { 0x36, 0x04, 0, 16 };

	memcpy(file, head, sizeof(head));
	return sizeof(head) + 256 * 16;
}

static size_t make_psf2(void)
{
	const u32 head[8] = { 0x864ab572, 0, 32, 0, 160, 32, 16, 12 };

	memcpy(file, head, sizeof(head));
	return sizeof(head) + 160 * 32;
}

static void draw(const struct console_font *font)
{
	unsigned int sum = 0;

	MUST(font->width && font->width <= FONT_MAX_WIDTH && font->height && font->height <= FONT_MAX_HEIGHT);
	MUST(font->bytes_per_line * 8 >= font->width);
	for (unsigned int glyph = 0; glyph < FONT_GLYPHS; glyph++)
		for (unsigned int line = 0; line < font->height; line++)
			for (unsigned int x = 0; x < font->width; x++)
				sum += font->glyphs[(glyph * font->height + line) * font->bytes_per_line + x / 8] >>
					       (7 - x % 8) &
				       1;
	__asm__ volatile("" : : "r"(sum));
}

/* The file as the second of two modules, or somewhere else, if the input says so. */
static void find(const u8 *bytes_of_file, size_t size)
{
	struct boot_info boot = {
		.nr_modules = 2,
		.module = { { .start = MODULES_AT, .end = MODULES_AT + size / 2 },
			    { .start = MODULES_AT, .end = MODULES_AT + size } },
	};
	struct console_font font;

	if (nr_bytes == 1) {
		boot.module[0].start += next_byte() * PAGE_SIZE;
		boot.module[1].end = ~0ull;
	}
	host_device(MODULES_AT, bytes_of_file, size);
	if (font_find(&boot, &font)) {
		MUST(host_device_maps() == 1);
		draw(&font);
	} else {
		MUST(host_device_maps() == 0);
	}
	host_device_forget();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int kind;

	bytes = data;
	nr_bytes = size;
	kind = next_byte();
	if (kind & 1) {
		find(bytes, nr_bytes);
		return 0;
	}
	memset(file, 0x5a, sizeof(file));
	size = kind & 2 ? make_psf1() : make_psf2();
	size -= next_byte() * 32 % size;
	change(file, 32);
	find(file, size);
	return 0;
}
