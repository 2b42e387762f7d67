#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The rules of the house that a script can see: who includes whom, sizes, licence lines, READMEs. Data: include-rules.
import sys
sys.dont_write_bytecode = True

import os
import re

import outside
import tap
from directions import Rules, matches, read_rules

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAX_FILE, LONG_FUNCTION, MAX_FUNCTION, MAX_WIDTH = 500, 45, 60, 120
SOURCE = re.compile(r".*(\.([chS]|ld|mk|py|t|sh|awk|cfg|m?js|css)|/Makefile|^Makefile)$")
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
CONDITIONAL = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif)\b")


class Tree:
    """The files of the repository, without what a build makes."""

    def __init__(self):
        self.files = []
        for folder, folders, names in os.walk(ROOT):
            folders[:] = sorted(f for f in folders if f not in (".git", "build", "node_modules", "__pycache__"))
            self.files += [os.path.relpath(os.path.join(folder, name), ROOT) for name in sorted(names)]
        self.sources = [f for f in self.files if not f.startswith("third_party/") and SOURCE.match(f)
                        or self.is_script(f)]
        self.kernel = [f for f in self.sources
                       if re.match(r"((boot|arch|kernel|mm|tests/kernel)/.*|tests/bench/[^/]*)\.[chS]$", f)]
        self.lines = {f: self.read(f) for f in self.sources}

    @staticmethod
    def is_script(path):
        with open(os.path.join(ROOT, path), "rb") as file:
            return file.read(2) == b"#!"

    @staticmethod
    def read(path):
        with open(os.path.join(ROOT, path), errors="replace") as file:
            return file.read().split("\n")

    def includes(self, path):
        return [(number, found[1]) for number, line in enumerate(self.lines[path], 1) if (found := INCLUDE.match(line))]


class Directions(Rules):
    def __init__(self, tree):
        super().__init__()
        rules, self.tree = self.rules, tree
        other = [pattern for line in rules["elsewhere"] for pattern in line]
        tree.kernel = [f for f in tree.kernel if not any(matches(f, pattern) for pattern in other)]
        self.free = {name for line in rules["freestanding"] for name in line}
        self.folders = [folder for line in rules["include"] for folder in line]
        self.headers = [f for f in tree.files if f.endswith(".h") and not any(matches(f, pattern) for pattern in other)]

    def find(self, name, source):
        """The files that an include may mean: one, or one a target."""
        beside = os.path.normpath(os.path.join(os.path.dirname(source), name))
        if beside in self.headers:
            return [beside]
        for folder in self.folders:
            wanted = os.path.normpath(os.path.join(folder, name))
            found = [h for h in self.headers if matches(h, wanted)]
            if found:
                return found
        return []

    def forbidden(self):
        for source in self.tree.kernel:
            layer = self.layer(source)
            if layer is None:
                yield "%s belongs to no layer" % source
                continue
            for number, name in self.tree.includes(source):
                targets = {self.layer(header) for header in self.find(name, source)}
                if name in self.free or targets and targets <= self.may.get(layer, {layer}):
                    continue
                yield "%s:%d: %s must not include <%s> (%s)" % (source, number, layer, name,
                                                                ", ".join(map(str, targets)) or "no such file")

    def around_gate(self):
        """Outside headers that do not come through the gate: in sources at all, in headers if the gate does not name
        them."""
        for gate, *patterns in self.rules["gate"]:
            named = {name for _, name in self.tree.includes(gate)} if gate in self.tree.lines else set()
            inside = {self.layer(f) for f in self.tree.kernel if any(matches(f, pattern) for pattern in patterns)}
            for source in self.tree.kernel:
                if source == gate or not any(matches(source, pattern) for pattern in patterns):
                    continue
                public = "/include/" in source
                for number, name in self.tree.includes(source):
                    outside = {self.layer(h) for h in self.find(name, source)} - inside
                    if outside and not (public and name in named):
                        yield "%s:%d: <%s> does not come through %s" % (source, number, name, gate)


def conditionals(rules, tree):
    patterns = [pattern for line in rules["no-conditionals"] for pattern in line]
    for source in tree.kernel:
        if any(matches(source, pattern) for pattern in patterns):
            for number, line in enumerate(tree.lines[source], 1):
                if CONDITIONAL.match(line):
                    yield "%s:%d: %s" % (source, number, line.strip())


def functions(lines):
    """(name, lines from the opening to the closing brace) of each function, by the style: both braces at column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line.startswith("}") and start:
            yield function_name(lines, start), number - start + 1
            start = None


def function_name(lines, brace):
    """The last word before a parenthesis at the beginning of the declaration above the brace."""
    top = brace - 1
    while top > 1 and lines[top - 2].strip() and not lines[top - 2].startswith(("}", "#", " *", "/*")):
        top -= 1
    found = re.search(r"(\w+)\(", " ".join(lines[top - 1:brace - 1]))
    return found[1] if found else "line %d" % brace


def long_functions(tree, limit):
    for source in tree.sources:
        if source.endswith((".c", ".h")):
            for name, length in functions(tree.lines[source]):
                if length > limit:
                    yield "%s: %s has %d lines" % (source, name, length)


def long_files(tree):
    for source in tree.sources:
        if len(tree.lines[source]) - 1 > MAX_FILE:
            yield "%s has %d lines" % (source, len(tree.lines[source]) - 1)


def unlicensed(tree):
    for source in tree.sources:
        if not any("SPDX-License-Identifier: MIT" in line for line in tree.lines[source][:2]):
            yield "%s has no SPDX line at its top" % source


def declared_functions(lines):
    """The names of the functions that a header declares or defines."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", "\n".join(lines), flags=re.S)
    text = re.sub(r"^\s*#(.*\\\n)*.*", "", text, flags=re.M)
    bodies = 1
    while bodies:
        text, bodies = re.subn(r"\{[^{}]*\}", ";", text)
    for statement in text.split(";"):
        found = re.search(r"\b(\w+)\s*\(", statement)
        if found and not re.search(r"\b(typedef|static_assert)\b", statement):
            yield found[1]


