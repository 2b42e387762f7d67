# SPDX-License-Identifier: MIT
"""Writing TAP, the format that prove reads: one numbered line a test, the plan at the end."""

import os
import sys


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, comments=(), skip=None):
        """One result. comments explain a failure; skip is the reason why nothing was tested."""
        self.count += 1
        self.failed += not good
        directive = " # SKIP %s" % skip if skip is not None else ""
        print("%sok %d - %s%s" % ("" if good else "not ", self.count, name.replace("#", "\\#"), directive), flush=True)
        if not good:
            self.note(comments)
        return good

    def note(self, comments):
        """Every line behind a '#': a guest's own "Bail out!" at the start of a line would stop prove."""
        for line in "\n".join(comments).splitlines():
            print("# %s" % line, flush=True)

    def end(self):
        """The plan; the value is the exit code of the script."""
        print("1..%d" % self.count, flush=True)
        return 1 if self.failed else 0


def skip_all(why):
    print("1..0 # SKIP %s" % why)
    sys.exit(0)


def only_without_choice():
    """ENV= and T= choose booted tests, so everything else steps aside."""
    for name in ("ENV", "T"):
        if os.environ.get(name):
            skip_all("%s=%s chooses booted tests" % (name, os.environ[name]))
