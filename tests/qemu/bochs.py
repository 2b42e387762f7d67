# SPDX-License-Identifier: MIT
"""One machine in Bochs: slower than QEMU, and stricter about translations.

Bochs keeps global pages over a load of CR3, caches the PAE top entries, drops exactly one page with INVLPG, has x2APIC
and PCIDs and refuses reserved bits. It runs all CPUs in lockstep, so a run repeats exactly.

Two things are not as in QEMU. There is no SMBIOS table to carry words for the kernel: the same kernels and the same
menu go on an image of their own, whose first line says what QEMU's table would. And the exit status says nothing: the
kernel switches the machine off, Bochs notes that in its log, and only then the kernel's last line is taken for the
status.
"""

import os
import re
import shutil
import signal
import subprocess

import guest
import ktap

CPUS = {"x64": "corei7_skylake_x", "pae": "corei7_skylake_x", "i386": "pentium"}  # no model of Bochs 2.7 has 5 levels
BIOS = ("/usr/share/bochs/BIOS-bochs-latest", "/usr/local/share/bochs/BIOS-bochs-latest")
VGA = ("/usr/share/vgabios/vgabios.cirrus.bin", "/usr/share/bochs/VGABIOS-lgpl-latest-cirrus.bin",
       "/usr/share/bochs/VGABIOS-lgpl-latest-cirrus")

# ips says how many instructions make a second of the machine's time. Few of them make tests (and BIOS) that wait for a
# time cheap.
#
# The plain VGA crashes GRUB when a kernel asks for a graphics mode, and the display cannot show the mode that Cirrus
# has: so it is Cirrus with a text screen. Sound is off because its threads crash where there is no sound card.
CONFIG = """config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest={memory}, host={memory}
romimage: file={bios}
vgaromimage: file={vga}
pci: enabled=1, chipset=i440fx, slot1=cirrus
vga: extension=cirrus
cpu: model={cpu}, count={cpus}, ips=25000000, reset_on_triple_fault=0, ignore_bad_msrs=0
clock: sync=none
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={serial}
sound: driver=dummy
speaker: enabled=0
log: /dev/stdout
panic: action=fatal
"""
DEBUGGER = "continue\nquit\n"  # Debian's Bochs waits for its debugger; Ctrl-C brings it back, and registers with it
LOG_BYTES = 64 * 1024          # of Bochs's own log that are kept: the last ones
LOG_LINE = re.compile(r"\d+([a-z])\[(.{6})\] (.*)$")
SWITCHED_OFF = ("soft power off", "Shutdown port: shutdown requested")
TRIPLE_FAULT = "exception with no resolution"


class Machine(guest.Machine):
    """The choices of one run in Bochs: no UEFI, no USB stick."""

    option = "--bochs "

    def __init__(self, env="x64", cpus=2, memory="256M", cpu=None, firmware="bios", medium="cd", cmdline=""):
        if env not in CPUS:
            raise guest.SetupError("Bochs has no machine for ENV=%s, only for %s" % (env, ", ".join(CPUS)))
        if (firmware, medium) != ("bios", "cd"):
            raise guest.SetupError("Bochs boots from CD with BIOS only")
        if not re.fullmatch(r"\d+M", memory):
            raise guest.SetupError("Bochs takes memory in megabytes, like 256M: " + memory)
        super().__init__(env, cpus, memory, cpu or CPUS[env], firmware, medium, cmdline)

    def name(self):
        return "bochs " + super().name()

    def expected(self):
        return 4 * super().expected()

    def facts(self):
        return super().facts() + (["pcid=1"] if "pcid" in self.cmdline.split() else [])

    def files(self, folder, serial):
        """Image, configuration and debugger script in `folder`; the command that uses them."""
        program = shutil.which("bochs")
        if not program:
            raise guest.SetupError("no bochs: run 'make setup' (Debian: apt install bochs bochsbios vgabios)")
        config, script, iso = (os.path.join(folder, name) for name in ("bochsrc", "script", "kvasir.iso"))
        make_image(iso, guest.ENVS[self.env]["kernel"], self.cmdline)
        with open(config, "w") as file:
            file.write(CONFIG.format(cpu=self.cpu, cpus=self.cpus, memory=self.memory[:-1], iso=iso, serial=serial,
                                     bios=guest.first_file(BIOS, "Bochs's BIOS (Debian: apt install bochsbios)"),
                                     vga=guest.first_file(VGA, "the Cirrus VGA BIOS (Debian: apt install vgabios)")))
        with open(script, "w") as file:
            file.write(DEBUGGER)
        return [program, "-q", "-f", config, "-rc", script]


def make_image(iso, kernel, words):
    path = guest.build_path(kernel, "kernel")
    if not os.path.exists(path):
        raise guest.SetupError("there is no %s: run 'make'" % os.path.relpath(path))
    made = subprocess.run(["sh", os.path.join(guest.ROOT, "iso", "make-iso.sh"), iso, path], capture_output=True,
                          text=True,
                          env={**os.environ, "BOOT": "kvasir:%s/text %s" % (kernel, words)})
    if made.returncode:
        raise guest.SetupError("no image for Bochs: " + made.stderr.strip())


class Run(guest.Run):
    """The serial line comes through the fifo, and Bochs's own log on the standard streams (errors)."""

    def command(self, folder, fifo):
        return self.machine.files(folder, fifo)

    def takers(self):
        return self.take_errors, self.take_errors, self.take_serial

    def take_errors(self, data):
        self.errors = (self.errors + data)[-LOG_BYTES:]
        return False

    def run(self):
        super().run()
        if self.status is not None:
            self.status = status_of(self.log(), self.status, self.said())
        return self

    def said(self):
        return self.errors.decode("utf-8", "replace")

    def triple_fault(self):
        return TRIPLE_FAULT in self.said()

    def stop(self):
        """Too slow or silent: its debugger prints the registers of all CPUs when it is interrupted."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.take_errors(self.process.communicate(timeout=10)[0])
        except subprocess.TimeoutExpired:
            self.take_errors(b"Bochs does not answer\n")
        self.file.write(b"\n# stopped after %d s\n" % self.seconds)

    def diagnosis(self, code):
        """Bochs's complaints; if the run came to no good end, the state of the CPUs, which closes its log."""
        if code in (ktap.PASS, ktap.SKIP, ktap.FAIL, ktap.CRASH):
            return []
        entries = [LOG_LINE.match(line) for line in self.said().split("\n")]
        lines = ["%s: %s" % (e[2].strip(), e[3]) for e in entries if e and worth_reading(e[1], e[2], e[3])]
        raw = [] if lines else self.said().split("\n")
        return [self.with_symbol(line) for line in (lines or raw)[-60:] if line.strip()]


def worth_reading(level, device, text):
    """Panics and errors; of the rest, registers. Segments say nothing about a kernel like this one."""
    return level in "pe" or device.startswith("CPU") and re.search(r"\| +(R|E|CR)[A-Z0-9]+=|CPU is in", text)


def status_of(log, status, said):
    """The status with which QEMU would have ended."""
    if any(sign in said for sign in SWITCHED_OFF):
        return ktap.status_of(log.exit)
    return 0 if TRIPLE_FAULT in said else status
