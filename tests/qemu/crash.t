#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The kernel's own mistakes (tests/kernel/crash.c) end in a clean report in every mode: no reset, no silence.
import sys
sys.dont_write_bytecode = True

import re

import guest
import ktap
import slots
import tap

HEX = "[0-9a-f]+"
REPORTS = (  # test, what the panic says, a function in its backtrace
    ("overflow_of_the_boot_stack", r"on cpu 0: double fault at dig\+.*: kernel stack overflow\?", "dig"),
    ("overflow_of_a_thread_stack", r"on cpu 1: double fault at dig\+.*: kernel stack overflow\?", "dig"),
    ("copy_of_kernel_memory_that_is_gone", r"on cpu 1: page fault: read of %s by the kernel at user_copy\+.*: not mapped" % HEX,
     "user_copy"),
    ("read_of_a_guard_page", r"on cpu 1: page fault: read of %s by the kernel at read_it\+.*: not mapped" % HEX, "read_it"),
)


def crash(choice):
    env, (test, message, function) = choice
    machine = guest.Machine(env, 2, cmdline="exit test=crash." + test)
    run = guest.Run(machine, guest.build_path("logs", "crash-%s-%s.log" % (env, test)), timeout=60, silence=20).run()
    text = run.serial.decode("utf-8", "replace").replace("\r", "")
    good = (run.status == 2 * 0x15 + 1 and not run.triple_fault() and re.search("panic " + message, text)
            and re.search(r"\] +%s %s\+" % (HEX, function), text))
    return good, "%s: %s is reported" % (env, test), run.diagnosis(ktap.CRASH) + text.split("\n")[-30:]


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        for result in slots.each(crash, [(env, report) for env in guest.ENVS if env != "auto" for report in REPORTS]):
            out.ok(*result)
    except guest.SetupError as error:
        out.ok(False, "setup", [str(error)])
    return out.end()


if __name__ == "__main__":
    sys.exit(main())
