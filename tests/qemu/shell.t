#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Somebody types at the shell: each command answers, and poweroff switches the machine off.
import sys
sys.dont_write_bytecode = True

import re

import guest
import slots
import tap

MODES = ("x64", "i386")
COMMANDS = (  # typed, pattern in what comes back
    ("help", r"vmallocinfo.*\n(.*\n)*.*pgds"),
    ("", r"^\r?\n?$"),
    ("cpus", r"online: cpu0 \(this one\) cpu1"),
    ("ps", r"\w"),
    ("run", r"programs:.* hello "),
    ("run hello", r"hello from ring 3\n(.*\n)*hello ended with status 0"),
    ("run badptr", r"process \d+ \(badptr\) is killed: read of 0: nothing is there, by the instruction at [0-9a-f]+\n"),
    ("run bogus", r"there is no program 'bogus'"),
    ("meminfo", r"RAM \d+ K, free \d+ K"),
    ("vmallocinfo", r"0x[0-9a-f]+-0x[0-9a-f]+ +\d+ \S+"),
    ("ptdump image", r"0x[0-9a-f]+-0x[0-9a-f]+ +\d+K "),
    ("ptdump bogus", r"a range is START-END"),
    ("walk 0", r"0 is not mapped"),
    ("pgds", r"(?i)parity"),
    ("test no.such_test", r"# exit: ERROR"),
    ("trace on ipi_*", r"^\r?\n?$"),
    ("test cpus.call_on_each", r"# exit: PASS"),
    ("trace dump", r"@trace begin\n(@.*ipi_(send|ack).*\n)+@trace end, \d+ lost"),
    ("trace off", r"^\r?\n?$"),
    ("trace on nonsense", r"no event has such a name"),
    ("dmesg", r"\[ +\d+\.\d+\] "),
    ("nonsens\be", r"unknown command 'nonsene'"),
    ("\x1b[A\x15pgds now", r"pgds takes no argument"),
)


def prompt_of(env):
    return "kvasir %s cpu0> " % env


def converse(env):
    prompt = prompt_of(env)
    steps = [(prompt, command + "\r") for command, _ in COMMANDS] + [(prompt, "poweroff\r")]
    machine = guest.Machine(env, 2, cmdline="shell")
    return guest.Run(machine, guest.build_path("logs", "shell-%s.log" % env), timeout=120, silence=30, steps=steps).run()


def judge(out, env, run):
    answers = run.serial.decode("utf-8", "replace").replace("\r", "").split(prompt_of(env))[1:]
    for number, (command, pattern) in enumerate(COMMANDS):
        answer = answers[number].split("\n", 1)[-1] if number < len(answers) else "(no prompt came)"
        out.ok(re.search(pattern, answer) is not None, "%s shell: %r answers" % (env, command), answer.split("\n")[-30:])
    how = run.diagnosis(guest.ktap.TIMEOUT if run.status is None else guest.ktap.ERROR)
    out.ok(run.status == 0 and not run.triple_fault(), "%s shell: poweroff" % env,
           ["QEMU's status: %s" % run.status] + how + answers[-1:])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        for env, run in zip(MODES, slots.each(converse, MODES)):
            judge(out, env, run)
    except guest.SetupError as error:
        out.ok(False, "setup", [str(error)])
    return out.end()


sys.exit(main())
