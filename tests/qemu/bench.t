#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The benchmark itself: every curve runs and has a goal, stretches of known length are seen at their length, and what
# misses a goal is called so.
import sys
sys.dont_write_bytecode = True

import os
import subprocess

import guest
import tap

BENCH = os.path.join(guest.ROOT, "tests", "bench")
sys.path.insert(0, BENCH)

import goals
import growth
import measure
import picture
import symbols

MARGIN = 300  # instructions around a stretch of known length
SELF = {"preempt_off": 1, "irqs_off": 1, "both": 1, "nested": 1, "in_two": 0.5}  # of the size, the longest stretch


def build_plugin():
    plugin = guest.build_path("count.so")
    command = [os.environ.get("CC") or "gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden",
               "-shared", "-fPIC", os.path.join(BENCH, "plugin", "count.c"), "-o", plugin]
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def stretches(out, mode):
    rows, reports = measure.boot(mode, 1, "bench_self", measure.ICOUNT, "bound")
    table, wrong = symbols.Symbols(measure.kernel_of(mode)), []
    for row, report in zip(rows, reports or []):
        length, wanted = measure.stretch_of(report, table)[0], SELF[row["name"]] * row["size"]
        if not wanted <= length <= wanted + MARGIN:
            wrong.append("%s: %d instead of %d" % (row["name"], length, wanted))
    out.ok(reports is None or (len(rows) == 2 * len(SELF) and not wrong), "%s: stretches of known length" % mode, wrong,
           "this QEMU has no plugins" if reports is None else None)


def every_curve(out, mode, lines):
    """Each curve of the kernel has a goal, and each goal but those of whole machines a curve."""
    os.environ.update(MOST="100")
    rows, _ = measure.boot(mode, 1, "bench_growth", measure.ICOUNT)
    names = {row["name"] for row in rows}
    lost = [name for name in names if not any(line.fits(name, line.size.replace("*", "1")) for line in lines)]
    out.ok(len(names) > 10 and not lost, "%s: each curve has a line in growth.tsv" % mode, sorted(lost))


def point(name, size, average, stretch=None, **more):
    return growth.Point(dict(name=name, size=size, ops=2, ticks=2 * average, worst=average, quiet=average, **more),
                        growth.goal_of(growth.read_goals(), name, size), stretch)


def verdict(mode, first, second):
    """Of the second of two points of a curve."""
    for one in (first, second):
        one.find_value(None)
        one.limit = one.goal.limit(mode, first.value)
    return growth.judge(second)[1]


def judged(out):
    few = point("mm_create", 200, 3000)
    cases = {
        "at the goal": (verdict("x64", few, point("mm_create", 200, 4000)), "OK"),
        "over it": (verdict("x64", few, point("mm_create", 200, 4001)), "MISSED"),
        "another one of PAE": (verdict("pae", few, point("mm_create", 200, 9999)), "OK"),
        "1.6 times x64's": (verdict("i386", few, point("vmap_1p_live", 100, 1601)), "MISSED"),
        "a tenth more than the first": (verdict("x64", point("vmalloc_1p_live", 100, 500),
                                                point("vmalloc_1p_live", 1000, 550)), "OK"),
        "more than that": (verdict("x64", point("vmalloc_1p_live", 100, 500),
                                   point("vmalloc_1p_live", 1000, 551)), "MISSED"),
        "each of 1,000": (verdict("x64", few, point("unmap_aliases_half_dirty", 1000, 500000)), "OK"),
        "too long without preemption": (verdict("x64", few, point("mm_create", 200, 10, (20001, "a", "b"))),
                                        "TOO LONG"),
    }
    for name, (got, wanted) in cases.items():
        out.ok(got == wanted, "a curve: %s" % name, ["%s instead of %s" % (got, wanted)])


def rows_judged(out):
    x64, i386 = goals.Goals("x64"), goals.Goals("i386")
    out.ok(x64.misses("vmalloc_1p", 290, 340, 2980) == [], "a row at its goals")
    out.ok(x64.misses("vmalloc_1p", 290, 341, 2980) == ["cost > 340"], "a row that costs too much")
    out.ok(i386.misses("vmalloc_1p", 800, 900, 2274) == ["ratio < 3"], "a row of i386 below the least ratio")
    out.ok(x64.misses_of_means(10.99, 7) == ["mean < 11"], "a mean below its goal")
    out.ok(goals.shared_misses("ioremap_4K", 1.1) == ["1.10 > 1"], "a row of two CPUs that shares too much")
    linux = set(goals.read_linux("x86_64"))
    lost = [line[0] for line in x64.lines if line[0] not in linux | {"mean", "median", "*"}]
    out.ok(len(linux) > 40 and not lost, "each line of goals.tsv is a row that Linux has", lost)
    svg = picture.draw("t", {"a": [(10, 5, 7, 6), (100, 50, None, 6)], "flat": [(1, 2, None, 0), (2, 2, None, 0)]})
    out.ok(svg.count("<polyline") == 3 and "NaN" not in svg, "the picture has its lines", [svg])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    judged(out)
    rows_judged(out)
    built = build_plugin()
    out.ok(built.returncode == 0, "the plugin is built", [built.stdout])
    try:
        for mode in ("x64", "pae"):
            stretches(out, mode)
        every_curve(out, "x64", growth.read_goals())
    except (guest.SetupError, measure.Failed) as error:
        out.ok(False, "bench: a guest", [str(error)])
    return out.end()


sys.exit(main())
