# SPDX-License-Identifier: MIT
"""Mutants of a function: small faults that somebody could make. Each changes one place of the body."""

import re

import source

# What stands for what, by the kind of fault. Binary operators have a space on both sides in this house.
SWAPS = {
    "off by one": {"<": "<=", "<=": "<", ">": ">=", ">=": ">"},
    "comparison": {"==": "!=", "!=": "=="},
    "logic": {"&&": "||", "||": "&&"},
    "arithmetic": {"+": "-", "-": "+", "*": "+", "/": "*", "&": "|", "|": "&", "<<": ">>", ">>": "<<",
                   "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|="},
}
WEAKER = {"smp_store_release": "WRITE_ONCE", "smp_load_acquire": "READ_ONCE"}
BINARY = re.compile(r"(?<= )(<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|\|=|&=|[<>+*/&|-])(?= )")
NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-f]+|\d+)([uUlL]*)(?![\w.])", re.I)
CONDITION = re.compile(r"\b(?:if|while) \(")
NEGATION = re.compile(r"!(?=[\w(])")
STEP = re.compile(r"\+\+|--")
BOOLEAN = re.compile(r"\b(true|false)\b")
BARRIER = re.compile(r"\b(%s)\b" % "|".join(WEAKER))
LOCK = re.compile(r"^\t+(?:if \(!?)?\w*(?:lock|unlock)\w*\((.*?)(?:, flags)?\);\n", re.M)
NO_STATEMENT = re.compile(r"(if|for|while|do|switch|case|default|else|return|goto|static|const|struct|union|enum|"
                          r"unsigned|int|long|char|bool|void|u8|u16|u32|u64|[sp]\w*_t|[A-Z]\w*\(.*\)$)\b")
STATEMENT = re.compile(r"^\t+([A-Za-z_*(+-][^;{}]*;)\n", re.M)
JUMP = re.compile(r"\b(break|continue);")
LEAVE = re.compile(r"^(\t+)if \((?:[^;{}]*)\)\n\1\t(return[^;]*|goto \w+);\n(?!\1else)", re.M)


class Mutant:
    """One place of a body: begin, end and what stands there instead. key: what it is, wherever it stands."""

    def __init__(self, function, kind, begin, end, text):
        self.function, self.kind, self.begin, self.end, self.text = function, kind, begin, end, text
        self.number = 0

    def body(self):
        body = self.function.body
        return body[:self.begin] + self.text + body[self.end:]

    def line(self):
        return self.function.line + self.function.body.count("\n", 0, self.begin)

    def _lines(self, text, begin, end):
        """The lines that hold begin..end, as one line."""
        first, last = text.rfind("\n", 0, begin) + 1, text.find("\n", max(end, begin + 1) - 1)
        return " ".join(text[first:last].split())

    def before(self):
        return self._lines(self.function.body, self.begin, self.end)

    def after(self):
        if "\n" in self.function.body[self.begin:self.end]:
            return "(nothing)" if not self.text.strip() else " ".join(self.text.split())
        return self._lines(self.body(), self.begin, self.begin + len(self.text)) or "(nothing)"

    def key(self):
        return "%s:%s\t%s\t%s" % (self.function.file, self.function.name, self.before(), self.after())


def _closing(text, at):
    """Where the parenthesis that opens at `at` ends."""
    depth = 0
    for end in range(at, len(text)):
        depth += (text[end] == "(") - (text[end] == ")")
        if not depth:
            return end
    return -1


def _operators(code):
    for found in BINARY.finditer(code):
        for kind, swap in SWAPS.items():
            if found[1] in swap:
                yield kind, found.start(), found.end(), swap[found[1]]


def _tokens(code):
    for found in NUMBER.finditer(code):
        yield "constant", found.start(), found.end(), "%d%s" % (int(found[1], 0) + 1, found[2])
    for found in NEGATION.finditer(code):
        yield "condition", found.start(), found.end(), ""
    for found in STEP.finditer(code):
        yield "arithmetic", found.start(), found.end(), {"++": "--", "--": "++"}[found[0]]
    for found in BOOLEAN.finditer(code):
        yield "constant", found.start(), found.end(), {"true": "false", "false": "true"}[found[0]]
    for found in BARRIER.finditer(code):
        yield "barrier", found.start(), found.end(), WEAKER[found[0]]
    for found in JUMP.finditer(code):
        yield "statement", found.start(), found.end(), ";"


def _conditions(code):
    for found in CONDITION.finditer(code):
        opening, end = found.end() - 1, _closing(code, found.end() - 1)
        if end > 0:
            yield "condition", opening, end + 1, "(!%s)" % code[opening:end + 1]


def _statements(code):
    for found in STATEMENT.finditer(code):
        if not NO_STATEMENT.match(found[1]) and found[1].count("(") == found[1].count(")"):
            yield "statement", found.start(1), found.end(1), ";"


def _error_paths(code):
    for found in LEAVE.finditer(code):
        yield "error path", found.start(), found.end(), ""


def _locks(code):
    """All takings and droppings of one lock in one function go together."""
    calls = {}
    for found in LOCK.finditer(code):
        if not found[0].lstrip().startswith("if"):
            calls.setdefault(found[1], []).append(found)
    for found in calls.values():
        begin, end = found[0].start(), found[-1].end()
        kept, at = "", begin
        for call in found:
            kept, at = kept + code[at:call.start()] + "\t;\n", call.end()
        if len(found) > 1:
            yield "lock", begin, end, kept


def of(function):
    """All mutants of a function. What is quoted stays: conditions that hold a text are taken from the body itself."""
    code = source.masked(function.body)
    for make in (_operators, _tokens, _conditions, _statements, _error_paths, _locks):
        for kind, begin, end, text in make(code):
            if kind == "condition" and text:
                text = "(!%s)" % function.body[begin:end]
            yield Mutant(function, kind, begin, end, text)
