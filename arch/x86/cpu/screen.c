/* SPDX-License-Identifier: MIT */
/*
 * The text screen: what stands in each cell, where the next character goes, and scrolling. When the last line is full
 * the text moves up by several lines at once: a scroll redraws most of the screen, and this divides its price by the
 * number of lines.
 */
#include <arch/console.h>
#include <asm/console_driver.h>
#include <asm/screen.h>
#include <kernel/printk.h>
#include <lib/format.h>

static const struct screen_device *device;
static unsigned int cols, rows;
static u8 cells[SCREEN_MAX_ROWS][SCREEN_MAX_COLS];
static unsigned int cursor_col, cursor_row;

/* Terminal control sequences (ESC [ ... letter) are for the serial line; here they are swallowed. */
static enum { TEXT, ESCAPE, SEQUENCE } state;

static void set_cell(unsigned int col, unsigned int row, u8 ch)
{
	if (cells[row][col] == ch)
		return;
	cells[row][col] = ch;
	device->draw(col, row, ch);
}

static void scroll(unsigned int lines)
{
	for (unsigned int row = 0; row < rows; row++)
		for (unsigned int col = 0; col < cols; col++)
			set_cell(col, row, row + lines < rows ? cells[row + lines][col] : ' ');
}

static void new_line(void)
{
	unsigned int step = max(rows / 8, 1U);

	cursor_col = 0;
	if (cursor_row + 1 < rows) {
		cursor_row++;
		return;
	}
	scroll(step);
	cursor_row = rows - step;
}

/* The cursor may stand behind the last column: the line is only broken when another character comes. */
static void put_graphic(u8 ch)
{
	if (cursor_col >= cols)
		new_line();
	set_cell(min(cursor_col, cols - 1), min(cursor_row, rows - 1), ch);
	cursor_col++;
}

static void put_tab(void)
{
	do
		put_graphic(' ');
	while (cursor_col % 8 && cursor_col < cols);
}

/* True: the byte belongs to a control sequence. */
static bool swallow(u8 ch)
{
	if (state == TEXT && ch == 0x1b)
		state = ESCAPE;
	else if (state == ESCAPE)
		state = ch == '[' ? SEQUENCE : TEXT;
	else if (state == SEQUENCE)
		state = ch >= '@' && ch <= '~' ? TEXT : SEQUENCE;
	else
		return false;
	return true;
}

static void put_char(u8 ch)
{
	if (swallow(ch))
		return;
	if (ch == '\n')
		new_line();
	else if (ch == '\r')
		cursor_col = 0;
	else if (ch == '\t')
		put_tab();
	else if (ch == '\b')
		cursor_col -= cursor_col > 0;
	else if (ch >= ' ')
		put_graphic(ch <= '~' ? ch : '?');
}

static void screen_write(const char *text, size_t len)
{
	unsigned int col = min(cursor_col, cols - 1), row = min(cursor_row, rows - 1);

	device->draw(col, row, cells[row][col]); /* where the cursor was */
	for (size_t i = 0; i < len; i++)
		put_char((u8)text[i]);
	col = min(cursor_col, cols - 1);
	row = min(cursor_row, rows - 1);
	device->cursor(col, row, cells[row][col]);
}

static void describe(char *text, size_t size)
{
	scnprintf(text, size, "%s, %ux%u characters", device->name, cols, rows);
}

const struct console_driver *screen_probe(const struct boot_info *boot)
{
	static const struct console_driver driver = { .name = "screen", .describe = describe, .write = screen_write };

	if (boot->fb.kind == BOOT_FB_TEXT)
		device = vga_probe(&boot->fb);
	else if (boot->fb.kind == BOOT_FB_RGB || boot->fb.kind == BOOT_FB_INDEXED)
		device = framebuffer_probe(boot);
	else if (boot->fb.bpp)
		pr_warn("screen: the loader set a mode of %ux%u with %u bits a pixel that cannot be used\n", boot->fb.width,
			boot->fb.height, boot->fb.bpp);
	if (!device)
		return NULL;
	cols = min(device->cols, (unsigned int)SCREEN_MAX_COLS);
	rows = min(device->rows, (unsigned int)SCREEN_MAX_ROWS);
	for (unsigned int row = 0; row < rows; row++)
		for (unsigned int col = 0; col < cols; col++)
			cells[row][col] = ' ';
	return &driver;
}
