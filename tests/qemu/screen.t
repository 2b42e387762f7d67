#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What somebody sees who has a screen: the block before the prompt.
import sys
sys.dont_write_bytecode = True

import re
import shutil
import subprocess

import guest
import ktap
import slots
import tap

LINES, COLUMNS = 15, 80
# What the machine is, its words, lines that the block must have.
BLOCKS = (
    ("a screen of pixels", {"env": "x64", "cpus": 2}, "test=cpus.call_one",
     (r"Kvasir +\d.* x64: 4-level page tables", r"verdict +PASS: 1 test passed, 0 failed", r"warnings +none",
      r"CPUs +2 of 2 run, .*QEMU", r"memory +[\d.]+ MiB of [\d.]+ MiB used", r"firmware +BIOS, ACPI, loaded by GRUB",
      r"console +COM1, 115200 baud; framebuffer 1024x768x32", r"keyboard +yes", r"more +'dmesg'")),
    ("much is wrong", {"env": "i386", "cpus": 2, "memory": "5G", "flags": ["-machine", "i8042=off"]},
     "test=no.such_test mem=100M nonsense maxcpus=1",
     (r"Kvasir .* i386: 2-level", r"verdict +ERROR", r"warnings +0 .* 2 other problems", r"CPUs +1 of 2 run",
      r"memory +99.* MiB of 4.* GiB used", r"left out +2 GiB beyond what this CPU", r" +2.* GiB cut off by mem=",
      r"keyboard +no keyboard was found")),
    # The loader has to leave the screen to text.
    ("VGA without VESA", {"env": "i386", "flags": ["-machine", "isapc"]}, "test=cpus.call_one",
     (r"firmware +BIOS, no ACPI", r"console .*; VGA text, 80x25")),
)


def block_of(text):
    """The comments that stand before the totals, from the kernel's name on."""
    found = re.search(r"\n(# Kvasir .*\n(?:# .*\n)*)# totals:", text)
    return found[1].split("\n")[:-1] if found else []


def in_the_log(row):
    name, machine, words, wanted = row
    log_path = guest.build_path("logs", "screen", name.replace(" ", "-") + ".log")
    run = guest.Run(guest.Machine(cmdline="exit " + words, **machine), log_path).run()
    block = block_of(run.serial.decode("utf-8", "replace").replace("\r", ""))
    missing = [pattern for pattern in wanted if not any(re.match("# " + pattern, line) for line in block)]
    fits = len(block) <= LINES and max(map(len, block), default=0) <= COLUMNS
    problems = run.log().problems
    return fits and not missing and not problems, name + ": the block in the log", missing + problems + block + run.diagnosis(ktap.CRASH)


# As a camera sees it.
SPOILT = ([], ["-blur", "0x1"], ["-background", "black", "-rotate", "5"], ["-blur", "0x1", "-background", "black", "-rotate", "5"])


class AtThePrompt(guest.Run):
    """Keeps a picture of the screen when the prompt has come, then switches off."""

    picture = guest.build_path("logs", "screen", "qr.png")

    def type(self, answer):
        guest.monitor(self.qmp_path, "screendump %s -f png" % self.picture)
        super().type(answer)


def decoded(path):
    return subprocess.run(["zbarimg", "-q", "--raw", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()


def squeezed(lines):
    return [re.sub(" +", " ", line.removeprefix("# ")) for line in lines]


def as_a_picture():
    """The QR code says what the block says; also when the picture is blurred and turned. This card has 24 bits a pixel."""
    missing = [tool for tool in ("zbarimg", "convert") if not shutil.which(tool)]
    if missing:
        yield True, "the QR code is read", (), "no %s: run 'make setup'" % ", ".join(missing)
        return
    machine = guest.Machine("i386", cmdline="test=cpus.call_one", flags=["-vga", "cirrus"])
    run = AtThePrompt(machine, guest.build_path("logs", "screen", "qr.log"), steps=[("cpu0> ", "poweroff\r")]).run()
    block = squeezed(block_of(run.serial.decode("utf-8", "replace").replace("\r", "")))
    for effect in SPOILT:
        path = guest.build_path("logs", "screen", "qr-spoilt.png")
        subprocess.run(["convert", AtThePrompt.picture, *effect, path], check=True)
        text = decoded(path).strip().split("\n")
        yield bool(block) and text == block, "the QR code is read" + "".join(" " + word for word in effect), text + ["not"] + block


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        for result in slots.each(in_the_log, BLOCKS):
            out.ok(*result)
        for result in as_a_picture():
            out.ok(*result)
    except guest.SetupError as error:
        out.ok(False, "screen: setup", [str(error)])
    return out.end()


sys.exit(main())
