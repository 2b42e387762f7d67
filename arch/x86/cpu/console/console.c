/* SPDX-License-Identifier: MIT */
/* Sends each byte to every console that was found, and reads from the first console that has a byte. */
#include <arch/console.h>
#include <asm/console_driver.h>
#include <lib/format.h>
#include <lib/string.h>

static const struct console_driver *consoles[3];
static unsigned int nr_consoles;

void console_add(const struct console_driver *driver)
{
	if (driver && nr_consoles < ARRAY_SIZE(consoles))
		consoles[nr_consoles++] = driver;
}

void arch_console_early_init(void)
{
	console_add(serial_probe());
}

void arch_console_init(const struct boot_info *boot)
{
	serial_map();
	console_add(screen_probe(boot));
	console_add(keyboard_probe());
}

/*
 * The console that is being written to. A first panic may have interrupted it by chance, so it stays. If a second panic
 * comes while the first one is being written to this console, this console is at fault and is removed.
 */
static const struct console_driver *busy;
static bool in_panic;

static void remove_console(const struct console_driver *driver)
{
	for (unsigned int i = 0; i < nr_consoles; i++)
		if (consoles[i] == driver)
			consoles[i--] = consoles[--nr_consoles];
}

void arch_console_panic(void)
{
	if (!nr_consoles)
		arch_console_early_init();
	if (in_panic && busy)
		remove_console(busy);
	busy = NULL;
	in_panic = true;
}

void arch_console_write(const char *text, size_t len)
{
	for (unsigned int i = 0; i < nr_consoles; i++)
		if (consoles[i]->write) {
			busy = consoles[i];
			consoles[i]->write(text, len);
			busy = NULL;
		}
}

static const struct console_driver *last_typed;

static bool is_keyboard(const struct console_driver *driver)
{
	return driver->getc && !driver->write;
}

int arch_console_getc(void)
{
	for (unsigned int i = 0; i < nr_consoles; i++) {
		int c = consoles[i]->getc ? consoles[i]->getc() : -1;

		if (c >= 0) {
			last_typed = consoles[i];
			return c;
		}
	}
	return -1;
}

bool arch_console_typed_at_screen(void)
{
	unsigned int cols, lines;

	return last_typed && is_keyboard(last_typed) && arch_console_size(&cols, &lines);
}

void arch_console_describe(char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (unsigned int i = 0; i < nr_consoles; i++) {
		char name[64];

		if (!consoles[i]->write)
			continue;
		strscpy(name, consoles[i]->name, sizeof(name));
		if (consoles[i]->describe)
			consoles[i]->describe(name, sizeof(name));
		len += (size_t)scnprintf(text + len, size - len, "%s%s", len ? "; " : "", name);
	}
	if (!len)
		strscpy(text, "none", size);
}

bool arch_console_has_keyboard(void)
{
	for (unsigned int i = 0; i < nr_consoles; i++)
		if (is_keyboard(consoles[i]))
			return true;
	return false;
}

void console_drain(void)
{
	for (unsigned int i = 0; i < nr_consoles; i++)
		if (consoles[i]->drain)
			consoles[i]->drain();
}
