/* SPDX-License-Identifier: MIT */
/*
 * The text screen: the character in each cell, the place of the next character, scrolling, and looking back.
 *
 * Lines are numbered from the first one that was written. The last ones are kept in a ring:
 *
 *	oldest ... view ... view + rows - 1 ... top ... top + rows - 1
 *
 * 1. Text goes into the last `rows` lines, those from top on.
 * 2. Row r of the screen shows line view + r. Usually view is top. While the user looks back it is less; new text makes
 *    it top again.
 * 3. So a scroll changes view, and draws only the cells in which the old line and the new one differ.
 *
 * When a line ends in the last row, the text moves up by several lines at once. A scroll draws most cells again, so
 * fewer scrolls cost less.
 */
#include <arch/console.h>
#include <asm/console_driver.h>
#include <asm/screen.h>
#include <kernel/printk.h>
#include <lib/format.h>
#include <lib/string.h>

#define RING_BYTES  (4 * SCREEN_MAX_ROWS * SCREEN_MAX_COLS) /* 4 screens of the largest size */
#define MODULE_MOST 6 /* pixels of one square of a QR code: larger ones are no easier to scan */

static const struct screen_device *device;
static unsigned int cols, rows;
static u8 ring[RING_BYTES];
static unsigned long nr_lines, top, view;
static unsigned int cursor_col, cursor_row;

/* Terminal control sequences (ESC [ ... letter) are for the serial line; the screen ignores them. */
static enum { TEXT, ESCAPE, SEQUENCE } state;

/* The picture, which covers cells of the upper right corner. */
static struct picture {
	unsigned int first_col, end_row; /* end_row 0: there is no picture */
} picture;

static u8 *line(unsigned long n)
{
	return ring + n % nr_lines * cols;
}

static void draw(unsigned int col, unsigned int row)
{
	device->draw(col, row, col < cols ? line(view + row)[col] : ' ');
}

static void remove_picture(void)
{
	unsigned int end = picture.end_row;

	picture.end_row = 0;
	for (unsigned int row = 0; row < end; row++)
		for (unsigned int col = picture.first_col; col < device->cols; col++)
			draw(col, row);
}

/* Text that comes into the picture's place removes the picture. */
static void uncover(unsigned int col, unsigned int row)
{
	if (row < picture.end_row && col >= picture.first_col)
		remove_picture();
}

static void show(unsigned long from)
{
	unsigned long before = view;

	if (from == view)
		return;
	remove_picture();
	view = from;
	for (unsigned int row = 0; row < rows; row++)
		for (unsigned int col = 0; col < cols; col++)
			if (line(before + row)[col] != line(from + row)[col])
				draw(col, row);
}

/* At most `rows` lines. The new ones lie beyond the screen in the ring, so they are blanked before they are shown. */
static void scroll(unsigned int lines)
{
	for (unsigned int i = 0; i < lines; i++)
		memset(line(top + rows + i), ' ', cols);
	top += lines;
	show(top);
}

/* How far the text moves up. */
static unsigned int scroll_step(void)
{
	return max(rows / 8, 1U);
}

static void new_line(void)
{
	unsigned int step = scroll_step();

	cursor_col = 0;
	if (cursor_row + 1 < rows) {
		cursor_row++;
		return;
	}
	scroll(step);
	cursor_row = rows - step;
}

static void set_cell(unsigned int col, unsigned int row, u8 ch)
{
	u8 *cell = &line(top + row)[col];

	if (*cell == ch)
		return;
	uncover(col, row);
	*cell = ch;
	draw(col, row);
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

static void hide_cursor(void)
{
	draw(min(cursor_col, cols - 1), min(cursor_row, rows - 1));
}

static void show_cursor(void)
{
	unsigned int col = min(cursor_col, cols - 1), row = min(cursor_row, rows - 1);

	uncover(col, row);
	device->cursor(col, row, line(top + row)[col]);
}

static void screen_write(const char *text, size_t len)
{
	show(top);
	hide_cursor();
	for (size_t i = 0; i < len; i++)
		put_char((u8)text[i]);
	show_cursor();
}

bool arch_console_size(unsigned int *columns, unsigned int *lines)
{
	*columns = cols;
	if (device)
		*lines = rows - scroll_step() + 1;
	return device;
}

void arch_console_look_back(int pages)
{
	unsigned long oldest = top + rows > nr_lines ? top + rows - nr_lines : 0, to = view;

	if (!device)
		return;
	hide_cursor(); /* show() draws only cells whose characters differ, and the cursor is none */
	for (; pages < 0; pages++)
		to -= min(to - oldest, (unsigned long)rows - 1);
	for (; pages > 0; pages--)
		to += min(top - to, (unsigned long)rows - 1);
	show(to);
	if (view == top)
		show_cursor();
}

/* --- a picture beside the text ------------------------------------------------------------------------------------ */

/* Whole cells only, so that removing it leaves nothing at the edges. */
static unsigned int cell_width(void) { return device->width / device->cols; }
static unsigned int cell_height(void) { return device->height / device->rows; }

unsigned int arch_console_room(unsigned int after)
{
	if (!device || !device->fill || after >= device->cols)
		return 0;
	return min((device->cols - after) * cell_width(), rows * cell_height());
}

void arch_console_picture(unsigned int after, unsigned int side, unsigned int border,
			  bool (*dark)(unsigned int x, unsigned int y))
{
	unsigned int all = side + 2 * border, module = min(arch_console_room(after) / all, (unsigned int)MODULE_MOST);
	unsigned int left = device->cols * cell_width() - all * module;

	show(top);
	picture = (struct picture){ after, DIV_ROUND_UP(all * module, cell_height()) };
	for (unsigned int y = 0; y < all; y++)
		for (unsigned int x = 0; x < all; x++) {
			bool inside = x >= border && y >= border && x < side + border && y < side + border;

			device->fill(left + x * module, y * module, module, !(inside && dark(x - border, y - border)));
		}
}

/* All that has been written scrolls away. */
void arch_console_page(void)
{
	if (!device)
		return;
	show(top);
	hide_cursor();
	scroll(min(cursor_row + 1, rows));
	cursor_col = cursor_row = 0;
	show_cursor();
}

/* ------------------------------------------------------------------------------------------------------------------ */

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
		pr_warn("screen: the loader set a mode of %ux%u with %u bits a pixel that cannot be used\n",
			boot->fb.width, boot->fb.height, boot->fb.bpp);
	if (!device)
		return NULL;
	cols = min(device->cols, (unsigned int)SCREEN_MAX_COLS);
	rows = min(device->rows, (unsigned int)SCREEN_MAX_ROWS);
	nr_lines = RING_BYTES / cols;
	memset(ring, ' ', sizeof(ring));
	return &driver;
}
