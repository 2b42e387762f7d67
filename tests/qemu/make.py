# SPDX-License-Identifier: MIT
"""make, as a job of the queue: the scripts build other kernels than the one that is tested, one target a job."""

import os
import subprocess

import guest
import slots

TARGETS = ("x86_64", "i386-pae", "i386")
# All that kernels and the image are built from.
SOURCES = ("arch", "boot", "iso", "kernel", "mm", "tests", "third_party", "linker.ld", "Makefile")
SECONDS = 30  # that one of them takes, about


def environment(*more):
    """Of this process, without what an outer make says of itself and of its targets, and without `more`."""
    outer = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "ISO", "V", "ENV", "T", *more)
    return {key: value for key, value in os.environ.items() if key not in outer}


def make(name, seconds, *words, tree=guest.ROOT):
    """(exit code, last lines) of make with these words, in its own slot: one compiler at a time. tree: where the
    sources are."""
    with slots.Job("build", name, seconds):
        run = subprocess.run(["make", "-j1", "--no-print-directory", *words], cwd=tree, env=environment(), text=True,
                             errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.returncode, run.stdout.split("\n")[-40:]


def copy_sources(folder, *options):
    subprocess.run(["cp", "-a", *options, *(os.path.join(guest.ROOT, name) for name in SOURCES), folder], check=True)


def make_kernels(folder, *words, targets=TARGETS, tree=guest.ROOT):
    """Kernels in `folder`, side by side. (exit code, last lines) of what went wrong, or of the last one."""
    words = ["O=" + folder, "ISO=%s/kvasir.iso" % folder, *words]

    def one(target):
        return make(os.path.join(os.path.relpath(folder, guest.ROOT), target), SECONDS, "-f", "boot/kernel.mk",
                    "TARGET=" + target,
                    *words, tree=tree)

    results = list(slots.each(one, targets))
    return next((result for result in results if result[0]), results[-1])


def make_image(tree, out, env, *words):
    """The image of a copy of the tree, with this mode's kernel alone; both are made in `out`. (its path or None, last
    lines)."""
    target = guest.ENVS[env]["kernel"]
    image = os.path.join(out, target + ".iso")
    for command in (["make", "-s", "-j2", "-f", "boot/kernel.mk", "TARGET=" + target, "O=" + out, *words],
                    ["sh", "iso/make-iso.sh", image, os.path.join(out, target, "kernel")]):
        run = subprocess.run(command, cwd=tree, env=environment(), text=True, errors="replace",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode:
            return None, run.stdout.split("\n")[-40:]
    return image, []


def make_iso(image, kernels, variables=(), folder=os.path.join(guest.ROOT, "iso"), **how):
    """Run make-iso.sh of that folder with more variables, and as `how` says to subprocess.run."""
    return subprocess.run(["sh", os.path.join(folder, "make-iso.sh"), image, *kernels], text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=dict(os.environ, **dict(variables)),
                          **{"cwd": guest.ROOT, **how})
