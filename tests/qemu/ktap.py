# SPDX-License-Identifier: MIT
"""From the bytes of a serial line to a verdict.

read_log() finds the kernel's KTAP among what firmware and boot loader wrote and checks that it is complete; verdict()
believes it only if QEMU's exit status says the same. Nothing here starts a machine: runner.t feeds it canned logs.
"""

import re
from collections import namedtuple

# Exit codes of the runner, by word. The kernel writes 0x10 + n to the debug-exit port and QEMU ends with (value << 1) |
# 1.
PASS, FAIL, SETUP, ERROR, SKIP, CRASH, RESET, NO_START, TIMEOUT = 0, 1, 2, 3, 4, 5, 6, 7, 124
WORDS = {PASS: "PASS", FAIL: "FAIL", SETUP: "SETUP", ERROR: "ERROR", SKIP: "SKIP", CRASH: "CRASH", RESET: "RESET",
         NO_START: "NO START", TIMEOUT: "TIMEOUT"}
STATUS_CODES = {0x10 << 1 | 1: PASS, 0x11 << 1 | 1: FAIL, 0x13 << 1 | 1: ERROR, 0x14 << 1 | 1: SKIP,
                0x15 << 1 | 1: CRASH}

Result = namedtuple("Result", "name ok skip note comments")  # of one test; skip: the reason, or None
Verdict = namedtuple("Verdict", "code reason")

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>78DEHMc])")
BANNER = re.compile(r"kvasir [0-9]+\.[0-9]+.*levels=.*")
FIRST = re.compile(r"\[ *\d+\.\d{6}\] |kvasir [0-9]+\.[0-9]+ ")  # the kernel speaks, not firmware or boot loader
RESULT = re.compile(r"(?P<indent> *)(?P<no>not )?ok (?P<number>\d+) (?:- )?(?P<name>[A-Za-z0-9_.-]+)"
                    r"(?: *# *(?P<note>.*))?$")
GLUED = re.compile(r"\s*[^#\s].*\b(?:not )?ok (\d+) [a-z0-9_.-]+(?: *#.*)?$")
PROGRAM = re.compile(r"\d+\| ")  # what process n printed, which is no part of any verdict
TOTALS = re.compile(r"# totals: pass=(\d+) fail=(\d+) skip=(\d+) error=(\d+)$")


class Log:
    """What a guest said. `problems` lists everything that makes it unfit to be believed."""

    def __init__(self):
        self.banner = None    # "kvasir 0.1.0 ... levels=4 ...": proof that the kernel itself spoke
        self.results = []     # of tests, in order
        self.bail = None      # text behind "Bail out!"
        self.totals = None    # (pass, fail, skip, error) as the guest counted
        self.exit = None      # word of the last line
        self.problems = []

    def count(self):
        skipped = sum(1 for r in self.results if r.skip is not None)
        failed = sum(1 for r in self.results if not r.ok)
        return len(self.results) - failed - skipped, failed, skipped


