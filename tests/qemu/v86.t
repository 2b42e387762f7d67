#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The v86 lane: the smoke suite in the emulator of the page, a third MMU to be judged by.
import sys
sys.dont_write_bytecode = True

import os

import guest
import matrix
import tap
import v86


def main():
    rows = [matrix.Row(env, 1, "v86", "bios", "cd", "256M", "smoke", "") for env in v86.MODES
            if os.environ.get("ENV") in (None, "", env)]
    if not rows:
        tap.skip_all("no machine of v86 is of mode " + os.environ["ENV"])
    if v86.lacks():
        tap.skip_all(v86.lacks())
    out = tap.Tap()
    try:
        machines = [(row, v86.Machine(row.env, memory=row.memory, cmdline=matrix.cmdline(row))) for row in rows]
        matrix.boot_all(out, machines, "v86", v86.Run)
    except guest.SetupError as error:
        out.ok(False, "v86: setup", [str(error)])
    return out.end()


sys.exit(main())
