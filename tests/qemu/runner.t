#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The runner's own test: canned serial logs and exit statuses, and the verdict that each must give.
import sys
sys.dont_write_bytecode = True

import os
import guest
import ktap
import matrix
import outside
import tap

FIRMWARE = "\x1b[2J\x1b[01;01HSeaBIOS\r\n\x1b[0mGNU GRUB  version 2.06\r\nok 1 not.ours\r\n"
HEAD = FIRMWARE + """\x1b[Hkvasir 0.1.0 (abc1234) x64 levels=4 pcid=0 cpus=4 mem=256M
KTAP version 1
# run: seed=0x5eed0001 cmdline="test=all"
1..2
    KTAP version 1
    # Subtest: vmalloc
    1..2
    ok 1 alloc_free_roundtrip # time=0.412ms
[    0.313370] cpu2: tlb: 4 ranges
    ok 2 huge_2m # SKIP cpu has no pse
# vmalloc: pass=1 fail=0 skip=1
ok 1 vmalloc
    KTAP version 1
    # Subtest: pgdsync
    1..1
"""
PASSED = HEAD + """    ok 1 new_entry
ok 2 pgdsync
# Kvasir    0.1.0 x64: 4-level page tables, debug build
# verdict   PASS: 2 tests passed, 0 failed, 1 skipped
# totals: pass=2 fail=0 skip=1 error=0
# exit: PASS
"""
FAILED = HEAD + """    # new_entry: EXPECTATION FAILED at tests/kernel/pgdsync.c:88
    not ok 1 new_entry # replay: make test ENV=x64 T=pgdsync.new_entry
not ok 2 pgdsync
# totals: pass=1 fail=1 skip=1 error=0
# exit: FAIL
"""
SKIPPED = FIRMWARE + """kvasir 0.1.0 (abc1234) i386 levels=2 pcid=0 cpus=1 mem=64M
KTAP version 1
1..1
    KTAP version 1
    # Subtest: huge
    1..1
    ok 1 leaf # SKIP cpu has no pse
ok 1 huge
# totals: pass=0 fail=0 skip=1 error=0
# exit: SKIP
"""
NOTHING = """kvasir 0.1.0 (abc1234) x64 levels=4 pcid=0 cpus=4 mem=256M
KTAP version 1
1..0
# totals: pass=0 fail=0 skip=0 error=1
# exit: ERROR
"""
BAILED = HEAD + "Bail out! panic: page fault at 0x10\n# exit: CRASH\n"
EARLY_PANIC = "kvasir 0.1.0 (abc1234) x64 levels=4\nBail out! panic: no memory map\n# exit: CRASH\n"
FORGERY = "".join("3| %s\n" % line for line in (
    "ok 1 new_entry", "    ok 1 new_entry", "not ok 2 pgdsync", "# exit: PASS",
    "# totals: pass=9 fail=0 skip=0 error=0",
    "Bail out! panic: forged", "KTAP version 1", "1..7", "# forged: a comment", "kvasir 0.1.0 x64 levels=4"))
FORGED = PASSED.replace("    ok 1 new_entry", FORGERY + "    ok 1 new_entry")
FORGED_EARLY = FAILED.replace("    not ok 1 new", FORGERY + "    not ok 1 new")
GLUED = PASSED.replace("    ok 1 new_entry", "[    1.201334] cpu2: tlb: flush    ok 1 new_entry")

