/* SPDX-License-Identifier: MIT */
/* The summary as a QR code, which a phone can read from the screen. */
#include "summary_picture.h"

#include <arch/console.h>
#include <kernel/printk.h>
#include "third_party/qrcodegen/qrcodegen.h"

#define BORDER	    4 /* modules, as ISO 18004 demands */
#define MODULE_MIN  3 /* pixels */
#define LARGEST	    25 /* all lines at their longest fit into this version: 1273 bytes */
#define SIDE(version) (17 + 4 * (version))
#define TEXT_MAX    (SUMMARY_LINES * (SUMMARY_COLS + 1))

static u8 code[qrcodegen_BUFFER_LEN_FOR_VERSION(LARGEST)], work[qrcodegen_BUFFER_LEN_FOR_VERSION(LARGEST)];

_Static_assert(sizeof(work) >= TEXT_MAX, "the text is handed over in it");

static bool dark(unsigned int x, unsigned int y)
{
	return qrcodegen_getModule(code, (int)x, (int)y);
}

/* Copies the first lines, with one blank for several to save room. Returns the length. */
static size_t flatten(const struct summary_text *text, unsigned int lines, u8 *to)
{
	size_t len = 0;

	for (unsigned int i = 0; i < lines; i++) {
		for (const char *c = text->line[i]; *c; c++)
			if (c[0] != ' ' || c[1] != ' ')
				to[len++] = (u8)*c;
		to[len++] = '\n';
	}
	return len;
}

static bool encode(const struct summary_text *text, unsigned int lines, int version)
{
	size_t len = flatten(text, lines, work);

	return qrcodegen_encodeBinary(work, len, code, qrcodegen_Ecc_LOW, 1, version, qrcodegen_Mask_AUTO, true);
}

void summary_draw(const struct summary_text *text, unsigned int cols)
{
	unsigned int most = arch_console_room(cols) / MODULE_MIN, lines = text->nr;

	if (most < SIDE(1) + 2 * BORDER)
		return;
	while (lines && !encode(text, lines, min((int)(most - 2 * BORDER - SIDE(0)) / 4, LARGEST)))
		lines--;
	if (lines)
		console_picture(cols, (unsigned int)qrcodegen_getSize(code), BORDER, dark);
}
