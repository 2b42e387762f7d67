# SPDX-License-Identifier: MIT
"""One machine in v86, the emulator that runs in a browser (web/), here without one: in Node.

Its MMU and TLB are a third implementation of the same manual; README.md says how the three differ. One CPU, no long
mode, no APIC as we use it, no ACPI. As in Bochs the words for the kernel stand on an image of their own, and the exit
status says nothing: the kernel halts for good, v86.mjs notices that, and only then the kernel's last line is taken for
the status.
"""

import os
import re
import shutil
import signal
import subprocess

import bochs
import guest
import ktap

MODES = ("pae", "i386")
FOLDER = os.path.join(guest.ROOT, "web", "node_modules", "v86", "build")
FIRMWARE = ("/usr/share/seabios/bios.bin", "/usr/share/seabios/vgabios-stdvga.bin")


def lacks():
    """Why no machine can be had here, or None."""
    if not shutil.which("node"):
        return "no node: run 'make setup' (Debian: apt install nodejs)"
    if not os.path.exists(os.path.join(FOLDER, "libv86.mjs")):
        return "no v86: run 'make setup' (npm ci in web/)"
    missing = [path for path in FIRMWARE if not os.path.exists(path)]
    return "no %s: run 'make setup' (Debian: apt install seabios)" % missing[0] if missing else None


class Machine(guest.Machine):
    """The choices of one run in v86: hardly any."""

    option = "--v86 "

    def __init__(self, env="pae", cpus=1, memory="256M", cpu=None, firmware="bios", medium="cd", cmdline=""):
        if env not in MODES:
            raise guest.SetupError("v86 has no machine for ENV=%s, only for %s" % (env, ", ".join(MODES)))
        if (cpus, cpu or "v86", firmware, medium) != (1, "v86", "bios", "cd"):
            raise guest.SetupError("v86 has one CPU of one kind, and boots from CD with BIOS only")
        if not re.fullmatch(r"\d+M", memory):
            raise guest.SetupError("v86 takes memory in megabytes, like 256M: " + memory)
        super().__init__(env, 1, memory, "v86", firmware, medium, cmdline)

    def name(self):
        return "v86 " + super().name()

    def expected(self):
        return 25

    def files(self, folder):
        """Image in `folder`; the command that boots it."""
        if lacks():
            raise guest.SetupError(lacks())
        iso = os.path.join(folder, "kvasir.iso")
        bochs.make_image(iso, guest.ENVS[self.env]["kernel"], self.cmdline)
        script = os.path.join(guest.ROOT, "tests", "qemu", "v86.mjs")
        return [shutil.which("node"), script, FOLDER, *FIRMWARE, iso, self.memory[:-1]]


class Run(guest.Run):
    """The serial line is on standard output; what v86 itself says, on standard error."""

    def command(self, folder, fifo):
        return self.machine.files(folder)

    def run(self):
        super().run()
        if b"halted" in self.errors:
            self.status = ktap.status_of(self.log().exit)
        return self

    def stop(self):
        """Too slow or silent: v86.mjs prints the registers when it is interrupted."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.take_errors(self.process.communicate(timeout=10)[1])
        except subprocess.TimeoutExpired:
            self.take_errors(b"v86 does not answer\n")
        self.file.write(b"\n# stopped after %d s\n" % self.seconds)

    def diagnosis(self, code):
        """What v86 said, unless the kernel said it all."""
        if code in (ktap.PASS, ktap.SKIP, ktap.FAIL, ktap.CRASH):
            return []
        return [self.with_symbol(line) for line in self.errors.decode("utf-8", "replace").split("\n")[-60:]
                if line.strip()]
