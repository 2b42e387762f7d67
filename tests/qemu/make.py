# SPDX-License-Identifier: MIT
"""make, as a job of the queue: the scripts build other kernels than the one that is tested, one target a job."""

import os
import subprocess

import guest
import slots

TARGETS = ("x86_64", "i386-pae", "i386")
SECONDS = 30  # that one of them takes, about


def make(name, seconds, *words):
    """(exit code, last lines) of make with these words, in its own slot: one compiler at a time."""
    outer = ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "ISO", "V", "ENV", "T")
    environment = {key: value for key, value in os.environ.items() if key not in outer}
    with slots.Job("build", name, seconds):
        run = subprocess.run(["make", "-j1", "--no-print-directory", *words], cwd=guest.ROOT, env=environment, text=True,
                             errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.returncode, run.stdout.split("\n")[-40:]


def make_kernels(folder, *words, targets=TARGETS):
    """Kernels in `folder`, side by side. (exit code, last lines) of what went wrong, or of the last one."""
    words = ["O=" + folder, "ISO=%s/kvasir.iso" % folder, *words]

    def one(target):
        return make("%s/%s" % (folder, target), SECONDS, "-f", "boot/kernel.mk", "TARGET=" + target, *words)

    results = list(slots.each(one, targets))
    return next((result for result in results if result[0]), results[-1])
