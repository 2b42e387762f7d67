# SPDX-License-Identifier: MIT
"""One build holds hundreds of mutants: each is a copy of its function, and the function calls the copy that is chosen.

	static int f__17(int x) { ... }		a mutant
	static int f__0(int x) { ... }		as it was
	int f(int x)				notes that it ran, and calls one of them
"""

import re

# A program reads the number of its mutant from the environment, and says at its end which functions have run.
PROGRAM = """// SPDX-License-Identifier: MIT
int mutant_chosen;
unsigned char mutant_seen[%(functions)d];

char *getenv(const char *name);
int atoi(const char *text);
int atexit(void (*call)(void));
int open(const char *path, int flags, ...);
long write(int file, const void *from, unsigned long size);

static void say_what_ran(void)
{
	int file = open(getenv("MUTANT_SEEN"), 01101, 0644);

	if (file < 0 || write(file, mutant_seen, sizeof(mutant_seen)) < 0)
		__builtin_trap();
}

__attribute__((constructor)) static void choose(void)
{
	if (getenv("MUTANT"))
		mutant_chosen = atoi(getenv("MUTANT"));
	if (getenv("MUTANT_SEEN"))
		atexit(say_what_ran);
}
"""
# In the kernel the command line says it. What runs before that is as it was.
KERNEL = """// SPDX-License-Identifier: MIT
#include <kernel/cmdline.h>

int mutant_chosen;
unsigned char mutant_seen[%(functions)d];
CMDLINE_OPTION(mutant, "mutant=N", "the fault that is put in");
"""
COMMAND_LINE, CUT = "kernel/core/cmdline.c", "void cmdline_init(const char *text)\n{\n"
CHOOSE = """static void cut_line(const char *text);

void cmdline_init(const char *text)
{
	cut_line(text);
	mutant_chosen = (int)cmdline_number("mutant", 0);
}

static void cut_line(const char *text)
{
"""
DECLARED = "extern int mutant_chosen; extern unsigned char mutant_seen[];\n"
INLINE, APART = "inline __attribute__((always_inline))", "__attribute__((noinline))"
LOOKS_AT_ITS_FRAME = re.compile(r"_RET_IP_|_THIS_IP_|__builtin_(return|frame)_address|\balloca\b")


class Clone:
    """Where a mutant stands in the file that was written: lines first to last."""

    def __init__(self, mutant, first, last):
        self.mutant, self.first, self.last = mutant, first, last


def _copy(function, number, body, how):
    return "static %s __attribute__((unused)) %s %s__%d(%s)\n%s" % (
        how, function.returns, function.name, number, function.params, body)


def _dispatcher(function, number, mutants):
    call = "(%s)" % ", ".join(function.names)
    cases = "".join("\tcase %d: return %s__%d%s;\n" % (m.number, function.name, m.number, call) for m in mutants)
    return "%s%s(%s)\n{\n\tmutant_seen[%d] = 1;\n\tswitch (mutant_chosen) {\n%s\t}\n\treturn %s__0%s;\n}\n" % (
        function.attributes, function.name, function.params, number, cases, function.name, call)


def with_clones(text, chosen):
    """The file with its mutants, and where each stands. chosen: [(function, its number, its mutants)], in the order of
    the file."""
    out, at, clones = [DECLARED], 0, []
    line = 1 + len(DECLARED.split("\n")) - 1

    def put(piece):
        nonlocal line
        out.append(piece)
        line += piece.count("\n")

    for function, number, mutants in chosen:
        put(text[at:function.begin])
        put("%s%s(%s);\n" % (function.attributes, function.name, function.params))
        seen_from_inside = LOOKS_AT_ITS_FRAME.search(function.body)
        for mutant in mutants:
            first = line
            put(_copy(function, mutant.number, mutant.body(), INLINE if seen_from_inside else APART))
            clones.append(Clone(mutant, first, line - 1))
        put(_copy(function, 0, function.body, INLINE))
        put(_dispatcher(function, number, mutants))
        at = function.end
    put(text[at:])
    return "".join(out), clones


def with_word(text):
    """kernel/core/cmdline.c, which now knows the word mutant=."""
    if CUT not in text:
        raise ValueError("no cmdline_init() in " + COMMAND_LINE)
    return DECLARED + text.replace(CUT, CHOOSE)
