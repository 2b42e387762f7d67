#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What firmware says about CPUs and memory: tables from before ACPI, CPUs that are not there, many CPUs, RAM
# above 4 GiB.
import sys
sys.dont_write_bytecode = True

import os
import re

import guest
import ktap
import slots
import tap

MP_TABLE = ["-machine", "acpi=off"]
MOST = 64  # CPUs that a kernel takes
# The guest's time is the number of its instructions: no host is too busy for it.
EXACT = ["-icount", "shift=0,sleep=off"]
FEW = "cpus.call_one,cpus.one_command*"
ROWS = [("pae", 2, "cpus.*", "", MP_TABLE, "256M"),
        ("i386", 2, "cpus.*", "", MP_TABLE + ["-smp", "2,sockets=2"], "256M"),
        ("x64", 3, "cpus.*", "cpughosts=254", [], "256M"),
        ("pae", 1, "cpus.*", "", [], "5G"),  # qemu32 has PAE, and no PSE-36
        ("i386", 1, "smoke", "nolapic_timer", ["-smp", "2"], "256M"),
        ("x64", 16, FEW, "", EXACT, "256M")]
if os.environ.get("EVERY"):  # .ci/run; of its 20 s the firmware takes most
    ROWS.append(("x64", 64, FEW, "", EXACT, "512M"))


def boot(row):
    env, cpus, tests, words, flags, memory = row
    machine = guest.Machine(env, cpus, memory, cmdline=("exit test=%s %s" % (tests, words)).strip(), flags=flags)
    log_path = guest.build_path("logs", "firmware", "%s-%d-%s.log" % (env, cpus, memory))
    return row, guest.Run(machine, log_path).run()


def came_up(out, run, name):
    log = run.log()
    verdict = ktap.verdict(log, run.status, run.triple_fault())
    out.ok(verdict.code == ktap.PASS, name, log.problems + [verdict.reason] + run.last_lines(ktap.ERROR))
    return run.serial.decode("utf-8", "replace")


def old_tables(out, run, env, cpus):
    text = came_up(out, run, "%s: %d CPUs by the tables from before ACPI" % (env, cpus))
    out.ok("MP table: " in text, "%s: it was those tables" % env, run.last_lines(ktap.ERROR))


def ghosts(out, run, env, cpus):
    text = came_up(out, run, "%s: CPUs that are not there are left out" % env)
    silent = len(re.findall(r"^\[.*did not answer, left out", text, re.M))  # the block before the prompt quotes one
    took = re.search(r"SMP: %d of %d CPUs online after (\d+) us" % (cpus, MOST), text)
    out.ok(silent == MOST - cpus and took and 1000000 <= int(took[1]) < 2000000,
           "all that there is room for, %d, cost one second together" % (MOST - cpus),
           ["%d were silent, %s us" % (silent, took and took[1])])


def side_by_side(out, run, env, cpus):
    text = came_up(out, run, "%s: %d CPUs" % (env, cpus))
    took = re.search(r"SMP: (\d+) of \d+ CPUs online after (\d+) us", text)
    limit = 50 if cpus <= 16 else 150
    out.ok(took and int(took[1]) == cpus and int(took[2]) < limit * 1000,
           "%d CPUs are started side by side, in %d ms" % (cpus, limit),
           [took and took[0] or "it is not said"])


def much_memory(out, run, env, cpus):
    text = came_up(out, run, "%s: 5 GiB" % env)
    mem = re.search(r"^kvasir .* mem=(\d+)M", text, re.MULTILINE)
    out.ok(mem and int(mem[1]) > 5000, "%s: what lies above 4 GiB is used" % env, [mem and mem[0] or "no banner"])


def tick_of_the_pit(out, run, env, cpus):
    text = came_up(out, run, "%s: without the local APIC's timer" % env)
    out.ok("so it runs alone" in text and "SMP: 1 of 2 CPUs" in text, "the PIT ticks, and the boot CPU runs alone",
           run.last_lines(ktap.ERROR))


JUDGES = (old_tables, old_tables, ghosts, much_memory, tick_of_the_pit, side_by_side, side_by_side)  # of the rows


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        for judge, ((env, cpus, *_), run) in zip(JUDGES, slots.each(boot, ROWS)):
            judge(out, run, env, cpus)
    except guest.SetupError as error:
        out.ok(False, "firmware: setup", [str(error)])
    return out.end()


sys.exit(main())

