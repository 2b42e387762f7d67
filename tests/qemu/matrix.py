# SPDX-License-Identifier: MIT
"""Boot the machines of one mode that the file `matrix` lists and flatten what they say into TAP.

Each test of each guest is one line, and so is each guest's verdict. A guest's own "Bail out!" must not get through:
prove would stop everything at it. It becomes the guest's one line "not ok ... CRASH".
"""

import os
import shlex
from collections import namedtuple

import guest
import ktap
import slots
import tap

HERE = os.path.dirname(os.path.abspath(__file__))
Row = namedtuple("Row", "env cpus model firmware medium memory tests words")


def read_rows(path=os.path.join(HERE, "matrix")):
    rows = []
    with open(path) as file:
        for number, line in enumerate(file, 1):
            fields = line.split("#")[0].split(None, 7)
            if fields and (len(fields) < 7 or fields[0] not in guest.ENVS):
                raise guest.SetupError("%s:%d: not a row: %s" % (os.path.relpath(path), number, line.strip()))
            if fields:
                rows.append(Row(*(fields[:7] + [" ".join(fields[7:]).strip()])))
    return rows


def cmdline(row):
    words = ["exit test=" + (os.environ.get("T") or row.tests), row.words, os.environ.get("CMDLINE") or ""]
    if os.environ.get("SEED"):
        words.append("seed=" + os.environ["SEED"])
    return " ".join(word for word in words if word)


def first_look(env):
    """The one row of `make check`."""
    return Row(env, "2*", guest.ENVS[env]["cpu"], "bios", "cd", "256M", "smoke", "")


def machine_of(row):
    turns = row.cpus.endswith("*")
    blind = ["-vga", "none"] if turns and row.tests == "all" else []  # the file says why
    return guest.Machine(row.env, row.cpus.rstrip("*"), row.memory, row.model, row.firmware, row.medium, cmdline(row),
                         flags=blind, turns=turns)


def again(machine):
    """The command that repeats this one guest."""
    more = "--qemu-args=%s " % shlex.quote(shlex.join(machine.flags)) if machine.flags else ""
    return "tests/qemu/run-guest %s%s%s--env %s --cpus %d --cpu %s --firmware %s --medium %s --mem %s --cmdline %s" % (
        machine.option, "--turns " * machine.turns, more, machine.env, machine.cpus, machine.cpu, machine.firmware,
        machine.medium, machine.memory, shlex.quote(machine.cmdline.removeprefix("exit ")))


def report(out, row, machine, run, log_path):
    """One guest as TAP lines."""
    log = run.log()
    verdict = ktap.verdict(log, run.status, run.triple_fault())
    name = " ".join([machine.name(), row.words]).strip()
    for result in log.results:
        out.ok(result.ok, "%s: %s" % (name, result.name), result.comments + [result.note], result.skip)
    word = ktap.WORDS.get(verdict.code, "KILLED")
    comments = log.problems + run.diagnosis(verdict.code) + run.last_lines(verdict.code)
    comments += ["log: %s" % os.path.relpath(log_path), "again: " + again(machine)]
    out.ok(verdict.code in (ktap.PASS, ktap.SKIP), "%s: %s, %s, %.1f s" % (name, word, verdict.reason, run.seconds),
           comments,
           "every test was skipped" if verdict.code == ktap.SKIP else None)


def boot_all(out, machines, folder, kind=guest.Run, timeout=300):
    """(row, machine) of each guest: all wait for slots at once, and are reported in their order."""
    def boot(numbered):
        number, (row, machine) = numbered
        log_path = guest.build_path("logs", folder, "%02d.log" % number)
        return row, machine, kind(machine, log_path, timeout).run(), log_path

    for booted in slots.each(boot, enumerate(machines, 1)):
        report(out, *booted)


def main(env):
    wanted = os.environ.get("ENV") or env
    if wanted != env and wanted in guest.ENVS:
        tap.skip_all("ENV=" + wanted)
    out = tap.Tap()
    try:
        if wanted not in guest.ENVS:
            raise guest.SetupError("ENV=%s is none of %s" % (wanted, ", ".join(guest.ENVS)))
        rows = [first_look(env)] if os.environ.get("CHECK") else [row for row in read_rows() if row.env == env]
        boot_all(out, [(row, machine_of(row)) for row in rows], env)
    except guest.SetupError as error:
        out.ok(False, "%s: setup" % env, [str(error)])
    return out.end()
