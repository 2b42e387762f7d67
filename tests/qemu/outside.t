#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# run: last. Each test that tests/outside.md names passed in this run, a booted one in each mode of its row: what the
# others wrote says so. A mutation applies; a program of tests/user is called by a test. Alone it looks at the last
# `make test`.
import sys
sys.dont_write_bytecode = True

import os
import shutil

import guest
import outside
import tap


def main():
    tap.only_without_choice()
    if not os.path.exists(guest.build_path("tap", "host.t")):
        tap.skip_all("there was no make test")
    out, ran = tap.Tap(), outside.Ran()
    rows, wrong = outside.rows()
    out.ok(not wrong, "%s is read: %d rows" % (outside.TABLE, len(rows)), wrong)
    for row in rows:
        for name in row.tests:
            lacking = ran.lacks(name, row.modes)
            without = ran.skipped.get(name)
            if name.startswith(("race_", "fuzz_")) and not shutil.which("clang"):
                without = "there is no clang"
            out.ok(not lacking or without, "%s: %s ran" % (row.entry, name), ["it passed nowhere " + " ".join(lacking)],
                   without)
    return out.end()


sys.exit(main())
