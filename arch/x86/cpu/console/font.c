/* SPDX-License-Identifier: MIT */
/*
 * Console fonts in PSF1 and PSF2 form, from a loader module. Only the glyphs are used: in the fonts of Linux consoles
 * the ASCII characters stand at their own codes, so the Unicode table behind the glyphs is not needed.
 */
#include <arch/init.h>
#include <arch/layout.h>
#include <asm/screen.h>

#define PSF1_MAGIC	  0x0436
#define PSF1_MODE_512	  0x01
#define PSF1_HEADER_BYTES 4
#define PSF2_MAGIC	  0x864ab572

#define FONT_FILE_MAX (1UL << 20)

struct psf1_header {
	u16 magic;
	u8 mode, glyph_bytes;
};

struct psf2_header {
	u32 magic, version, header_bytes, flags;
	u32 nr_glyphs, glyph_bytes, height, width;
};

static bool font_fits(const struct console_font *font, u32 nr_glyphs, u32 glyph_bytes, u64 offset, size_t size)
{
	return font->width > 0 && font->width <= FONT_MAX_WIDTH &&
	       font->height > 0 && font->height <= FONT_MAX_HEIGHT &&
	       glyph_bytes == font->height * font->bytes_per_line && nr_glyphs >= FONT_GLYPHS &&
	       offset + (u64)FONT_GLYPHS * glyph_bytes <= size;
}

bool font_parse(const u8 *file, size_t size, struct console_font *font)
{
	struct psf1_header v1;
	struct psf2_header v2;

	if (size < sizeof(v2))
		return false;
	__builtin_memcpy(&v1, file, sizeof(v1));
	__builtin_memcpy(&v2, file, sizeof(v2));
	if (v1.magic == PSF1_MAGIC) {
		*font = (struct console_font){ 8, v1.glyph_bytes, 1, file + PSF1_HEADER_BYTES };
		return font_fits(font, v1.mode & PSF1_MODE_512 ? 512 : 256, v1.glyph_bytes, PSF1_HEADER_BYTES, size);
	}
	if (v2.magic != PSF2_MAGIC || v2.width > FONT_MAX_WIDTH || v2.header_bytes > size)
		return false;
	*font = (struct console_font){ v2.width, v2.height, (v2.width + 7) / 8, file + v2.header_bytes };
	return font_fits(font, v2.nr_glyphs, v2.glyph_bytes, v2.header_bytes, size);
}

bool font_find(const struct boot_info *boot, struct console_font *font)
{
	for (unsigned int i = 0; i < boot->nr_modules; i++) {
		const struct boot_module *module = &boot->module[i];
		u64 size = module->end - module->start;
		const u8 *file;

		if (module->end <= module->start || size > FONT_FILE_MAX || module->end > arch_phys_limit())
			continue;
		file = arch_device_mapper->map((phys_addr_t)module->start, (unsigned long)size, MEMTYPE_WB);
		if (!file)
			continue;
		if (font_parse(file, (size_t)size, font))
			return true;
		arch_device_mapper->unmap((void *)file);
	}
	return false;
}
