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
THROUGH_TRAP = (r"(.|\n)*page fault \(vector 14, error code 0, address 0xe2ad000\) struck at:\n"
                r"\[.*\] +[0-9a-f]+ first_fault\+")
WALK = r"(.|\n)*\nwalk of %s in the tree of this CPU(.|\n)*\n  %s is not mapped\n" % (HEX, HEX)
BITS = ("x64", "i386")  # one mode of each word size: what is tested differs by nothing else
ISOLATED = ("x64", "pae")  # i386 differs from pae only in its tables
REPORTS = (  # test, what the panic says, a function in its backtrace, the modes
    ("overflow_of_the_boot_stack", r"on cpu 0: double fault at dig\+.*: kernel stack overflow\?", "dig", guest.ENVS),
    ("overflow_of_a_thread_stack", r"on cpu 1: double fault at dig\+.*: kernel stack overflow\?", "dig", guest.ENVS),
    ("copy_of_kernel_memory_that_is_gone",
     r"on cpu 1: page fault: read of %s by the kernel at user_copy\+.*: not mapped" % HEX,
     "user_copy", guest.ENVS),
    ("read_of_a_guard_page", r"on cpu 1: page fault: read of %s by the kernel at read_it\+.*: not mapped" % HEX + WALK,
     "read_it",
     guest.ENVS),
    ("fault_in_the_fault_handler",
     r"on cpu 1: page fault: read of c2ef000 by the kernel at bad_tracer\+" + THROUGH_TRAP,
     "first_fault", guest.ENVS),
    ("machine_check_on_a_bad_stack", r"on cpu 1: machine check at check_of_machine\+", "check_of_machine", BITS),
    ("fault_without_per_cpu_base",
     r"on cpu 1: page fault: read of c2ef000 by the kernel at fault_with_a_strange_base\+",
     "fault_with_a_strange_base", BITS),
    # The last instruction of the way to ring 3, and what may strike there, with page-table isolation too.
    ("iret_is_refused", r"on cpu 1: general protection fault \(vector 13, error code 1000\) at trap_return\+",
     "trap_return", BITS),
    ("iret_is_refused pti=on",
     r"on cpu 1: general protection fault \(vector 13, error code 1000\) at entry_iret\+0x0", "entry_iret", ISOLATED),
    ("machine_check_on_a_bad_stack pti=on", r"on cpu 1: machine check at check_of_machine\+", "check_of_machine",
     ISOLATED),
    ("overflow_of_a_thread_stack pti=on", r"on cpu 1: double fault at dig\+.*: kernel stack overflow\?", "dig",
     ISOLATED),
    ("fault_in_the_report", r"inside a panic: page fault: ", None, BITS),
    ("overwritten_stack_frame", r"on cpu 1: the stack frame of smash\+.* is overwritten", None, guest.ENVS),
    ("broken_list", r"on cpu 0: invalid opcode .*at leave_a_broken_list\+", "leave_a_broken_list", BITS),
    ("handler_set_too_late",
     r"on cpu 0: page fault: write of %s by the kernel at arch_set_timer_handler\+.*: not allowed" % HEX,
     "arch_set_timer_handler", BITS),
    ("jump_to_null", r"on cpu 0: page fault: execution of 0 by the kernel at 0x0: ", "0x0", ("i386",)),
)


def crash(choice):
    env, (test, message, function, _) = choice
    machine = guest.Machine(env, 2, cmdline="exit test=crash." + test, turns=True)
    log = guest.build_path("logs", "crash-%s-%s.log" % (env, test.replace(" ", "-")))
    run = guest.Run(machine, log, timeout=60, silence=20).run()
    text = run.serial.decode("utf-8", "replace").replace("\r", "")
    good = (run.status == 2 * 0x15 + 1 and not run.triple_fault() and re.search("panic " + message, text)
            and (not function or re.search(r"\] +%s %s(\+|$)" % (HEX, function), text, re.M)))
    return good, "%s: %s is reported" % (env, test), run.diagnosis(ktap.CRASH) + text.split("\n")[-30:]


def no_tick(env):
    """Neither a local APIC (a 486 has none) nor a PIT: the first thread that sleeps would sleep for ever."""
    machine = guest.Machine(env, 1, cpu="486", cmdline="exit test=smoke", flags=["-machine", "pit=off"])
    run = guest.Run(machine, guest.build_path("logs", "no-tick-%s.log" % env), timeout=120, silence=60).run()
    good = run.status == 2 * 0x15 + 1 and b"panic on cpu 0: no timer interrupt comes" in run.serial
    return good, "%s: a machine without a tick says so" % env, run.diagnosis(ktap.CRASH)


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        choices = [(env, report) for env in guest.ENVS if env != "auto" for report in REPORTS if env in report[3]]
        for result in slots.each(crash, choices):
            out.ok(*result)
        out.ok(*no_tick("i386"))
    except guest.SetupError as error:
        out.ok(False, "setup", [str(error)])
    return out.end()


if __name__ == "__main__":
    sys.exit(main())
