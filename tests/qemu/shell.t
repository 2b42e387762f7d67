#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Somebody types at the shell: each command answers, and poweroff switches the machine off.
import sys
sys.dont_write_bytecode = True

import os
import re
import shutil
import subprocess

import guest
import slots
import tap

MODES = ("x64", "i386")
# Every line says whose it is, and nothing but text comes out; a line that is too long goes on in one with a mark as
# well.
FORGERY = (r"(?s)^(?!.*\x1b)(?!.*\n(?!\d+\|)[^\n]*forged)(?=.*\d+\| # exit: PASS\n)"
           r"(?=.*\d+\| a \\x1b\[2J\\x1b\]0;title\\x07)"
           r"(?=.*\d+\| a return\\x0dok 1 forged\\x08)(?=.*nul\[A\\x00B\\x00C\]lun\n).*\d+\| a line without an end\n"
           r"forge ended with status 0\n$")
COMMANDS = (  # typed, pattern in what comes back
    ("help", r"vmallocinfo.*\n(.*\n)*.*pgds"),
    ("", r"^$"),
    ("cpus", r"online: cpu0 \(this one\) cpu1"),
    ("ps", r"\w"),
    ("run", r"programs:.* hello "),
    ("run hello", r"\d+\| hello from ring 3\n(.*\n)*hello ended with status 0"),
    ("run forge", FORGERY),
    ("run badptr", r"process \d+ \(badptr\) is killed: read of 0: nothing is there, by the instruction at [0-9a-f]+\n"),
    ("run bogus", r"there is no program 'bogus'"),
    ("longest", r"cycles"),
    ("longest -x", r"nothing, or -c"),
    ("meminfo", r"RAM [\d.]+ MiB, free [\d.]+ MiB, slabs [\d.]+ KiB"),
    ("meminfo -m",
     r"^ram total=\d+ free=\d+ slabs=\d+ kernel_tables=\d+\nzone name=(.*\n)+vmalloc areas=\d+ .*largest_free=\d+\n$"),
    ("meminfo -x", r"KEY=VALUE"),
    ("vmallocinfo", r"0x[0-9a-f]+-0x[0-9a-f]+ +[\d.]+ [KM]iB \S+.*\n(.*\n)*used .* free [\d.]+ [GMT]iB in \d+ gaps"),
    ("vmallocinfo -m", r"^space start=0x[0-9a-f]+ end=0x[0-9a-f]+ size=\d+\n"
     r"(range start=0x[0-9a-f]+ end=0x[0-9a-f]+ size=\d+ "
      r"state=(lazy|clean|busy kind=\S+( [a-z]+=\S+)*)\n)+(block .*\n)*$"),
    ("ptdump image", r"0x[0-9a-f]+-0x[0-9a-f]+ +\d+K "),
    ("ptdump -m", r"^(part start=0x[0-9a-f]+ end=0x[0-9a-f]+ size=\d+ name=\w+\n){7}"
     r"(leaves start=0x[0-9a-f]+ end=0x[0-9a-f]+ size=\d+ leaf=\d+ rights=(RW|ro)(,[A-Z]+)*\n)+$"),
    ("ptdump -m image", r"\nleaves start=0x[0-9a-f]+ "),
    ("ptdump bogus", r"a range is START-END"),
    ("walk 0", r"0 is not mapped"),
    ("walk -m 0",
     r"^entry tree=0 level=PGD index=0 at=0x[0-9a-f]+ value=0x[0-9a-f]+ kind=none\nwalk tree=0 addr=0x0 present=0\n$"),
    ("walk -m bogus", r"an address is hexadecimal"),
    ("pgds", r"(?i)parity"),
    ("pgds -m",
     r"^slots level=PGD used=\d+(,\d+)*\ntree id=0 states=[enc]+\nparity trees=0 slots=\d+ differs=0 missing=0\n$"),
    ("pgds now", r"KEY=VALUE"),
    ("test no.such_test", r"# exit: ERROR"),
    ("trace on ipi_*", r"^$"),
    ("test cpus.call_on_each", r"# exit: PASS"),
    ("trace dump", r"@trace begin\n(@.*ipi_(send|ack).*\n)+@trace end, \d+ lost"),
    ("trace -m",
     r"^(event time=\d+ cpu=\d+ name=ipi_\w+ (to|from)_cpu=0x\d+ ipi=0x[0-9a-f]+ "
      r"serial=0x[0-9a-f]+\n)+trace lost=\d+\n$"),
    ("trace off", r"^$"),
    ("trace on nonsense", r"no event has such a name"),
    ("summary",
     r"^Kvasir +\d.*page tables(.*\n)+"
      r"verdict +no self-test was asked for\n(.*\n)+memory +.* used\n(.*\n)+keyboard +yes\n"),
    ("dmesg", r"\[ +\d+\.\d+\] "),
    ("vmalloci\t", r"used .* free"),
    ("run hel\t", r"hello from ring 3"),
    ("test cpus.calls_c\t\x15pg\t", r"(?i)parity"),
    ("p\t\x15", r"ptdump  .*\n"),
    ("test t\t\x15", r"tlb\.  .*\n"),
    ("nonsens\be", r"unknown command 'nonsene'"),
    ("\x1b[A\x15cpus now", r"cpus takes no argument"),
)


