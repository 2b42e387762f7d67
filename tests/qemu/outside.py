# SPDX-License-Identifier: MIT
"""tests/outside.md: the tests that its rows name, whether they exist, and whether they ran.

A name in the column `test` is `suite.name` of a booted test, `unit_x.test` of a host program, `x.t` of this folder, or
alone the name of a host program, of a mutation or of a program of tests/user. A `*` stands for anything, and something
must match it.
"""

import fnmatch
import glob
import os
import re
from collections import namedtuple

import guest

TABLE = os.path.join("tests", "outside.md")
MODES = [env for env in guest.ENVS if env != "auto"]
HOST = ("unit_", "race_", "fuzz_")
BOOTED = re.compile(r"(not )?ok \d+ - (?:bochs |v86 )?(\S+) \d+cpu .*: ([A-Za-z0-9_]+\.[A-Za-z0-9_]+)( # SKIP.*)?$")
CRASH = re.compile(r"(not )?ok \d+ - (\S+): (\w+) is reported$")
PROGRAM = re.compile(r"(not )?ok \d+ - \S+/(\w+): (\w+).*?( # SKIP.*)?$")
MUTATION = re.compile(r"(not )?ok \d+ - ([a-z0-9-]+) applies$")

Row = namedtuple("Row", "entry tests modes")  # modes: of the booted tests


def rows():
    """The rows of the tables, and what cannot be read as one."""
    found, wrong = [], []
    with open(os.path.join(guest.ROOT, TABLE)) as file:
        for number, line in enumerate(file, 1):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
            if not cells or not cells[0] or set(cells[0]) <= set("-: "):
                continue
            tests = re.findall(r"`([^`]+)`", cells[3]) if len(cells) == 5 else []
            modes = [env for env in MODES if re.search(r"(?<![\w-])%s(?![\w-])" % env, cells[-1])] or MODES
            if tests or len(cells) == 5 and cells[3] == "none":
                found.append(Row(cells[0], tests, modes))
            else:
                wrong.append("%s:%d: a row has five columns, and names in backticks, or none, in the fourth"
                             % (TABLE, number))
    return found, wrong


def kind(name):
    if name.endswith(".t"):
        return "script"
    if name.startswith(HOST):
        return "host"
    return "booted" if "." in name else "alone"


def text_of(*patterns):
    """All files of the repository that match, as one text."""
    texts = []
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(guest.ROOT, "tests", pattern))):
            if os.path.isfile(path):
                with open(path, errors="replace") as file:
                    texts.append(file.read())
    return "\n".join(texts)


def there(*words):
    return bool(glob.glob(os.path.join(guest.ROOT, "tests", *words)))


def exists(name):
    what, (first, _, last) = kind(name), name.partition(".")
    if what == "script":
        return there("qemu", name)
    if what == "alone":
        return there("mutations", name + ".patch") or there("user", name + ".c")
    if what == "booted":
        return bool(fnmatch.filter([".".join(found)
                                    for found in re.findall(r"\bKTEST\((\w+), (\w+)\)", text_of("kernel/*.c"))], name))
    tests = re.findall(r"\b(?:cmocka_unit_test\w*|TEST)\((\w+)", text_of("host/%s.c" % first))
    return there("host", first + ".c") and (not last or bool(fnmatch.filter(tests, last)))


def missing():
    """For the checks of the house: a line for each row or name that is wrong."""
    found, wrong = rows()
    yield from wrong
    for row in found:
        for name in row.tests:
            if not exists(name):
                yield "%s: %s names %s, which is not there" % (TABLE, row.entry, name)


class Ran:
    """What the scripts of the last `make test` wrote: names of what passed, booted ones by mode."""

    def __init__(self):
        self.booted = {env: set() for env in MODES}
        self.host, self.mutations, self.scripts = set(), set(), set()
        self.skipped = {}  # scripts that lack something here, and what
        for path in glob.glob(guest.build_path("tap", "*.t")):
            with open(path, errors="replace") as file:
                self.read(os.path.basename(path), file.read().split("\n"))
        self.quoted = set(re.findall(r'"([a-z0-9_]+)', text_of("kernel/*.c", "qemu/*.t")))

    def read(self, script, lines):
        if any(re.match(r"ok .*", line) and " # SKIP" not in line for line in lines):
            self.scripts.add(script)
        elif skipped := re.match(r"1\.\.0 # SKIP (.*)", lines[0]):
            self.skipped[script] = skipped[1]
        for line in lines:
            if found := BOOTED.match(line) or CRASH.match(line):
                failed, env, name, *skip = found.groups()
                if env in self.booted and not failed and skip in ([], [None]):
                    self.booted[env].add(name if "." in name else "crash." + name)
            elif found := PROGRAM.match(line):
                failed, program, test, skip = found.groups()
                if not failed and not skip:
                    self.host |= {program, "%s.%s" % (program, test)}
            elif (found := MUTATION.match(line)) and not found[1]:
                self.mutations.add(found[2])

    def lacks(self, name, modes):
        """Where it did not run: modes, or [""]; empty if it ran."""
        what = kind(name)
        if what == "booted":
            return [env for env in modes if not fnmatch.filter(self.booted[env], name)]
        if what == "alone":
            return [] if name in self.mutations or name in self.quoted and there("user", name + ".c") else [""]
        return [] if fnmatch.filter(self.host if what == "host" else self.scripts, name) else [""]
