#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The build that is measured passes the tests too, in each mode; what needs a debug option is skipped there.
import sys
sys.dont_write_bytecode = True

import os
import re
from concurrent.futures import ThreadPoolExecutor

import guest
import make
import matrix
import slots
import tap

MACHINES = (("x64", 4), ("x64-la57", 2), ("pae", 4), ("i386", 2))  # each CPU a thread of its own
CRASHES = ("x64", "i386")


def build(folder):
    code, lines = make.make_kernels(folder, "CONFIG=release")
    if code == 0:
        code, lines = make.make("bench-build", 3, "bench-build")  # and the image
    os.environ.update(O=folder, ISO=os.path.join(guest.ROOT, folder, "kvasir.iso"))
    return code, lines


def crash(env):
    machine = guest.Machine(env, 2, cmdline="exit test=crash.fault_in_the_fault_handler")
    return guest.Run(machine, guest.build_path("logs", "crash-%s.log" % env), timeout=60, silence=20).run()


def guessed_backtrace(out, env, run):
    """Without frame pointers the callers, and what a trap interrupted, are searched for on the stack and marked as a
    guess."""
    text = run.serial.decode("utf-8", "replace")
    good = (re.search(r"\] +[0-9a-f]+ bad_tracer\+", text) and re.search(r"\] +[0-9a-f]+ \? thread_main\+", text)
            and re.search(r"\? page fault \(vector 14, .*address 0xe2ad000\) struck at:\r?\n"
                          r"\[.*\] +[0-9a-f]+ \? first_fault\+", text))
    out.ok(good, "%s: a backtrace without frame pointers" % env, text.split("\n")[-30:])


def machine_of(env, cpus):
    machine = guest.Machine(env, cpus, "256M", cmdline="exit test=all")
    return matrix.Row(env, str(cpus), machine.cpu, "bios", "cd", "256M", "all", "release"), machine


def main():
    tap.only_without_choice()
    out = tap.Tap()
    code, lines = build(os.path.join(os.environ.get("O") or "build", "release"))
    if not out.ok(code == 0, "the release build and the plugin of the benchmark", lines):
        return out.end()
    with ThreadPoolExecutor(1) as beside:
        crashes = beside.submit(lambda: list(slots.each(crash, CRASHES)))
        matrix.boot_all(out, [machine_of(*choice) for choice in MACHINES], "all")
        for env, run in zip(CRASHES, crashes.result()):
            guessed_backtrace(out, env, run)
    return out.end()


sys.exit(main())