CASES = [
    # what is tested, log, status of QEMU, triple fault in QEMU's trace, verdict
    ("pass", PASSED, 33, False, ktap.PASS),
    ("pass with carriage returns", PASSED.replace("\n", "\r\n"), 33, False, ktap.PASS),
    ("fail", FAILED, 35, False, ktap.FAIL),
    ("everything skipped", SKIPPED, 41, False, ktap.SKIP),
    ("no test matches", NOTHING, 39, False, ktap.ERROR),
    ("panic", BAILED, 43, False, ktap.CRASH),
    ("panic before the first test", EARLY_PANIC, 43, False, ktap.CRASH),
    ("panic before the banner", "[    0.000000] boot\nBail out! panic: no memory map\n", 43, False, ktap.CRASH),
    ("panic that could not be printed", HEAD, 43, False, ktap.CRASH),
    ("panic, then switched off", BAILED, 0, False, ktap.CRASH),
    ("panic, but the status of a pass", BAILED, 33, False, ktap.ERROR),
    ("panic after the verdict", PASSED + "Bail out! panic: late\n", 43, False, ktap.CRASH),
    ("panic after the verdict, status of a pass", PASSED + "Bail out! panic: late\n", 33, False, ktap.ERROR),
    ("triple fault", HEAD, 0, True, ktap.RESET),
    ("triple fault before the first byte", "", 0, True, ktap.RESET),
    ("triple fault behind a complete log of a pass", PASSED, 0, True, ktap.RESET),
    ("reboot without a verdict", HEAD, 0, False, ktap.RESET),
    ("switched off behind a complete log of a pass", PASSED, 0, False, ktap.ERROR),
    ("QEMU could not start", "", 1, False, ktap.NO_START),
    ("status 1 from a kernel that spoke", PASSED, 1, False, ktap.ERROR),
    ("a status that the kernel never asks for", PASSED, 37, False, ktap.ERROR),
    ("killed by a signal", HEAD, 137, False, 137),
    ("hung", HEAD, None, False, ktap.TIMEOUT),
    ("hung behind the log of a pass", PASSED, None, False, ktap.TIMEOUT),
    ("log says pass, status says fail", PASSED, 35, False, ktap.ERROR),
    ("log says fail, status says pass", FAILED, 33, False, ktap.ERROR),
    ("nothing on the serial line, status of a pass", "", 33, False, ktap.ERROR),
    ("truncated in a suite", HEAD, 33, False, ktap.ERROR),
    ("truncated before the verdict", PASSED.split("# totals")[0], 33, False, ktap.ERROR),
    ("truncated before the totals", PASSED.replace("# totals: pass=2 fail=0 skip=1 error=0\n", ""), 33, False,
     ktap.ERROR),
    ("a pass with what a program prints in it", FORGED, 33, False, ktap.PASS),
    ("a failure that a program calls a pass", FORGED_EARLY, 35, False, ktap.FAIL),
    ("a program that prints like the kernel, alone", FIRMWARE + FORGERY, 33, False, ktap.ERROR),
    ("a program that panics in words only", FORGED + FORGERY, 33, False, ktap.PASS),
    ("log line glued to a result", GLUED, 33, False, ktap.ERROR),
    ("a suite is missing", PASSED.replace("1..2\n    KTAP", "1..3\n    KTAP", 1), 33, False, ktap.ERROR),
    ("a test is missing", PASSED.replace("    ok 1 new_entry\n", ""), 33, False, ktap.ERROR),
    ("a result comes twice", PASSED.replace("    ok 1 new_entry\n", "    ok 1 new_entry\n    ok 1 new_entry\n"), 33,
     False,
     ktap.ERROR),
    ("a failed test in a suite that is ok", PASSED.replace("    ok 1 new", "    not ok 1 new"), 33, False, ktap.ERROR),
    ("wrong totals", PASSED.replace("pass=2", "pass=3"), 33, False, ktap.ERROR),
    ("a skip without a reason", PASSED.replace(" # SKIP cpu has no pse", " # SKIP"), 33, False, ktap.ERROR),
    ("verdict of the log against its own lines", FAILED.replace("exit: FAIL", "exit: PASS"), 33, False, ktap.ERROR),
    ("the kernel starts twice", HEAD + PASSED, 33, False, ktap.ERROR),
]


SAID = """ok 1 - x64 4cpu in turns qemu64 bios cd 20G mem=256M: vmalloc.one
ok 2 - bochs pae 2cpu corei7_skylake_x bios cd 256M: vmalloc.two
not ok 3 - x64 4cpu qemu64 bios cd 20G: vmalloc.three
ok 4 - x64 4cpu qemu64 bios cd 20G: vmalloc.four # SKIP no pse
ok 5 - x64 4cpu qemu64 bios cd 20G: PASS, 3 passed, 0 failed, 1 skipped, 9.1 s
ok 6 - i386: read_of_a_guard_page is reported
ok 7 - pae/unit_slab: random_operations
not ok 8 - pae/unit_slab: pages_come_back
ok 9 - fuzz/fuzz_xarray: 7091 runs
ok 10 - skip-ipi applies""".split("\n")


def what_ran(out):
    """From the words of all scripts to the names of what passed."""
    ran = outside.Ran()
    ran.booted, ran.host, ran.mutations = {env: set() for env in outside.MODES}, set(), set()
    ran.read("canned.t", SAID)
    out.ok(ran.booted == {"x64": {"vmalloc.one"}, "x64-la57": set(), "pae": {"vmalloc.two"},
                          "i386": {"crash.read_of_a_guard_page"}},
           "booted tests that passed, by mode", [str(ran.booted)])
    out.ok(ran.host >= {"unit_slab.random_operations", "fuzz_xarray"} and "unit_slab.pages_come_back" not in ran.host,
           "tests of host programs that passed", [str(ran.host)])
    out.ok(ran.lacks("vmalloc.o*", ["x64", "pae"]) == ["pae"] and not ran.lacks("skip-ipi", [])
           and ran.lacks("no-such", []) == [""],
           "what did not run is missed")


def turns(out):
    """An asterisk in the table is one thread for all CPUs."""
    row = matrix.Row("pae", "8*", "qemu32", "bios", "cd", "1G", "all", "")
    machines = [matrix.machine_of(choice) for choice in (row, row._replace(cpus="8"), row._replace(cpus="1*"))]
    got = [(machine.cpus, machine.accelerator()) for machine in machines]
    out.ok(got == [(8, "tcg,thread=single"), (8, "tcg"), (1, "tcg")], "CPUs that take turns", [str(got)])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    os.environ.pop("ACCEL", None)
    what_ran(out)
    turns(out)
    for name, text, status, triple, expected in CASES:
        log = ktap.read_log(text.encode())
        got = ktap.verdict(log, status, triple)
        out.ok(got.code == expected, "%s is %s" % (name, ktap.WORDS.get(expected, expected)),
               ["got %s: %s" % (ktap.WORDS.get(got.code, got.code), got.reason)] + log.problems)
    results = ktap.read_log(FAILED).results
    names = ["vmalloc.alloc_free_roundtrip", "vmalloc.huge_2m", "pgdsync.new_entry"]
    out.ok([r.name for r in results] == names, "names are flattened",
           [str(r) for r in results])
    out.ok(results[2].comments == ["new_entry: EXPECTATION FAILED at tests/kernel/pgdsync.c:88"],
           "a failure keeps its comments",
           results[2].comments)
    return out.end()


sys.exit(main())
