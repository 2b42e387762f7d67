# SPDX-License-Identifier: MIT
"""The builds that check themselves (kernel/sanitize), made for x86_64 alone, and booted with chosen tests."""

import os

import guest
import make
import matrix
import tap

TARGET = "x86_64"


def build(config):
    """The kernel and its image, which the machines that follow boot. (exit code, last lines)."""
    folder = os.path.join(os.environ.get("O") or "build", config)
    code, lines = make.make_kernels(folder, "CONFIG=" + config, targets=(TARGET,))
    if code == 0:
        iso = make.make_iso(os.path.join(folder, "kvasir.iso"), [os.path.join(folder, TARGET, "kernel")])
        code, lines = iso.returncode, iso.stdout.split("\n")
    os.environ.update(O=folder, ISO=os.path.join(guest.ROOT, folder, "kvasir.iso"))
    return code, lines


def main(config, what, machines):
    """machines: of each the mode, the tests, and more words."""
    tap.only_without_choice()
    out = tap.Tap()
    code, lines = build(config)
    if out.ok(code == 0, "the build with checks of " + what, lines):
        for env, tests, words in machines:
            machine = guest.Machine(env, 2, "256M", cmdline="exit test=%s %s" % (tests, words), turns=True)
            row = matrix.Row(env, "2", machine.cpu, "bios", "cd", "256M", tests, config)
            matrix.boot_all(out, [(row, machine)], tests)
    return out.end()
