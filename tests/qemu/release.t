#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The build that is measured passes the tests too, in each mode; what needs a debug option is skipped there.
import sys
sys.dont_write_bytecode = True

import os
import re
import subprocess

import guest
import matrix
import tap

MACHINES = (("x64", 4), ("x64-la57", 2), ("pae", 4), ("i386", 2))


def build(folder):
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "ISO", "V", "ENV")}
    run = subprocess.run(["make", "-j2", "bench-build"], cwd=guest.ROOT, env=environment, text=True, errors="replace",
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.environ.update(O=folder, ISO=os.path.join(guest.ROOT, folder, "kvasir.iso"))
    return run.returncode, run.stdout.split("\n")[-40:]


def guessed_backtrace(out, env):
    """Without frame pointers the callers are searched for on the stack, and marked as a guess."""
    machine = guest.Machine(env, 2, cmdline="exit test=crash.read_of_a_guard_page")
    run = guest.Run(machine, guest.build_path("logs", "crash-%s.log" % env), timeout=60, silence=20).run()
    text = run.serial.decode("utf-8", "replace")
    good = re.search(r"\] +[0-9a-f]+ read_it\+", text) and re.search(r"\] +[0-9a-f]+ \? thread_main\+", text)
    out.ok(good, "%s: a backtrace without frame pointers" % env, text.split("\n")[-30:])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    code, lines = build(os.path.join(os.environ.get("O") or "build", "release"))
    if not out.ok(code == 0, "the release build and the plugin of the benchmark", lines):
        return out.end()
    for env, cpus in MACHINES:
        machine = guest.Machine(env, cpus, "256M", cmdline="exit test=all")
        log_path = guest.build_path("logs", "all-%s.log" % env)
        row = matrix.Row(env, cpus, machine.cpu, "bios", "cd", "256M", "all", "release")
        matrix.report(out, row, machine, guest.Run(machine, log_path).run(), log_path)
    for env in ("x64", "i386"):
        guessed_backtrace(out, env)
    return out.end()


sys.exit(main())