def prompt_of(env):
    return "\nkvasir %s cpu0> " % env


# What somebody does who has started something that does not end.
STOPS = (  # text to wait for, what is typed
    ("{prompt}", "run spin\r"), ("| spinning", "\x03"),
    ("{prompt}", "run spin\r"), ("| spinning", guest.Key("ctrl-c")),
    ("{prompt}", "run spin &\r"), ("{prompt}", "run stuck &\r"), ("{prompt}", "ps\r"),
    ("{prompt}", "kill {spin}\r"), ("{prompt}", "kill 32000\r"), ("{prompt}", "kill x\r"),
    ("{prompt}", "kill %{stuck}\r"), ("{prompt}", "ps\r"),
    ("{prompt}", "run bomb\r"), ("| no more", "\x03"), ("{prompt}", "poweroff\r"))


class Stopper(guest.Run):
    """Types STOPS, and knows the numbers of the processes that it has started."""

    pids = {}

    def type(self, answer):
        said = self.serial.decode("utf-8", "replace")
        self.pids.update(re.findall(r"(\w+) is process (\d+)\r?\n", said))
        super().type(answer if isinstance(answer, guest.Key) else answer.format(**self.pids))


def stop(env):
    prompt = prompt_of(env)
    steps = [(awaited.format(prompt=prompt), answer) for awaited, answer in STOPS]
    return Stopper(guest.Machine(env, 2, "64M", cmdline="shell"), guest.build_path("logs", "stop-%s.log" % env),
                   timeout=300,
                   silence=120, steps=steps).run()


def judge_stop(out, env, run):
    answers = run.serial.decode("utf-8", "replace").replace("\r", "").split(prompt_of(env))[1:] + [""] * 20
    living = r"\d+ +0 +\d+ +\d+ (?:running|ready|sleeping) +\d+ +\d+  %s\n"
    for what, answer, pattern in (
            ("Ctrl-C on the line stops a program", answers[0], r"\^C\nspin was stopped$"),
            ("Ctrl-C on the keyboard stops a program", answers[1], r"\^C\nspin was stopped$"),
            ("ps shows who is there", answers[4], "(?s)" + living % "spin" + ".*" + living % "stuck"),
            ("kill ends a process", answers[5], r"^kill \d+"),
            ("kill of nobody", answers[6], "there is no process 32000"),
            ("kill of no number", answers[7], "a process's number"),
            ("nothing goes on after kill of a job", answers[9],
             r"(?s)^ps\n(?!.*" + living % "(?:spin|stuck)" + ").*NAME\n"),
            ("Ctrl-C stops a fork bomb", answers[10], r"\| no more processes\n(.*\n)*\^C\nbomb was stopped$")):
        out.ok(re.search(pattern, answer) is not None, "%s shell: %s" % (env, what), answer.split("\n")[-30:])
    out.ok(run.status == 0, "%s shell: and goes on to poweroff" % env,
           ["QEMU's status: %s" % run.status] + run.last_lines(guest.ktap.TIMEOUT))


