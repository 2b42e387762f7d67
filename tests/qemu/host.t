#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The host ring (tests/host): its sets of objects are built side by side, then their programs run. CHECK=1: the set of 4
# levels.
import sys
sys.dont_write_bytecode = True

import os
import subprocess

import guest
import make
import programs
import slots
import tap

RING = ("-f", "tests/host/host.mk")
SECONDS = 60  # that building a set takes, about


def sets():
    """{set: paths of its programs}."""
    said = subprocess.run(["make", "-s", "--no-print-directory", *RING, "host-sets"], cwd=guest.ROOT,
                          env=make.environment(), capture_output=True, text=True, check=True).stdout
    found = {words[0]: words[1:] for words in map(str.split, said.splitlines())}
    if os.environ.get("CHECK"):
        return {"4level": [path for path in found["4level"] if "/4level/" in path]}
    return found


def build_and_run(choice):
    """(set, how the build ended, its programs after their run)."""
    name, paths, announced = choice
    side_by_side = ["-j%d" % os.cpu_count()] if os.environ.get("CHECK") else []  # nothing else is built then
    code, lines = make.make("host: " + name, SECONDS, *RING, *side_by_side, "TOGETHER=1", *paths)
    return name, code, lines, list(slots.each(programs.Program.run, announced)) if code == 0 else []


def main():
    tap.only_without_choice()
    out, choices = tap.Tap(), []
    fuzzers = [path for paths in sets().values() for path in paths if programs.is_fuzzer(path)]
    for name, paths in sets().items():
        choices.append((name, paths, [programs.Program(path, fuzzers) for path in paths]))
    for name, code, lines, ended in slots.each(build_and_run, choices):
        out.ok(code == 0, "host: %s is built" % name, lines)
        for program in ended:
            program.report(out)
    return out.end()


sys.exit(main())
