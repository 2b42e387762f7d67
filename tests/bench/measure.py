# SPDX-License-Identifier: MIT
"""One guest of the benchmark: boot it, read what it and the plugin inside QEMU have printed."""

import fnmatch
import os
import subprocess

import guest
import ktap
import symbols

# The CPU that can do what the rows ask for, more words for the kernel, and the column of linux-best.tsv.
MODES = {
    "x64": ("qemu64,+pdpe1gb", "", "x86_64"),
    "x64-la57": ("max", "", "x86_64"),
    "pae": ("qemu32", "vmalloc=512M", "pae"),
    "i386": ("pentium", "vmalloc=512M", "i386"),
}
ICOUNT = ["-icount", "shift=0,sleep=off"]


LONGEST = 20000  # instructions of a stretch without preemption: more is a fault


class Failed(Exception):
    pass


def wanted_modes(default):
    mode = os.environ.get("ENV")
    return [mode] if mode in MODES else default


def selected(name):
    """Does ROW ask for it?"""
    globs = os.environ.get("ROW")
    return not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs.split(","))


def kernel_of(mode):
    return guest.build_path(guest.ENVS[mode]["kernel"], "kernel.elf")


def plugin_flags(mode, count, out):
    """QEMU's arguments for plugin/count.c; none if this QEMU has no plugins."""
    plugin = guest.build_path("count.so")
    known = subprocess.run([guest.qemu("qemu-system-x86_64"), "-help"], capture_output=True, text=True).stdout
    if "-plugin" not in known or not os.path.exists(plugin):
        return []
    table = symbols.Symbols(kernel_of(mode))
    markers = ",".join("%s=%x" % (name, table.address("bench_" + name)) for name in ("begin", "end", "report"))
    markers += ",stubs=%x,preempt=%x" % (table.address("trap_stubs"), table.address("preempt_count"))
    return ["-plugin", "%s,%s,count=%s,out=%s" % (plugin, markers, count, out)]


def boot(mode, cpus, suite, flags=(), count=None, memory="1G", timeout=600):
    """One guest. (rows as the kernel printed them, what the plugin wrote at each report)"""
    cpu, words, _ = MODES[mode]
    out = guest.build_path("bench-count.txt")
    flags = list(flags) + (plugin_flags(mode, count, out) if count else [])
    words = "exit nokaslr test=%s %s" % (suite, words)
    for variable, word in (("ROW", "row"), ("N", "bench_n"), ("ROUNDS", "bench_rounds"), ("MOST", "growth_most")):
        words += " %s=%s" % (word, os.environ[variable]) if os.environ.get(variable) else ""
    machine = guest.Machine(mode, cpus, memory, cpu, cmdline=words, flags=flags)
    log = guest.build_path("logs", "%s-%s.log" % (suite, mode))
    run = guest.Run(machine, log, timeout=timeout, silence=300).run()
    verdict = ktap.verdict(run.log(), run.status, run.triple_fault())
    if verdict.code:
        lines = run.diagnosis(verdict.code) + run.last_lines(verdict.code)
        raise Failed("\n".join(lines
                               + ["%s: %s: %s (log: %s)"
                                  % (machine.name(), ktap.WORDS.get(verdict.code), verdict.reason,
                                                                log)]))
    reports = read_reports(out) if count and "-plugin" in flags else None
    return [row for row in map(read_row, ktap.clean(run.serial)) if row], reports


def read_row(line):
    """'    # areas: row vmalloc_1p ops=2000 ticks=7730032' as a dictionary; of a curve 'growth' instead of 'row'."""
    words = line.split()
    if len(words) < 4 or words[0] != "#" or words[2] not in ("row", "growth"):
        return None
    row = {key: int(value) for key, value in (word.split("=") for word in words[4:] if "=" in word)}
    return dict(row, name=words[3])


def read_reports(path):
    reports, lines = [], []
    with open(path) as file:
        for line in file:
            words = line.split()
            if words[0] == "end":
                reports.append(lines)
                lines = []
            else:
                lines.append(words)
    return reports


def locked_of(report):
    """Executed locked instructions, all CPUs'."""
    return sum(int(words[3]) + int(words[4]) for words in report if words[0] == "insn" and words[2] == "1")


def stretch_of(report, table):
    """(instructions, where it begins, where it ends) of the longest stretch without preemption; None."""
    stretches = [words for words in report or [] if words[0] == "off"]
    if not stretches:
        return None
    _, start, end, length, _ = max(stretches, key=lambda words: int(words[3]))
    return int(length), table.name(int(start, 16)), table.name(int(end, 16))


def too_long(stretch):
    """Words about a stretch, if it is too long, in a list."""
    return ["%d without preemption, %s to %s" % stretch] if stretch and stretch[0] > LONGEST else []
