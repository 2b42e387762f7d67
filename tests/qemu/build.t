#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# gcc and clang build kernels and the image from nothing; what comes out is what was tested, byte for byte. The sources
# of the three targets are the same but for one folder of data each: gcc makes one of them again, and clang one with
# 32-bit words (it compiles the host ring with 64). EVERY=1: clang makes all.
import sys
sys.dont_write_bytecode = True

import os
import shutil
import tempfile

import guest
import make
import slots
import tap

EVERY = bool(os.environ.get("EVERY"))  # .ci/run: each target by clang too
TARGETS = {"gcc": ("x86_64",), "clang": make.TARGETS if EVERY else ("i386-pae",)}


def build(choice):
    """(exit code, last lines), or None where there is no such compiler. Where, when and in which language it is built
    must change nothing in a kernel; nor must -g."""
    compiler, folder = choice
    if not shutil.which(compiler):
        return None
    shutil.rmtree(os.path.join(guest.ROOT, folder), ignore_errors=True)
    words = ["CC=" + compiler, "CONFIG=" + (os.environ.get("CONFIG") or "debug"), "G=", "TZ=Asia/Tokyo",
             "LC_ALL=C.UTF-8"]
    if compiler not in (os.environ.get("CC") or "gcc"):
        words.append("OPT=-O0")  # it is built for its warnings, and clang's come from the source
    with tempfile.TemporaryDirectory() as elsewhere:
        make.copy_sources(elsewhere)
        return make.make_kernels(os.path.join(guest.ROOT, folder), *words, targets=TARGETS[compiler], tree=elsewhere)


def same(first, second):
    with open(first, "rb") as a, open(second, "rb") as b:
        return a.read() == b.read()


def each_alone(folder):
    return make.make("each file alone", 10, "-f", "boot/kernel.mk", "TARGET=x86_64", "O=" + folder, "each")


def main():
    tap.only_without_choice()
    out = tap.Tap()
    tested = os.environ.get("O") or "build"
    folders = {compiler: os.path.join(tested, "check", compiler) for compiler in TARGETS}
    for (compiler, folder), result in zip(folders.items(), slots.each(build, folders.items())):
        for target in TARGETS[compiler]:
            good = result is None or result[0] == 0
            out.ok(good, "%s builds %s/%s" % (compiler, folder, target), result and result[1],
                   "there is no " + compiler if result is None else None)
    code, lines = each_alone(tested)
    out.ok(code == 0, "each file of the product compiles alone", lines)
    again = folders["clang" if "clang" in (os.environ.get("CC") or "gcc") else "gcc"]
    kernels = [os.path.join(again if os.path.exists(os.path.join(guest.ROOT, again, target)) else tested, target,
                            "kernel")
               for target in make.TARGETS]
    words = make.make_iso(os.path.join(again, "kvasir.iso"), kernels).stdout.split("\n")
    for product in [kernel.removeprefix(again + "/") for kernel in kernels
                    if kernel.startswith(again)] + ["kvasir.iso"]:
        pair = [os.path.join(guest.ROOT, folder, product) for folder in (tested, again)]
        there = all(os.path.exists(path) for path in pair)
        out.ok(there and same(*pair), "two builds of %s are byte-identical" % product,
               ["compare: cmp -l %s %s" % tuple(pair)] + words)
    return out.end()


sys.exit(main())
