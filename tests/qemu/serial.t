#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The serial console is where serial= or the firmware says, with all that was said before it moved; a word that leads
# nowhere costs nothing.
import sys
sys.dont_write_bytecode = True

import re
import struct
import tempfile

import guest
import ktap
import slots
import tap

BANNER = r"(?m)^kvasir \d"
ONCE = r"(?s)^(?!.*screen: .*screen: )"
FIRST = r"(?m)^\[.*\] screen: "  # a line from before ACPI was read
COM1, COM2 = 0x3f8, 0x2f8  # in an SPCR table, with codes of speeds
AS_IT_IS, BAUD_57600 = 0, 6
PLACES = (  # mode, words, line, flags, what must be in the text
    ("x64", "serial=com2", "com2", (), (BANNER, FIRST, r"the serial line is COM2, 115200 baud \(serial=\)")),
    ("i386", "serial=0x2f8,9600", "com2", (), (BANNER, FIRST, r"is COM2, 9600 baud")),
    ("x64", "serial=pci", "pci", (), (BANNER, FIRST, r"is I/O port 0x[0-9a-f]+, 115200 baud")),
    ("pae", "serial=pci", "pci", (), (BANNER, FIRST, r"is I/O port 0x[0-9a-f]+, 115200 baud")),
    ("x64", "", "com2", (COM2, BAUD_57600), (BANNER, FIRST, r"is COM2, 57600 baud \(SPCR\)")),
    ("x64", "", "com1", (COM1, AS_IT_IS), (ONCE, r"(?m)^# console   COM1, 115200 baud")),  # GRUB had set that
    ("pae", "", "com2", (COM2, AS_IT_IS), (BANNER, FIRST, r"(?m)^# console   COM2, 9600 baud")),  # QEMU's
    ("i386", "serial=com9", "com1", (), (BANNER, r"serial=com9: not used, it is none of com1")),
    ("pae", "serial=mmio:0xfec00000", "com1", (), (BANNER, r"no UART answers at memory at 0xfec00000")),
)


def spcr(port, baud):
    """The part behind the header: a 16550."""
    return struct.pack("<B3xBBBBQBBIB", 0, 1, 8, 0, 1, port, 3, 3, 3, baud) + bytes(80 - 36 - 23)


def boot(choice):
    env, words, line, console, wanted = choice
    with tempfile.NamedTemporaryFile(suffix=".acpi") as table:
        table.write(spcr(*console) if console else b"")
        table.flush()
        flags = ["-acpitable", "sig=SPCR,rev=2,data=" + table.name] if console else []
        machine = guest.Machine(env, 1, cmdline=("exit test=cpus " + words).strip(), flags=flags, line=line)
        name = "serial-%s-%s-%s%s" % (env, re.sub("[^a-z0-9]", "", words), line,
                                      "-spcr%x-%d" % console if console else "")
        run = guest.Run(machine, guest.build_path("logs", name + ".log"), timeout=60, silence=30).run()
    text = run.serial.decode("utf-8", "replace").replace("\r", "")
    verdict = ktap.verdict(run.log(), run.status, run.triple_fault())
    good = verdict.code == ktap.PASS and all(re.search(pattern, text) for pattern in wanted)
    return good, "%s %s at %s%s" % (env, words or "no word", line, ", with SPCR %x, %d" % console if console else ""), \
        run.diagnosis(ktap.CRASH) + text.split("\n")[-30:]


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        for result in slots.each(boot, PLACES):
            out.ok(*result)
    except guest.SetupError as error:
        out.ok(False, "serial: setup", [str(error)])
    return out.end()


sys.exit(main())
