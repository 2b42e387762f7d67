#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# kva, the layer that other kernels take (`make kva`): made twice it is the same bytes; it compiles without a warning by
# gcc and clang for each target, with and without SMP, debug and release; it exports its API and nothing else; and it
# asks a kernel for what kva_host.h says, and for four functions of C.
import sys
sys.dont_write_bytecode = True

import itertools
import os
import re
import shutil
import subprocess
import tempfile

import guest
import slots
import tap

FLAGS = ("-std=gnu11 -ffreestanding -fno-pic -fno-pie -mgeneral-regs-only -fno-strict-aliasing "
         "-Wall -Wextra -Werror").split()
MACHINES = {"x86_64": ("-m64", "-mcmodel=kernel", "-mno-red-zone"),
            "PAE": ("-m32", "-march=i686"),
            "i386": ("-m32", "-march=i586")}
TARGETS = {"x86_64": 1, "PAE": 2, "i386": 3}  # KVA_TARGET
EVERY = bool(os.environ.get("EVERY"))  # .ci/run; otherwise release with SMP, and debug without
COMMON = {"memcpy", "memmove", "memset", "memcmp"}
MOST_SMP, MOST_UP = 16, 12  # functions that a kernel must write


def make_kva(folder):
    return subprocess.run([os.path.join(guest.ROOT, "mm/kva/make-kva"), folder], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def contents(folder):
    return {name: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))}


def functions(path):
    """Names of the functions that a header declares."""
    with open(path) as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    return set(re.findall(r"\b(\w+)\([^()]*\)(?: __attribute__\(.*\))?;", text))


def symbols(path, *flags):
    run = subprocess.run(["nm", *flags, path], text=True, stdout=subprocess.PIPE, check=True)
    return {line.split()[-1] for line in run.stdout.splitlines()}


class Variant:
    """One way to compile it. clang makes an object in less time than gcc reads the file; so gcc makes only two of them,
    with optimisation, and otherwise only looks for what it would warn of."""

    def __init__(self, compiler, target, debug, cpus):
        self.compiler, self.target, self.debug, self.cpus = compiler, target, debug, cpus
        self.name = "%s, %s, %s, %s" % (compiler, target, "debug" if debug else "release", "SMP" if cpus > 1 else "UP")
        whole = not debug and (target, cpus > 1) in (("x86_64", True), ("i386", False))
        self.level = "-O0" if compiler == "clang" else "-O2" if whole else "-fsyntax-only"

    def compile(self, folder):
        """Lines of what is wrong."""
        if not shutil.which(self.compiler):
            return None
        path = os.path.join(folder, re.sub(r"\W+", "-", self.name) + ".o")
        words = [self.compiler, *FLAGS, self.level, *MACHINES[self.target], "-DKVA_TARGET=%d" % TARGETS[self.target],
                 "-DKVA_DEBUG=%d" % self.debug, "-DKVA_MAX_CPUS=%d" % self.cpus, "-c", "kva.c", "-o", path]
        with slots.Job("build", "kva: " + self.name, 4 if self.level == "-O2" else 1):
            run = subprocess.run(words, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode:
            return run.stdout.splitlines()[:20]
        return list(self.wrong_symbols(folder, path)) if os.path.exists(path) else []

    def wrong_symbols(self, folder, path):
        exported, wanted = symbols(path, "-g", "--defined-only"), symbols(path, "-u")
        api, host = functions(os.path.join(folder, "kva.h")), functions(os.path.join(folder, "kva_host.h"))
        yield from ("exports %s, which is not in kva.h" % name for name in sorted(exported - api))
        yield from ("does not export %s" % name for name in sorted(api - exported))
        yield from ("wants %s, which is not in kva_host.h" % name for name in sorted(wanted - host - COMMON))
        most = MOST_SMP if self.cpus > 1 else MOST_UP
        if len(wanted - COMMON) > most:
            yield "wants %d functions of the host, %d at most" % (len(wanted - COMMON), most)


def main():
    tap.only_without_choice()
    out = tap.Tap()
    with tempfile.TemporaryDirectory() as here:
        folders = [os.path.join(here, name) for name in ("kva", "again")]
        runs = [make_kva(folder) for folder in folders]
        if not out.ok(all(run.returncode == 0 for run in runs), "make kva", [run.stdout for run in runs]):
            return out.end()
        out.ok(contents(folders[0]) == contents(folders[1]), "two of them are byte-identical")
        test = subprocess.run(["gcc", *FLAGS, "-fsyntax-only", *MACHINES["x86_64"], "-DKVA_DEBUG=1", "kva_test.c"],
                              cwd=folders[0], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        out.ok(test.returncode == 0, "gcc, kva_test.c", test.stdout.splitlines()[:20])
        variants = [Variant(*v) for v in itertools.product(("gcc", "clang"), TARGETS, (0, 1), (64, 1))]
        variants = [v for v in variants if EVERY or v.level == "-O2" or v.debug == (v.cpus == 1)]
        for variant, wrong in zip(variants, slots.each(lambda v: v.compile(folders[0]), variants)):
            out.ok(not wrong, variant.name, wrong or (), "there is no " + variant.compiler if wrong is None else None)
    return out.end()


sys.exit(main())
