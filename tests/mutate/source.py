# SPDX-License-Identifier: MIT
"""Functions of a C file. The house's format makes that easy: a body is what stands between a { and a } in column 0."""

import re

BODY = re.compile(r"^\{\n.*?^\}\n", re.M | re.S)
HEAD = re.compile(r"(?P<returns>[\w\s*]*?[\s*])(?P<name>\w+)\((?P<params>(?:[^()]|\([^()]*\))*)\)"
                  r"(?P<promises>[\w\s()>.&-]*)\Z")
HIDDEN = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
NO_TYPE = re.compile(r"\b(static|inline|__always_inline|noinline|__noinline|__init|__weak)\b")
POINTER = re.compile(r"\(\s*\*\s*(\w+)\s*\)\s*\(")


def masked(text):
    """The same text, as long, with spaces for comments and for what is quoted."""
    return HIDDEN.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def split_list(text):
    """The parts of a list, by commas that no parenthesis holds."""
    parts, depth, begin = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            parts.append(text[begin:at])
            begin = at + 1
    return parts + [text[begin:]]


def name_of(param):
    """unsigned long x[] is x; void (*fn)(void *) is fn."""
    pointer = POINTER.search(param)
    words = [word for word in re.findall(r"\w+", re.sub(r"\[.*", "", param)) if not word.startswith("__")]
    return pointer[1] if pointer else words[-1] if words else ""


class Function:
    """head: what stands before the parameters; body: with its braces; begin, end: the whole of it in
    the file, whose text this was."""

    def __init__(self, file, text, begin, body_at, end):
        self.file, self.text, self.begin, self.end = file, text, begin, end
        self.body, self.line = text[body_at:end], text.count("\n", 0, body_at) + 1
        found = HEAD.match(masked(text[begin:body_at]))
        self.name = found["name"] if found else None
        if not found:
            return
        self.attributes = text[begin:begin + found.start("name")]
        self.returns = NO_TYPE.sub("", self.attributes).strip()
        self.params = text[begin + found.start("params"):begin + found.end("params")]
        self.names = [] if self.params.strip() == "void" else [name_of(part) for part in split_list(self.params)]

    def usable(self):
        """Is it a function, and can it be called under another name?"""
        return bool(self.name) and self.returns != "" and "..." not in self.params and all(self.names)


def functions(file, text):
    hidden = masked(text)
    for body in BODY.finditer(hidden):
        ends = [hidden.rfind(mark, 0, body.start()) + len(mark) for mark in ("\n\n", ";\n", "}\n")]
        comment = text.rfind("*/\n", 0, body.start()) + 3
        macro = max((found.end() for found in re.finditer(r"^#.*\n", hidden[:body.start()], re.M)), default=0)
        one = Function(file, text, max(ends + [comment if comment > 2 else 0, macro]), body.start(), body.end())
        if one.usable():
            yield one
