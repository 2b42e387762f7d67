#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The Bochs lane: machines whose TLBs are stricter than QEMU's.
import sys
sys.dont_write_bytecode = True

import os

import bochs
import guest
import matrix
import tap

# Rows like those of the file `matrix`. What is judged only here: global pages, PAE top entries, x2APIC, PCIDs, and two
# PCIDs a process. Page-table isolation has no global pages, so it is off where these are judged.
ROWS = (
    matrix.Row("x64", 2, "corei7_skylake_x", "bios", "cd", "256M", "museum,tlb,oracle,founding,nmi,vm_races,vmap_races",
               "pcid pti=off"),
    matrix.Row("pae", 2, "corei7_skylake_x", "bios", "cd", "256M", "museum,tlb,oracle,founding,nmi,vm_races,vmap_races",
               ""),
    matrix.Row("x64", 2, "corei7_skylake_x", "bios", "cd", "256M", "museum,tlb", "pti=off"),
    matrix.Row("x64", 2, "corei7_skylake_x", "bios", "cd", "256M", "tlb,pti,ring3,museum.m68_*",
               "pcid noinvpcid pti=on"),
    matrix.Row("x64", 2, "corei7_skylake_x", "bios", "cd", "256M", "tlb,pti", "pcid pti=on"),
    matrix.Row("i386", 2, "pentium", "bios", "cd", "256M", "museum,tlb", ""),
)
SECONDS = 900  # a run takes 30 on a core of its own


def main():
    rows = [row for row in ROWS if os.environ.get("ENV") in (None, "", row.env)]
    if not rows:
        tap.skip_all("no machine of Bochs is of mode " + os.environ["ENV"])
    out = tap.Tap()
    try:
        machines = [(row, bochs.Machine(row.env, row.cpus, row.memory, row.model, cmdline=matrix.cmdline(row)))
                    for row in rows]
        matrix.boot_all(out, machines, "bochs", bochs.Run, SECONDS)
    except guest.SetupError as error:
        out.ok(False, "bochs: setup", [str(error)])
    return out.end()


sys.exit(main())
