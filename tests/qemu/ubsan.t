#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The build that checks itself for undefined behaviour, one of the three targets: it reports each kind by its name, and
# the chosen tests do nothing undefined. By hand: make CONFIG=ubsan O=build/ubsan, and all tests in each mode.
import sys
sys.dont_write_bytecode = True

import os

import guest
import make
import matrix
import tap

ENV, TARGET = "x64", "x86_64"
TESTS = "ubsan.*,vmalloc.*,vm_api.*,vm_huge.*,set_memory.*,percpu.*,proc.memory,text.*"


def build(folder):
    code, lines = make.make_kernels(folder, "CONFIG=ubsan", targets=(TARGET,))
    if code == 0:
        iso = make.make_iso(os.path.join(folder, "kvasir.iso"), [os.path.join(folder, TARGET, "kernel")])
        code, lines = iso.returncode, iso.stdout.split("\n")
    os.environ.update(O=folder, ISO=os.path.join(guest.ROOT, folder, "kvasir.iso"))
    return code, lines


def main():
    tap.only_without_choice()
    out = tap.Tap()
    code, lines = build(os.path.join(os.environ.get("O") or "build", "ubsan"))
    if out.ok(code == 0, "the build with checks of undefined behaviour", lines):
        machine = guest.Machine(ENV, 2, "256M", cmdline="exit test=" + TESTS, turns=True)
        row = matrix.Row(ENV, "2", machine.cpu, "bios", "cd", "256M", TESTS, "ubsan")
        matrix.boot_all(out, [(row, machine)], TESTS)
    return out.end()


sys.exit(main())