def clean(raw):
    """Serial bytes as text lines: escape sequences and carriage returns taken out."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return ESCAPES.sub("", text).replace("\r", "").split("\n")


class Reader:
    """Takes lines one by one; `log` is complete when they are."""

    def __init__(self):
        self.log = Log()
        self.plans = {0: None, 4: None}      # promised results by indentation
        self.seen = {0: 0, 4: 0}
        self.started = False                 # past the first "KTAP version 1"
        self.suite = None
        self.suite_ok = True
        self.comments = []

    def line(self, line):
        line = line.rstrip()
        if PROGRAM.match(line):
            return
        if not self.started:
            self.before(line)
        elif self.log.exit is not None:      # what follows the verdict is not part of it, unless it is a panic
            if line.startswith("Bail out!"):
                self.ending(line)
        elif not (self.result(line) or self.structure(line)):
            self.glued(line)

    def problem(self, text):
        self.log.problems.append(text)

    def before(self, line):
        found = BANNER.search(line)
        if found:
            self.log.banner = found.group(0)
        elif line == "KTAP version 1" and self.log.banner:
            self.started = True
        else:
            self.ending(line)                # a panic before the first test, perhaps before the banner

    def result(self, line):
        found = RESULT.match(line)
        if not found:
            return False
        indent, number = len(found["indent"]), int(found["number"])
        if indent not in self.plans:
            self.problem("a result at column %d: %s" % (indent, line))
            return True
        self.seen[indent] += 1
        if self.plans[indent] is None:
            self.problem("a result before its plan: %s" % line.strip())
        if number != self.seen[indent]:
            self.problem("result %d where %d was due: %s" % (number, self.seen[indent], line.strip()))
        self.finish(found) if indent else self.finish_suite(found)
        return True

    def glued(self, line):
        """A result behind other text is lost for every reader of KTAP; say so instead of only missing it."""
        found = GLUED.match(line)
        if found and int(found[1]) in (seen + 1 for seen in self.seen.values()):
            self.problem("a result is glued behind other text: %s" % line)

    def finish(self, found):
        note = found["note"] or ""
        skip = note[4:].strip() if note.upper().startswith("SKIP") else None
        ok = not found["no"]
        if skip == "":
            self.problem("%s is skipped without a reason" % found["name"])
        self.log.results.append(Result("%s.%s" % (self.suite, found["name"]), ok, skip, note, self.comments))
        self.suite_ok &= ok
        self.comments = []

    def finish_suite(self, found):
        self.check_plan(4, "suite %s" % found["name"])
        if found["name"] != self.suite:
            self.problem("suite %s ends under the name %s" % (self.suite, found["name"]))
        if (not found["no"]) != self.suite_ok:
            self.problem("the line of suite %s disagrees with its tests" % found["name"])
        self.suite, self.suite_ok, self.comments = None, True, []

    def check_plan(self, indent, what):
        if self.plans[indent] is None:
            self.problem("%s has no plan" % what)
        elif self.plans[indent] != self.seen[indent]:
            self.problem("%s: %d of %d results" % (what, self.seen[indent], self.plans[indent]))
        self.plans[indent], self.seen[indent] = None, 0

    def structure(self, line):
        plan = re.match(r"( *)1\.\.(\d+)$", line)
        subtest = re.match(r" {4}# Subtest: (\S+)$", line)
        if plan and len(plan[1]) in self.plans:
            if self.plans[len(plan[1])] is not None:
                self.problem("a second plan: %s" % line.strip())
            self.plans[len(plan[1])] = int(plan[2])
        elif subtest:
            self.suite = subtest[1]
        elif line == "KTAP version 1":
            self.problem("the kernel started a second time")
        elif not self.ending(line) and re.match(r" *#", line):
            self.comments = self.comments + [line.strip()[1:].removeprefix(" ")]
        else:
            return bool(plan)
        return True

    def ending(self, line):
        totals, end = TOTALS.match(line), re.match(r"# exit: ([A-Z]+)$", line)
        if totals:
            self.log.totals = tuple(int(n) for n in totals.groups())
        elif end:
            self.log.exit = end[1]
        elif line.startswith("Bail out!"):
            self.log.bail = self.log.bail or line[len("Bail out!"):].strip() or "no reason given"
        return bool(totals or end) or line.startswith("Bail out!")

    def end(self):
        if self.log.bail is None:
            self.completeness()
        return self.log

    def completeness(self):
        if not self.log.banner:
            self.problem("the kernel's first line was never seen")
        elif not self.started:
            self.problem("no KTAP")
        else:
            self.check_plan(0, "the run")
            self.totals()

    def totals(self):
        log = self.log
        if log.exit is None:
            self.problem("the log ends without '# exit:'")
        if log.totals is None:
            self.problem("there is no '# totals:' line")
            return
        passed, failed, skipped = log.count()
        if log.totals[:3] != (passed, failed, skipped):
            self.problem("totals say pass=%d fail=%d skip=%d," % log.totals[:3] +
                         " the lines pass=%d fail=%d skip=%d" % (passed, failed, skipped))
        if log.exit not in (None, self.word()):
            self.problem("'# exit: %s' where the results mean %s" % (log.exit, self.word()))

    def word(self):
        passed, failed, skipped = self.log.count()
        if self.log.totals[3] or not passed + failed + skipped:
            return "ERROR"
        return "FAIL" if failed else "PASS" if passed else "SKIP"


def status_of(word):
    """QEMU's status for the word of the log's last line, for an emulator that has no debug-exit port; 0: no such
    word."""
    return next((value for value, code in STATUS_CODES.items() if WORDS[code] == word), 0)


def read_log(raw):
    reader = Reader()
    for line in clean(raw):
        reader.line(line)
    return reader.end()


def verdict(log, status, triple_fault=False):
    """The one code for a run. status: QEMU's exit status, None if it had to be stopped."""
    if status is None:
        return Verdict(TIMEOUT, "no end was reached" if log.bail is None else "hung after: " + log.bail)
    if status == 0:
        return without_status(log, triple_fault)
    if status == 1 and not log.banner:
        return Verdict(NO_START, "the emulator could not start")
    if status >= 128:
        return Verdict(status, "the emulator was killed by signal %d" % (status - 128))
    code = STATUS_CODES.get(status)
    if code is None:
        return Verdict(ERROR, "the emulator ended with status %d, which the kernel never asks for" % status)
    if code == CRASH:
        return Verdict(CRASH, log.bail or "the status says panic, but the log has no 'Bail out!'")
    return agreement(log, code)


def without_status(log, triple_fault):
    """Status 0: nobody wrote to the debug-exit port, so whatever the log says, this is no pass."""
    if triple_fault:
        return Verdict(RESET, "triple fault")
    if log.bail:
        return Verdict(CRASH, log.bail)
    if log.exit:
        return Verdict(ERROR, "the log ends with '# exit: %s', but the machine was switched off or reset" % log.exit)
    return Verdict(RESET, "the machine was switched off or reset without a verdict")


def agreement(log, code):
    if log.bail:
        return Verdict(ERROR, "the log has 'Bail out! %s', but the status says %s" % (log.bail, WORDS[code]))
    if log.problems:
        return Verdict(ERROR, log.problems[0])
    if log.exit != WORDS[code]:
        return Verdict(ERROR, "the log says %s, the status %s" % (log.exit, WORDS[code]))
    passed, failed, skipped = log.count()
    return Verdict(code, "%d passed, %d failed, %d skipped" % (passed, failed, skipped))