def script(out):
    """Standard input that is no terminal: commands are taken, and at its end the machine goes off."""
    command = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")]
    ran = subprocess.run(command, input=b"cpus\nrun hello\n\nps", capture_output=True, timeout=300,
                         env=dict(os.environ, CMDLINE="shell", CPUS="2", MEM="256M"))
    said = ran.stdout.decode("utf-8", "replace")
    wanted = r"(?s)> cpus\n.*online: cpu0.*> run hello\n.*hello ended with status 0.*> ps\n.*NAME.*> poweroff"
    out.ok(ran.returncode == 0 and re.search(wanted, said), "a script at the shell's standard input",
           ["exit code %d" % ran.returncode] + said.split("\n")[-30:])


def converse(env):
    prompt = prompt_of(env)
    steps = [(prompt, command + "\r") for command, _ in COMMANDS] + [(prompt, "poweroff\r")]
    machine = guest.Machine(env, 2, cmdline="shell")
    return guest.Run(machine, guest.build_path("logs", "shell-%s.log" % env), timeout=120, silence=30,
                     steps=steps).run()


def judge(out, env, run):
    answers = run.serial.decode("utf-8", "replace").replace("\r", "").split(prompt_of(env))[1:]
    for command, pattern in COMMANDS:
        prompts = 1 + command.endswith("\t\x15")  # a list of words has one below it
        answer = ("\n".join(answers[:prompts]) + "\n").split("\n",
                                                             1)[-1] if answers[prompts - 1:] else "(no prompt came)"
        answers = answers[prompts:]
        out.ok(re.search(pattern, answer) is not None, "%s shell: %r answers" % (env, command),
               answer.split("\n")[-30:])
    how = run.diagnosis(guest.ktap.TIMEOUT if run.status is None else guest.ktap.ERROR)
    out.ok(run.status == 0 and not run.triple_fault(), "%s shell: poweroff" % env,
           ["QEMU's status: %s" % run.status] + how + answers[-1:])


def make_map(log, **environment):
    """(exit code, what it says) of `make map` with a machine's log."""
    ran = subprocess.run([shutil.which("make"), "-s", "map", "LOG=" + log], cwd=guest.ROOT, capture_output=True,
                         text=True, env={**os.environ, "MAKEFLAGS": "", **environment})
    return ran.returncode, ran.stdout + ran.stderr


def maps(out, log):
    """The picture of an address space has all that the log says, and nothing is drawn of what is none."""
    code, said = make_map(os.path.join(guest.ROOT, "nofile"))
    out.ok(code and "nofile cannot be read" in said, "make map of no log", said.split("\n"))
    code, said = make_map(__file__)
    out.ok(code and "no lines of 'ptdump -m'" in said, "make map of a file that is no log", said.split("\n"))
    code, said = make_map(log, PATH="/nowhere")
    out.ok(code and "there is no node" in said, "make map without node", said.split("\n"))
    code, said = make_map(log)
    with open(log, newline="") as file, open(guest.build_path("map.svg")) as picture:
        text, svg = file.read(), picture.read()
    for word in ("part", "range", "leaves"):
        lines = len(re.findall(r"(?m)^%s start=(?!.* size=0 )" % word, text))
        drawn = len(re.findall('class="%s\\b' % word, svg))
        out.ok(lines and lines == drawn, "make map draws each %s" % word, ["%d of %d" % (drawn, lines), said])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        for env, run in zip(MODES, slots.each(converse, MODES)):
            judge(out, env, run)
        if shutil.which("node"):
            maps(out, guest.build_path("logs", "shell-%s.log" % MODES[0]))
        for env, run in zip(MODES, slots.each(stop, MODES)):
            judge_stop(out, env, run)
        script(out)
    except guest.SetupError as error:
        out.ok(False, "setup", [str(error)])
    return out.end()


sys.exit(main())
