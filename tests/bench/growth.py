# SPDX-License-Identifier: MIT
"""`make bench-growth`: what one call costs while the rest grows, beside the goals of growth.tsv."""

import fnmatch
import os

import guest
import picture
from goals import lines_of
from measure import ICOUNT, boot, kernel_of, selected, stretch_of, too_long
from symbols import Symbols

COLUMNS = ("x64", "pae", "i386")
WIDER = 1.6       # a goal `*` of 32-bit modes: so many times that of x64
CPUS = {"x64": (2, 4, 8, 16), "pae": (2, 4, 8)}
RAM = {"x64": (256, 1024, 2048, 3072, 4096, 8192, 71680), "pae": (256, 1024, 3072, 4096, 8192)}  # MiB
RAM_ROWS = ("alloc_page", "vmalloc_1p", "vmalloc_16p", "vm_map_ram_1p", "vmap_16p")


class Goal:
    """A line of growth.tsv."""

    def __init__(self, words):
        self.curve, self.size, self.of, self.linux, *goals = words
        self.goals = dict(zip(COLUMNS, goals))

    def fits(self, curve, size):
        return fnmatch.fnmatchcase(curve, self.curve) and self.size in ("*", str(size))

    def limit(self, mode, first):
        text = self.goals["x64" if mode.startswith("x64") else mode]
        if text == "-":
            return None
        if text == "*":
            return float(self.goals["x64"]) * WIDER
        if text.startswith("first+"):
            more = text.removeprefix("first+")
            return first * (1 + float(more[:-1]) / 100) if more.endswith("%") else first + float(more)
        return float(text)


def read_goals():
    return [Goal(words) for words in lines_of("growth.tsv") if not words[0].startswith("#")]


def goal_of(goals, curve, size):
    """A line for this very size before one for all."""
    fitting = [goal for goal in goals if goal.fits(curve, size)]
    return min(fitting, key=lambda goal: goal.size == "*", default=None)


class Point:
    """One size of one curve: value is what the goal is for."""

    def __init__(self, row, goal, stretch):
        self.curve, self.size, self.of, self.goal = row["name"], row["size"], goal.of if goal else "call", goal
        self.average = row["ticks"] / row["ops"] if "ops" in row else None
        self.worst, self.quiet = row.get("worst"), row.get("quiet")
        self.stretch = stretch
        self.value = row.get("value")

    def find_value(self, base):
        """base: the average with size 0, or None."""
        if self.of == "worst":
            self.value = self.quiet
        elif self.of == "each":
            self.value = self.average / max(self.size, 1)
        elif self.of == "slope":
            self.value = (self.average - (base or 0)) / self.size if self.size else None
        elif self.of == "call":
            self.value = self.average


def measure(mode, goals):
    """Points of all curves of one mode, in order."""
    table, points = Symbols(kernel_of(mode)), []
    for cpus, suite in [(1, "bench_growth")] + [(cpus, "bench_growth.cpus") for cpus in CPUS.get(mode, ())]:
        rows, reports = boot(mode, cpus, suite, ICOUNT, "bound", timeout=1800)
        left = iter(reports or [])
        for row in rows:
            report = next(left, None) if "ops" in row else None
            points.append(Point(row, goal_of(goals, row["name"], row["size"]), stretch_of(report, table)))
    return points


def measure_ram(mode, goals):
    """Rows of `make bench` on machines with more and more RAM."""
    points, before = [], os.environ.get("ROW")
    wanted = [row for row in RAM_ROWS if selected("ram/" + row)]
    for mib in RAM.get(mode, ()) if wanted else ():
        os.environ["ROW"] = ",".join(wanted)
        for row in boot(mode, 1, "bench", ICOUNT, memory="%dM" % mib)[0]:
            if "ops" in row:
                row.update(name="ram/" + row["name"], size=mib)
                points.append(Point(row, goal_of(goals, row["name"], mib), None))
    os.environ["ROW"] = before or ""
    return points


def number(value):
    return "-" if value is None else "%.0f" % value


def judge(point):
    """(goal as text, verdict)"""
    if point.limit is not None and point.value > point.limit:
        return number(point.limit), "MISSED"
    if too_long(point.stretch):
        return number(point.limit), "TOO LONG"
    return number(point.limit), "OK" if point.limit is not None else ""


def print_curve(mode, points):
    """Prints the sizes of one curve; how many of them missed a goal."""
    base = next((point.average for point in points if point.size == 0), None)
    for point in points:
        point.find_value(base)
    first, missed = points[0].value, 0
    for point in points:
        point.limit = point.goal.limit(mode, first) if point.goal and point.value is not None else None
        goal, verdict = judge(point)
        missed += verdict in ("MISSED", "TOO LONG")
        print("%-27s %8d %10s %-5s %10s %9s  %7s %8s  %-8s %s" % (
            point.curve, point.size, number(point.value), point.of, number(point.worst),
            number(point.stretch and point.stretch[0]), point.goal.linux if point.goal else "-", goal, verdict,
            "".join(too_long(point.stretch))), flush=True)
    return missed


def write_picture(mode, points):
    """In build/release; a copy of x64's is in this folder."""
    series = {}
    for point in points:
        linux = float(point.goal.linux) if point.goal and point.goal.linux != "-" else None
        series.setdefault(point.curve, []).append((point.size, point.value, linux, point.limit))
    path = guest.build_path("growth-%s.svg" % mode)
    with open(path, "w") as file:
        file.write(picture.draw("%s: instructions as work grows" % mode, series))
    return path


def curves(mode):
    """The command: the number of points that missed a goal."""
    goals = read_goals()
    print("\n%-27s %8s %10s %-5s %10s %9s  %7s %8s" % (mode, "size", "cost", "of", "worst", "no preempt", "Linux",
                                                     "goal"))
    missed, shown = 0, []
    for points in (measure(mode, goals), measure_ram(mode, goals)):
        for name in dict.fromkeys(point.curve for point in points):
            missed += print_curve(mode, [point for point in points if point.curve == name])
        shown += points
    print("%s: %d of %d points missed a goal; picture: %s" % (mode, missed, len(shown), write_picture(mode, shown)),
          flush=True)
    return missed
