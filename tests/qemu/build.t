#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# gcc and clang both build the three kernels and the image from nothing; what comes out is what was tested, byte for byte.
import sys
sys.dont_write_bytecode = True

import os
import shutil
import subprocess

import guest
import tap

COMPILERS = ("gcc", "clang")


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
    tested = os.environ.get("O") or "build"
    for compiler in COMPILERS:
        folders[compiler] = os.path.join(tested, "check", compiler)
        if not shutil.which(compiler):
            out.ok(True, "%s builds everything" % compiler, skip="there is no " + compiler)
            continue
        code, lines = build(folders[compiler], compiler)
        out.ok(code == 0, "%s builds three kernels and the image (%s)" % (compiler, folders[compiler]), lines)
    usual = os.path.basename(os.environ.get("CC") or "gcc")
    for product in ("x86_64/kernel", "i386-pae/kernel", "i386/kernel", "kvasir.iso"):
        pair = [os.path.join(guest.ROOT, folder, product) for folder in (tested, folders.get(usual, folders["gcc"]))]
        there = all(os.path.exists(path) for path in pair)
        out.ok(there and same(*pair), "two builds of %s are byte-identical" % product, ["compare: cmp -l %s %s" % tuple(pair)])
    return out.end()


sys.exit(main())
