#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# gcc and clang build kernels and the image from nothing; what comes out is what was tested, byte for byte. The sources of the three
# targets are the same but for one folder of data each: gcc makes one of them again, and clang one with 32-bit words (it compiles
# the host ring with 64). EVERY=1: clang makes all.
import sys
sys.dont_write_bytecode = True

import os
import shutil
import subprocess

import guest
import make
import slots
import tap

EVERY = bool(os.environ.get("EVERY"))  # .ci/run: each target by clang too
TARGETS = {"gcc": ("x86_64",), "clang": make.TARGETS if EVERY else ("i386-pae",)}


def build(choice):
    """(exit code, last lines), or None where there is no such compiler. Without -g, which must change nothing in a kernel."""
    compiler, folder = choice
    if not shutil.which(compiler):
        return None
    shutil.rmtree(os.path.join(guest.ROOT, folder), ignore_errors=True)
    words = ["CC=" + compiler, "CONFIG=" + (os.environ.get("CONFIG") or "debug"), "G="]
    return make.make_kernels(folder, *words, targets=TARGETS[compiler])


def run_make_iso(image, kernels, grub="/usr/lib/grub"):
    return subprocess.run(["sh", "iso/make-iso.sh", image, *kernels], cwd=guest.ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=dict(os.environ, GRUB=grub))


def make_image(image, kernels):
    return run_make_iso(image, kernels).stdout.split("\n")


def grub_with(folder, platforms):
    """A folder in place of /usr/lib/grub, with these platforms only."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for platform in platforms:
        os.symlink(os.path.join("/usr/lib/grub", platform), os.path.join(folder, platform))
    return folder


def same(first, second):
    with open(first, "rb") as a, open(second, "rb") as b:
        return a.read() == b.read()


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
    again = folders["clang" if "clang" in (os.environ.get("CC") or "gcc") else "gcc"]
    kernels = [os.path.join(again if os.path.exists(os.path.join(guest.ROOT, again, target)) else tested, target, "kernel")
               for target in make.TARGETS]
    words = make_image(os.path.join(again, "kvasir.iso"), kernels)
    for product in [kernel.removeprefix(again + "/") for kernel in kernels if kernel.startswith(again)] + ["kvasir.iso"]:
        pair = [os.path.join(guest.ROOT, folder, product) for folder in (tested, again)]
        there = all(os.path.exists(path) for path in pair)
        out.ok(there and same(*pair), "two builds of %s are byte-identical" % product, ["compare: cmp -l %s %s" % tuple(pair)] + words)
    platforms_of_grub(out, os.path.join(guest.ROOT, again), kernels)
    return out.end()


def platforms_of_grub(out, folder, kernels):
    """An image is made of three platforms; where one of them is not installed there is no image."""
    image, three = os.path.join(folder, "none.iso"), ("i386-pc", "i386-efi", "x86_64-efi")
    for missing in three:
        run = run_make_iso(image, kernels, grub_with(os.path.join(folder, "grub"), [name for name in three if name != missing]))
        said = "GRUB for %s is missing" % missing in run.stdout
        out.ok(run.returncode and said and not os.path.exists(image), "no image without GRUB for " + missing, [run.stdout])


sys.exit(main())
