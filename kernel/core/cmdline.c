/* SPDX-License-Identifier: MIT */
/* The command line, cut into words; every word is "name" or "name=value". */
#include <kernel/cmdline.h>
#include <kernel/boot_info.h>
#include <kernel/printk.h>
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/string.h>

#define MAX_WORDS 64

extern const struct cmdline_option __cmdline_start[], __cmdline_end[];

static char line[BOOT_TEXT_LEN];  /* as it was given */
static char cut[BOOT_TEXT_LEN];	  /* quotes removed, words ended by NUL */
static const char *words[MAX_WORDS];
static unsigned int nr_words;

/* Copy one word to *to, and move *to behind its NUL. Quotes protect spaces. Returns what follows the word. */
static const char *cut_word(const char *from, char **to)
{
	bool quoted = false;

	for (; *from && (quoted || !is_space(*from)); from++) {
		if (*from == '"')
			quoted = !quoted;
		else
			*(*to)++ = *from;
	}
	*(*to)++ = '\0';
	return from;
}

void cmdline_init(const char *text)
{
	const char *from = line;
	char *to = cut;

	strscpy(line, text, sizeof(line));
	nr_words = 0;
	for (;;) {
		while (is_space(*from))
			from++;
		if (!*from)
			return;
		if (nr_words == MAX_WORDS) {
			pr_warn("command line: more than %u words, ignored from here: %s\n", MAX_WORDS, from);
			return;
		}
		words[nr_words++] = to;
		from = cut_word(from, &to);
	}
}

const char *cmdline_text(void)
{
	return line;
}

/* The text behind the name, if the word has that name; otherwise NULL. */
static const char *value_of(const char *word, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(word, name, len) != 0)
		return NULL;
	if (word[len] == '=')
		return word + len + 1;
	return word[len] ? NULL : word + len;
}

const char *cmdline_value(const char *name)
{
	for (unsigned int i = nr_words; i-- > 0;) {
		const char *value = value_of(words[i], name);

		if (value)
			return value;
	}
	return NULL;
}

bool cmdline_has(const char *name)
{
	return cmdline_value(name) != NULL;
}

u64 cmdline_size(const char *name, u64 otherwise)
{
	const char *text = cmdline_value(name), *end;
	u64 size;

	if (!text)
		return otherwise;
	size = parse_size(text, &end);
	if (end != text && !*end)
		return size;
	pr_warn("command line: %s=%s is not a size, ignored\n", name, text);
	return otherwise;
}

u64 cmdline_number(const char *name, u64 otherwise)
{
	const char *text = cmdline_value(name);
	u64 number;

	if (!text)
		return otherwise;
	if (kstrtou64(text, 0, &number) == 0)
		return number;
	pr_warn("command line: %s=%s is not a number, ignored\n", name, text);
	return otherwise;
}

u64 cmdline_count(const char *name, u64 otherwise, u64 most)
{
	const char *text = cmdline_value(name);
	u64 number;
	int err;

	if (!text)
		return otherwise;
	err = kstrtou64(text, 0, &number);
	if (err == -ERANGE || (!err && number > most)) {
		pr_warn("command line: %s=%s is too much, %llu is taken\n", name, text, most);
		return most;
	}
	return cmdline_number(name, otherwise);
}

static bool declared(const char *word)
{
	for (const struct cmdline_option *option = __cmdline_start; option < __cmdline_end; option++)
		if (value_of(word, option->name))
			return true;
	return false;
}

void cmdline_report_unknown(void)
{
	for (unsigned int i = 0; i < nr_words; i++)
		if (!declared(words[i]))
			pr_warn("command line: unknown word \"%s\", ignored\n", words[i]);
}

void cmdline_help(void)
{
	for (const struct cmdline_option *option = __cmdline_start; option < __cmdline_end; option++)
		cprintf("  %-24s %s\n", option->usage, option->help);
}
