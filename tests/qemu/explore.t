#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The explorer (tests/explore): its search against full enumeration, and the scenarios that take seconds. `make explore`
# gives each the time that it needs.
import sys
sys.dont_write_bytecode = True

import os
import subprocess

import guest
import make
import slots
import tap

sys.path.insert(0, os.path.join(guest.ROOT, "tests", "explore"))

import runs

SETS = ("toys", "4level", "pae")
SECONDS = "5"    # for each scenario
PROGRAMS = 100   # at random, in all orders


def patches_apply(out):
    """Those of mutations/; to run them takes longer (make explore-broken)."""
    folder = os.path.join(guest.ROOT, "tests", "explore", "mutations")
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".patch")):
        said = subprocess.run(["patch", "--dry-run", "-s", "-p1", "-i", os.path.join(folder, name)], cwd=guest.ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        out.ok(said.returncode == 0, "explore: %s applies" % name, said.stdout.splitlines())


def compare(out, toys):
    """The reduction finds the end states that all orders find, in random programs."""
    with slots.Job("program", "explore: random programs", 20):
        said = subprocess.run([toys, "-s", "random", "-c", str(PROGRAMS)], stdout=subprocess.PIPE, text=True)
    out.ok(said.returncode == 0, "explore: the search against full enumeration", said.stdout.splitlines())
    print("# %s" % said.stdout.partition(" # ")[2].splitlines()[0], flush=True)


def main():
    tap.only_without_choice()
    out = tap.Tap()
    paths = [os.path.join("build", "explore", name) for name in SETS]
    for path in paths:
        code, lines = make.make("explore: " + os.path.basename(path), 25, path)
        out.ok(code == 0, "explore: %s is built" % os.path.basename(path), lines)
        if code:
            return out.end()
    os.chdir(guest.ROOT)
    patches_apply(out)
    compare(out, paths[0])
    runs.run_all(out, paths, "*", ["-t", SECONDS])
    return out.end()


sys.exit(main())
