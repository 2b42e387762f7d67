#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# gcc and clang both build the three kernels and the image from nothing; what comes out is what was tested, byte for byte.
import sys
sys.dont_write_bytecode = True

import os
import shutil

import guest
import make
import slots
import tap

COMPILERS = ("gcc", "clang")


def build(choice):
    """(exit code, last lines), or None where there is no such compiler."""
    compiler, folder = choice
    if not shutil.which(compiler):
        return None
    shutil.rmtree(os.path.join(guest.ROOT, folder), ignore_errors=True)
    return make.make_kernels(folder, "CC=" + compiler, "CONFIG=" + (os.environ.get("CONFIG") or "debug"))


def same(first, second):
    with open(first, "rb") as a, open(second, "rb") as b:
        return a.read() == b.read()


def main():
    tap.only_without_choice()
    out = tap.Tap()
    tested = os.environ.get("O") or "build"
    folders = {compiler: os.path.join(tested, "check", compiler) for compiler in COMPILERS}
    for (compiler, folder), result in zip(folders.items(), slots.each(build, folders.items())):
        if result is None:
            out.ok(True, "%s builds everything" % compiler, skip="there is no " + compiler)
        else:
            out.ok(result[0] == 0, "%s builds three kernels and the image (%s)" % (compiler, folder), result[1])
    usual = os.path.basename(os.environ.get("CC") or "gcc")
    for product in ("x86_64/kernel", "i386-pae/kernel", "i386/kernel", "kvasir.iso"):
        pair = [os.path.join(guest.ROOT, folder, product) for folder in (tested, folders.get(usual, folders["gcc"]))]
        there = all(os.path.exists(path) for path in pair)
        out.ok(there and same(*pair), "two builds of %s are byte-identical" % product, ["compare: cmp -l %s %s" % tuple(pair)])
    return out.end()


sys.exit(main())