def unswept(tree):
    """Public functions of mm whose allocations no test lets fail, and that nobody has said to need none; and such
    sayings undone."""
    public = {name for f in tree.sources if f.startswith("mm/include/") for name in declared_functions(tree.lines[f])}
    swept = {name for f in tree.sources if re.match(r"tests/host/unit_\w*fail\.c$", f)
             for name in re.findall(r"\b(?:SWEEP|SWEEP_ON|SWEEP_FREES|SWEPT)\((\w+)", "\n".join(tree.lines[f]))}
    listed = {name for names in read_rules(os.path.join(ROOT, "tests", "host", "not-swept")).values()
              for line in names for name in line}
    yield from ("%s() is in no sweep of tests/host, and not in not-swept" % name
                for name in sorted(public - swept - listed))
    yield from ("%s: in not-swept, and swept" % name for name in sorted(listed & swept))
    yield from ("%s: in not-swept, and no public function of mm" % name for name in sorted(listed - public))


def without_readme(rules, tree):
    above = {name for line in rules["readme-above"] for name in line}
    for folder in sorted({os.path.dirname(f) for f in tree.sources}):
        exempt = folder.startswith(".") or above & set(folder.split("/"))
        if not exempt and os.path.join(folder, "README.md") not in tree.files:
            yield "%s/ has no README.md" % (folder or ".")


def wide_lines(rules, tree):
    """Tables of Markdown may be wider, and for now what the rules name."""
    spared = tuple(name for line in rules["wide"] for name in line)
    for path in [*tree.sources, *(f for f in tree.files if f.endswith(".md"))]:
        for number, line in enumerate([] if path.startswith(spared) else tree.read(path), 1):
            if len(line.expandtabs(8)) > MAX_WIDTH and not (path.endswith(".md") and line.startswith("|")):
                yield "%s:%d: %d columns" % (path, number, len(line.expandtabs(8)))


def named_in(text):
    """Names of files without their endings, as a README has them: `gdt_{32,64}.c`, `museum_*`, `cow.c` (cow.h too)."""
    for word in re.findall(r"[\w*.{},-]+", " ".join(re.findall(r"`([^`]+)`", text))):
        either = re.fullmatch(r"(.*)\{(.*)\}(.*)", word)
        for choice in either[2].split(",") if either else [""]:
            yield (either[1] + choice + either[3] if either else word).strip(",.").rsplit(".", 1)[0]


def unnamed_files(rules, tree):
    spared = tuple(name for line in rules["unnamed"] for name in line)
    for readme in [f for f in tree.files if f.endswith("/README.md") and not f.startswith(spared)]:
        names = set(named_in("\n".join(tree.read(readme))))
        for path in [f for f in tree.sources if os.path.dirname(f) == os.path.dirname(readme)]:
            if not any(matches(os.path.basename(path).rsplit(".", 1)[0], name) for name in names):
                yield "%s does not name %s" % (readme, os.path.basename(path))


def nameless_errors(tree):
    """%pe prints an error number's name."""
    numbers = re.findall(r"#define (E\w+)", "\n".join(tree.lines["kernel/include/lib/errno.h"]))
    names = set(re.findall(r"NAME\((E\w+)\)", "\n".join(tree.lines["kernel/lib/errname.c"])))
    return [number for number in numbers if number not in names]


def main():
    tap.only_without_choice()
    out, tree = tap.Tap(), Tree()
    arrows = Directions(tree)
    rules = arrows.rules
    for what, found in (("includes point down only", arrows.forbidden()),
                        ("mm reaches outside only through mm/port.h", arrows.around_gate()),
                        ("no conditional compilation in mm and arch/x86/mm", conditionals(rules, tree)),
                        ("files have at most %d lines" % MAX_FILE, long_files(tree)),
                        ("functions have at most %d lines" % MAX_FUNCTION, long_functions(tree, MAX_FUNCTION)),
                        ("each allocation behind a function of mm is made to fail", unswept(tree)),
                        ("each test that %s names exists" % outside.TABLE, outside.missing()),
                        ("each error number has a name", nameless_errors(tree)),
                        ("lines have at most %d columns" % MAX_WIDTH, wide_lines(rules, tree)),
                        ("each README names the sources of its folder", unnamed_files(rules, tree)),
                        ("each source says its licence", unlicensed(tree)),
                        ("each folder has a README.md", without_readme(rules, tree))):
        complaints = list(found)
        out.ok(not complaints, what, complaints)
    out.note("long: " + text for text in long_functions(tree, LONG_FUNCTION))
    return out.end()


sys.exit(main())
