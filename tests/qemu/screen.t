#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What somebody sees who has a screen: the block before the prompt.
import sys
sys.dont_write_bytecode = True

import os
import re
import subprocess

import guest
import ktap
import slots
import tap

LINES, COLUMNS = 15, 80
# Words, QEMU's arguments, lines that the block must have.
BLOCKS = (
    ("x64", "test=cpus.call_one", [], (r"Kvasir +\d.* x64: 4-level page tables", r"verdict +PASS: \d+ tests? passed, 0 failed", r"warnings +none",
     r"CPUs +2 of 2 run, .*QEMU", r"memory +[\d.]+ MiB of [\d.]+ MiB used", r"firmware +BIOS, ACPI, loaded by GRUB",
     r"console +COM1, 115200 baud; framebuffer 1024x768x32", r"keyboard +yes", r"more +'dmesg'")),
    ("i386", "test=no.such_test mem=100M nonsense maxcpus=1", ["-machine", "i8042=off"], (r"Kvasir .* i386: 2-level",
     r"verdict +ERROR", r"warnings .* 1 other problem", r"CPUs +1 of 2 run", r"memory +99.* MiB of 255.* MiB used",
     r"left out +155.* MiB cut off by mem=", r"keyboard +no keyboard was found")),
)


def block_of(text):
    """The comments that stand before the totals, from the kernel's name on."""
    found = re.search(r"\n(# Kvasir .*\n(?:# .*\n)*)# totals:", text)
    return found[1].split("\n")[:-1] if found else []


def in_the_log(choice):
    env, words, flags, wanted = choice
    run = guest.Run(guest.Machine(env, 2, cmdline="exit " + words, flags=flags), guest.build_path("logs", "screen-%s.log" % env), 60, 30).run()
    block = block_of(run.serial.decode("utf-8", "replace").replace("\r", ""))
    missing = [pattern for pattern in wanted if not any(re.match("# " + pattern, line) for line in block)]
    problems = [p for p in run.log().problems if "cpus=" not in p]
    good = not missing and len(block) <= LINES and max(map(len, block), default=0) <= COLUMNS and not problems
    return good, "%s: the block in the log" % env, missing + problems + block + run.diagnosis(ktap.CRASH)


def without_vesa(kernel):
    """No SMBIOS there, so the image says itself what to boot."""
    image = guest.build_path("screen-isapc.iso")
    kernels = [guest.build_path(name, "kernel") for name in ("x86_64", "i386-pae", "i386")]
    subprocess.run(["sh", os.path.join(guest.ROOT, "iso", "make-iso.sh"), image, *kernels], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, BOOT="kvasir:%s exit test=cpus.call_one" % kernel))
    machine = guest.Machine("i386", flags=["-machine", "isapc"], iso=image)
    run = guest.Run(machine, guest.build_path("logs", "screen-isapc.log"), 60, 30).run()
    text = run.serial.decode("utf-8", "replace").replace("\r", "")
    return "console   COM1, 115200 baud; VGA text, 80x25" in text, "i386: VGA without VESA is text", text.split("\n")[-40:]


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        for result in slots.each(in_the_log, BLOCKS):
            out.ok(*result)
        out.ok(*without_vesa("i386"))
    except guest.SetupError as error:
        out.ok(False, "screen: setup", [str(error)])
    return out.end()


sys.exit(main())
