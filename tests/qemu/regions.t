#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# A boot loader that cuts out a thousand bad pages: a message, as much RAM as can be listed, and a kernel that passes
# its tests.
import sys
sys.dont_write_bytecode = True

import re

import guest
import handover
import ktap
import slots
import tap

MIB = 1 << 20
BAD = 1000  # pages; behind each is one for a special purpose, where EFI says so
PLACES = [128 * MIB + i * 65536 for i in range(BAD)]
CHANGE = handover.with_entries([(place, 4096, handover.RESERVED) for place in PLACES],
                               [(handover.EFI_CONVENTIONAL, place + 4096, 1, handover.EFI_SPECIAL_PURPOSE)
                                for place in PLACES])
ROWS = [("x64", "uefi"), ("pae", "bios")]  # with EFI the loader says it twice, in 80 KiB
LEFT_OUT = r"more than \d+ regions; (\d+) small ones are left out, (\d+) KiB of RAM with them"


def boot(row):
    env, firmware = row
    machine = guest.Machine(env, 1, "512M", firmware=firmware, cmdline="exit test=paging,memory")
    log_path = guest.build_path("logs", "regions", "%s-%s.log" % row)
    return row, handover.Run(machine, log_path, CHANGE).run()


def judge(out, env, firmware, run):
    name, log = "%s, %s" % (env, firmware), run.log()
    verdict = ktap.verdict(log, run.status, run.triple_fault())
    out.ok(verdict.code == ktap.PASS and not run.problem, "%s: %d bad pages are cut out, and it runs" % (name, BAD),
           log.problems + [verdict.reason, run.problem or ""] + run.last_lines(ktap.ERROR))
    text = run.serial.decode("utf-8", "replace")
    left_out, used = re.search(LEFT_OUT, text), re.search(r"^kvasir .* mem=(\d+)M", text, re.MULTILINE)
    special = BAD if firmware == "uefi" else 0
    out.ok(left_out and used and int(left_out[1]) > BAD, "%s: it says how many regions are left out" % name,
           run.last_lines(ktap.ERROR))
    found = left_out and used and int(used[1]) + int(left_out[2]) / 1024 + (BAD + special) * 4 / 1024
    out.ok(found and 480 < found < 512, "%s: what is used, cut out and left out is all RAM" % name,
           ["%s of 512 MiB" % found])
    said = re.search(r"kept by EFI for a special purpose: (\d+) MiB", text)
    out.ok(bool(special) == bool(said) and (not said or int(said[1]) == special * 4096 // MIB),
           "%s: what EFI keeps for a special purpose is no RAM" % name, [said and said[0] or "it is not said"])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        for row, run in slots.each(boot, ROWS):
            judge(out, *row, run)
    except guest.SetupError as error:
        out.ok(False, "regions: setup", [str(error)])
    return out.end()


sys.exit(main())
