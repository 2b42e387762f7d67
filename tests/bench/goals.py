# SPDX-License-Identifier: MIT
"""Linux's figures, and the goals of goals.tsv, smp.tsv and native.tsv."""

import fnmatch
import os

HERE = os.path.dirname(os.path.abspath(__file__))
LOCKED = 17  # what a locked instruction costs beside being one: it took 18 cycles where it was measured natively


def lines_of(*path):
    with open(os.path.join(HERE, *path)) as file:
        return [line.rstrip("\n").split("\t") for line in file if line.strip()]


def read_linux(column):
    """{row: instructions of Linux; None: it cannot do that}"""
    lines = lines_of("linux", "linux-best.tsv")
    at = next(line for line in lines if line[0] == "# row").index(column)
    return {line[0]: None if line[at] == "-" else int(line[at]) for line in lines if not line[0].startswith("#")}


def cost(instructions, locked):
    return instructions + LOCKED * locked


def shared_misses(name, writes):
    """Words about a row of `make bench-smp` that writes more to shared lines than it should."""
    limits = [float(line[1]) for line in lines_of("smp.tsv") if line[0] == name]
    return ["%.2f > %g" % (writes, limit) for limit in limits if writes > limit]


def native_missed(row, what, value):
    """Prints a number of `make bench-native` beside its goal; True: it is missed."""
    limit = next(int(line[2]) for line in lines_of("native.tsv") if line[:2] == [row, what])
    print("%-24s %-12s %8d  goal %8d  %s" % (row, what, value, limit, "MISSED" if value > limit else "OK"))
    return value > limit


class Goals:
    """Those of one mode."""

    def __init__(self, mode):
        self.mode = mode
        self.lines = [line for line in lines_of("goals.tsv") if not line[0].startswith("#")]
        self.column = {"pae": 4, "i386": 5}.get(mode, 3)

    def line(self, name):
        return next(line for line in self.lines if fnmatch.fnmatchcase(name, line[0]))

    def misses(self, name, ours, cost_of_row, linux):
        """What a row misses, as words. Rounded as they are printed."""
        line, words = self.line(name), []
        for what, value, limit in (("instructions", ours, line[1]), ("cost", cost_of_row, line[2])):
            if self.mode == "x64" and limit != "-" and value is not None and round(value) > float(limit):
                words.append("%s > %s" % (what, limit))
        if linux and round(linux / ours, 2) < float(line[self.column]):
            words.append("ratio < %s" % line[self.column])
        return words

    def misses_of_means(self, mean, median):
        return ["%s < %s" % (name, self.line(name)[self.column]) for name, value in (("mean", mean), ("median", median))
                if round(value, 2) < float(self.line(name)[self.column])]
