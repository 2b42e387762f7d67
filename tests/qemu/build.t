#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# gcc and clang both build the three kernels and the image from nothing, and gcc does it twice with the same bytes.
import sys
sys.dont_write_bytecode = True

import os
import shutil
import subprocess

import guest
import tap

BUILDS = (("gcc", "gcc"), ("clang", "clang"), ("again", "gcc"))  # (folder under build/check, compiler)


def build(folder, compiler):
    """Everything below `folder` anew. (exit code, last lines)."""
    shutil.rmtree(os.path.join(guest.ROOT, folder), ignore_errors=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "ISO", "V", "ENV")}
    run = subprocess.run(["make", "-j2", "O=" + folder, "CC=" + compiler, "iso"], cwd=guest.ROOT, env=environment, text=True,
                         errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.returncode, run.stdout.split("\n")[-40:]


def same(first, second):
    with open(first, "rb") as a, open(second, "rb") as b:
        return a.read() == b.read()


def main():
    tap.only_without_choice()
    out = tap.Tap()
    folders = {}
    for name, compiler in BUILDS:
        folders[name] = os.path.join(os.environ.get("O") or "build", "check", name)
        if not shutil.which(compiler):
            out.ok(True, "%s builds everything" % compiler, skip="there is no " + compiler)
            continue
        code, lines = build(folders[name], compiler)
        out.ok(code == 0, "%s builds three kernels and the image (%s)" % (compiler, folders[name]), lines)
    for product in ("x86_64/kernel", "i386-pae/kernel", "i386/kernel", "kvasir.iso"):
        pair = [os.path.join(guest.ROOT, folders[name], product) for name in ("gcc", "again")]
        there = all(os.path.exists(path) for path in pair)
        out.ok(there and same(*pair), "two builds of %s are byte-identical" % product, ["compare: cmp -l %s %s" % tuple(pair)])
    return out.end()


sys.exit(main())
