# SPDX-License-Identifier: MIT
"""One virtual machine: build the QEMU command, watch it run, find out why it ended."""

import json
import os
import re
import selectors
import shlex
import shutil
import socket
import subprocess
import tempfile
import time

import ktap
import slots

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# What an ENV means: the CPU model that stands for it, the depth of its page tables, the kernel that is asked for. auto:
# what the CPU has, as on a real machine.
ENVS = {
    "auto": {"cpu": "max", "levels": None, "kernel": "auto"},
    "x64": {"cpu": "qemu64", "levels": 4, "kernel": "x86_64"},
    "x64-la57": {"cpu": "max", "levels": 5, "kernel": "x86_64"},
    "pae": {"cpu": "qemu32", "levels": 3, "kernel": "i386-pae"},
    "i386": {"cpu": "pentium", "levels": 2, "kernel": "i386"},
}
OVMF = ("/usr/share/qemu/OVMF.fd", "/usr/share/ovmf/OVMF.fd", "/usr/share/OVMF/OVMF.fd",
        "/usr/share/edk2/x64/OVMF.fd", "/usr/share/edk2/ovmf/OVMF.fd")
# The firmware of 32-bit UEFI demands System Management Mode, and flash that only it may write. What it writes there is
# forgotten.
OVMF32 = [("/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd",), ("/usr/share/OVMF/OVMF32_VARS_4M.fd",)]
UNTELLING = ("DR", "FCW=", "FPR", "XMM", "YMM", "CCS=")  # registers that say nothing about a kernel like this one
TRACE_BYTES = 256 * 1024  # of QEMU's log that are kept: the last ones


class SetupError(Exception):
    """The run cannot be tried at all: a missing tool or file, a bad option."""


class Machine:
    """The choices of one run. memory with its unit ("256M"), flags: more QEMU arguments as a list.

    turns: the CPUs take turns on one thread of this host. One runs for up to 100 ms while the others stand still, and
    gives its turn away when it waits (PAUSE, HLT). Without it each CPU is a thread, and a CPU that waits burns a
    processor.
    """

    option = ""  # of run-guest, for machines of this kind

    def __init__(self, env="x64", cpus=1, memory="256M", cpu=None, firmware="bios", medium="cd", cmdline="", flags=(),
                 iso=None, turns=False, line="com1"):
        self.env, self.cpus, self.memory, self.firmware, self.medium = env, int(cpus), memory, firmware, medium
        self.cpu = cpu or ENVS[env]["cpu"]
        self.cmdline, self.flags = cmdline, list(flags)
        self.turns = turns and int(cpus) > 1
        self.line = line
        self.iso = iso or os.environ.get("ISO") or build_path("kvasir.iso")

    def name(self):
        return "%s %dcpu%s %s %s %s %s" % (self.env, self.cpus, " in turns" if self.turns else "", self.cpu,
                                           self.firmware,
                                           self.medium, self.memory)

    def accelerator(self):
        return os.environ.get("ACCEL") or ("tcg,thread=single" if self.turns else "tcg")

    def expected(self):
        """Seconds of a run, roughly, for the queue: one that was measured replaces it."""
        tests = re.search(r"test=(\S+)", self.cmdline)
        seconds = {"all": 20, "smoke": 4, None: 4}.get(tests and tests[1], 8)
        return seconds * (0.6 if self.cpus == 1 else 1) + (0 if self.firmware == "bios" else 5)

    def command(self, console, program="qemu-system-x86_64"):
        """console: QEMU's arguments about serial line, monitor and display, which differ between a person and a
        test."""
        line = [qemu(program), "-accel", self.accelerator(), "-cpu", self.cpu, "-smp", str(self.cpus)]
        line += ["-machine", self.chipset() + ",memory-backend=ram", "-m", self.memory,
                 "-object", "memory-backend-ram,id=ram,size=%s,reserve=off" % self.memory]
        line += ["-nic", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"] + console
        line += self.firmware_flags() + self.medium_flags() + self.smbios_flags() + self.flags
        return line + shlex.split(os.environ.get("QEMUFLAGS", ""))

    def facts(self):
        """Words that the kernel's first line has on this machine."""
        facts = ["boot=" + self.firmware.removesuffix("32")]
        if ENVS[self.env]["levels"]:
            facts.append("levels=%d" % ENVS[self.env]["levels"])
        if "maxcpus=" not in self.cmdline:
            facts.append("cpus=%d" % (1 if "nosmp" in self.cmdline.split() else self.cpus))
        return facts

    def chipset(self):
        """32-bit processors get the board of their time, so that both boards are tested."""
        if self.firmware == "uefi32":
            return "q35,smm=on"
        return "pc" if ENVS[self.env]["kernel"].startswith("i386") else "q35"

    def firmware_flags(self):
        if self.firmware == "uefi":
            return ["-bios", first_file(OVMF, "OVMF (Debian: apt install ovmf)")]
        if self.firmware == "uefi32":
            code, variables = [first_file(names, "OVMF32 (Debian: apt install ovmf-ia32)") for names in OVMF32]
            return ["-global", "driver=cfi.pflash01,property=secure,value=on",
                    "-drive", "if=pflash,format=raw,readonly=on,file=" + code,
                    "-drive", "if=pflash,format=raw,snapshot=on,file=" + variables]
        return []

    def medium_flags(self):
        if self.medium == "cd":
            return ["-cdrom", self.iso]
        return ["-drive", "if=none,id=stick,format=raw,readonly=on,file=" + self.iso.replace(",", ",,"),
                "-device", "qemu-xhci", "-device", "usb-storage,drive=stick"]

    def smbios_flags(self):
        """The image is the one that users write to a stick; iso/grub.cfg reads these words from the firmware's
        tables."""
        kernel = "auto" if self.firmware == "uefi32" else ENVS[self.env]["kernel"]  # there the boot menu has to find it
        words = "kvasir:%s %s" % (kernel, self.cmdline)
        return ["-smbios", "type=1,serial=" + words.strip().replace(",", ",,")]


# Where the standard streams are plugged in. There is a COM1 at any rate, as on most machines; nobody reads what it
# says.
LINES = {
    "com1": ["-serial", "stdio"],
    "com2": ["-serial", "null", "-serial", "stdio"],
    "pci": ["-serial", "null", "-chardev", "stdio,id=line,signal=off", "-device", "pci-serial,chardev=line"],
}


def unattended(trace, qmp, traced="cpu_reset", line="com1"):
    """Console arguments of a test: serial line on the standard streams, a trace of resets, no restart."""
    return ["-display", "none", *LINES[line], "-monitor", "none", "-no-reboot", "-d", traced, "-D", trace,
            "-qmp", "unix:%s,server=on,wait=off" % qmp]


def build_path(*names):
    return os.path.join(ROOT, os.environ.get("O") or "build", *names)


def qemu(program):
    name = os.environ.get("QEMU") or program
    found = shutil.which(name)
    if not found:
        raise SetupError("no %s: run 'make setup', or set QEMU=" % name)
    return found


def first_file(candidates, what):
    for path in candidates:
        if os.path.exists(path):
            return path
    raise SetupError("%s is missing" % what)


class Key:
    """One key, or several at once, of the machine's keyboard: "ctrl-c"."""

    def __init__(self, name):
        self.name = name


class Run:
    """A machine from power on to its end."""

    def __init__(self, machine, log_path, timeout=300, silence=90, on_line=None, steps=(), traced="cpu_reset"):
        self.traced = traced           # by QEMU; "int": every interrupt and exception, which costs half of the time
        self.machine, self.timeout, self.silence = machine, timeout, silence
        self.on_line = on_line or (lambda line: None)
        self.steps = list(steps)       # [(text to wait for, text to type, or a Key)], for tests of the shell
        self.serial, self.trace, self.errors = b"", b"", b""
        self.partial, self.unmatched = b"", b""
        self.status = None             # of QEMU; None: it had to be stopped
        self.seconds = 0.0
        self.registers = ""            # of all CPUs, if it had to be stopped
        self.log_path = log_path
        self.job = slots.Job("machine", "%s %s" % (machine.name(), machine.cmdline.removeprefix("exit ")),
                             machine.expected())

    def run(self):
        with self.job:
            self.run_in_slot()
        return self

    def run_in_slot(self):
        os.makedirs(os.path.dirname(os.path.abspath(self.log_path)), exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="kvasir-") as folder, open(self.log_path, "wb") as self.file:
            fifo = os.path.join(folder, "fifo")
            os.mkfifo(fifo)
            self.fifo = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
            try:
                self.start(self.command(folder, fifo))
            finally:
                os.close(self.fifo)
            self.file.write(self.errors)

    def start(self, command):
        self.file.write(b"# " + shlex.join(command).encode() + b"\n")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE if self.steps else subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.watch()
        finally:
            self.process.kill()
            self.process.wait()

    def command(self, folder, fifo):
        """The emulator's command; `folder` is gone when it has ended."""
        if not os.path.exists(self.machine.iso):
            raise SetupError("there is no %s: run 'make'" % os.path.relpath(self.machine.iso))
        self.qmp_path = os.path.join(folder, "qmp")
        return self.machine.command(unattended(fifo, self.qmp_path, self.traced, self.machine.line))

    def takers(self):
        """What comes on standard output, standard error and the fifo."""
        return self.take_serial, self.take_errors, self.take_trace

    def watch(self):
        """Drain what the emulator writes until it ends or a limit is reached."""
        start = last = time.monotonic()
        files = (self.process.stdout.fileno(), self.process.stderr.fileno(), self.fifo)
        with selectors.DefaultSelector() as selector:
            for fd, take in zip(files, self.takers()):
                selector.register(fd, selectors.EVENT_READ, take)
            while len(selector.get_map()) > 1:         # the fifo is ours and never closes
                for key, _ in selector.select(0.2):
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.data(data):
                        last = time.monotonic()
                now = time.monotonic()
                if now - start > self.timeout or now - last > self.silence:
                    self.seconds = now - start
                    return self.stop()
        status = self.process.wait()
        self.drain_fifo()
        self.status = 128 - status if status < 0 else status
        self.seconds = time.monotonic() - start

    def take_serial(self, data):
        self.serial += data
        self.file.write(data)
        self.partial += data
        *lines, self.partial = self.partial.split(b"\n")
        for line in lines:
            self.on_line(ktap.clean(line)[0])
        self.type_answers(data)
        return True

    def type_answers(self, data):
        self.unmatched += data
        while self.steps and self.steps[0][0].encode() in self.unmatched:
            awaited, answer = self.steps.pop(0)
            self.unmatched = self.unmatched.split(awaited.encode(), 1)[1]
            self.type(answer)

    def type(self, answer):
        if isinstance(answer, Key):
            monitor(self.qmp_path, "sendkey " + answer.name)
            return
        self.process.stdin.write(answer.encode())
        self.process.stdin.flush()

    def take_trace(self, data):
        self.trace = (self.trace + data)[-TRACE_BYTES:]
        return False

    def take_errors(self, data):
        self.errors += data
        return False

    def drain_fifo(self):
        try:
            while True:
                self.takers()[2](os.read(self.fifo, 1 << 16))
        except BlockingIOError:
            pass

    def stop(self):
        """Too slow or silent: ask QEMU what the CPUs are doing, keep a picture of the screen, then end it."""
        picture = os.path.splitext(os.path.abspath(self.log_path))[0] + ".png"
        try:
            self.registers = monitor(self.qmp_path, "info registers -a")
            monitor(self.qmp_path, "screendump %s -f png" % picture)
        except (OSError, ValueError) as error:
            self.registers = "QEMU does not answer: %s" % error
        self.file.write(b"\n# stopped after %d s\n" % self.seconds + self.registers.encode())

    def triple_fault(self):
        return b"Triple fault" in self.trace

    def log(self):
        """What was said; it must have been said by the machine that was asked for."""
        log = ktap.read_log(self.serial)
        if log.banner:
            missing = [fact for fact in self.machine.facts() if fact not in log.banner.split()]
            log.problems[:0] = ["the kernel should say %s: %s" % (", ".join(missing), log.banner)] if missing else []
        return log

    def last_exceptions(self, count=3):
        """The last exceptions before the reset, newest last, with the registers of the newest."""
        text = self.trace.decode("utf-8", "replace")
        text = text.rsplit("Triple fault", 1)[0] if "Triple fault" in text else text
        blocks = [i for i, line in enumerate(text.split("\n")) if " v=" in line and " pc=" in line]
        lines = text.split("\n")
        heads = [lines[i] for i in blocks[-count:-1]]
        return heads + (lines[blocks[-1]:blocks[-1] + 20] if blocks else ["no exception is in QEMU's trace"])

    def exceptions_of_another_run(self):
        """The same machine once more, with its exceptions traced."""
        again = Run(self.machine, self.log_path + ".again", self.timeout, self.silence, traced="int,cpu_reset").run()
        if not again.triple_fault():
            return ["booted once more to trace its exceptions, it had no triple fault: "
                    + os.path.relpath(again.log_path)]
        return ["last exceptions, of another run:"] + [again.with_symbol(line) for line in again.last_exceptions()]

    def with_symbol(self, line):
        """A line of registers and where in the kernel its instruction pointer is, if that can be told."""
        kernel = build_path(ENVS[self.machine.env]["kernel"], "kernel.elf")
        pointer = re.search(r"\b(?:pc|[ER]IP)=([0-9a-f]+)", line)
        if not pointer or not os.path.exists(kernel) or not shutil.which("addr2line"):
            return line
        found = subprocess.run(["addr2line", "-fse", kernel, pointer[1]], capture_output=True, text=True).stdout.split()
        return line if len(found) < 2 or found[0] == "??" else "%s  <- %s at %s" % (line, found[0], found[1])

    def diagnosis(self, code):
        """What explains a run without a verdict, beyond the serial log."""
        lines = self.errors.decode("utf-8", "replace").split("\n") if self.errors else []
        if code == ktap.RESET:
            lines += self.exceptions_of_another_run()
        if code == ktap.TIMEOUT:
            lines += ["registers:"] + [self.with_symbol(line) for line in self.registers.replace("\r", "").split("\n")]
        return [line for line in lines if line.strip() and not line.startswith(UNTELLING)]

    def last_lines(self, code):
        """The end of what the kernel said, unless its results say everything."""
        if code in (ktap.PASS, ktap.SKIP, ktap.FAIL, ktap.NO_START):
            return []
        said = ktap.clean(self.serial)
        first = next((i for i, line in enumerate(said) if ktap.FIRST.search(line)), 0)
        return ["last lines of the serial log:"] + [line for line in said[first:] if line.strip()][-40:]


def monitor(path, command, cpu=0):
    """One line to QEMU's monitor, about this CPU if it asks about one; the answer as text."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path)
        stream = sock.makefile("rw")
        stream.readline()
        answer = {}
        for request in ({"execute": "qmp_capabilities"},
                        {"execute": "human-monitor-command", "arguments": {"command-line": command, "cpu-index": cpu}}):
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            answer = json.loads(stream.readline())
            while "event" in answer:
                answer = json.loads(stream.readline())
        return str(answer.get("return", answer))


class Printer:
    """Shows the guest's lines as they come, from the kernel's first one on."""

    def __init__(self):
        self.speaking = False

    def __call__(self, line):
        self.speaking = self.speaking or bool(ktap.FIRST.search(line))
        if self.speaking:
            print(line, flush=True)


class Script(Run):
    """Somebody's standard input is typed, a line at each prompt of the shell; at its end the machine is switched
    off."""

    PROMPT = re.compile(rb"(?:^|\n)kvasir \S+ cpu\d+> $")

    def __init__(self, machine, log_path, lines, timeout, on_line):
        super().__init__(machine, log_path, timeout, timeout, on_line, steps=[("", "")])  # a pipe for what is typed
        self.lines = lines

    def type_answers(self, data):
        self.unmatched = (self.unmatched + data.replace(b"\r", b""))[-200:]
        if self.PROMPT.search(self.unmatched):
            self.unmatched = b""
            line = self.lines.readline()
            self.type((line.decode("utf-8", "replace").rstrip("\r\n") if line else "poweroff") + "\r")


def run_script(machine, log_path, lines, timeout=24 * 3600):
    """0 if the machine came up, took the lines, and switched itself off."""
    run = Script(machine, log_path, lines, timeout, Printer()).run()
    bail = run.log().bail
    if run.status == 0 and not run.triple_fault() and bail is None:
        return ktap.PASS
    for line in run.diagnosis(ktap.TIMEOUT if run.status is None else ktap.RESET):
        print("# " + line)
    return ktap.CRASH if bail else ktap.ERROR


def run_and_show(machine, log_path, timeout=300, silence=90, kind=Run):
    """A run for somebody who watches: the guest's lines, then what went wrong, then the verdict. Its code."""
    run = kind(machine, log_path, timeout, silence, Printer()).run()
    verdict = ktap.verdict(run.log(), run.status, run.triple_fault())
    for line in run.diagnosis(verdict.code):
        print("# " + line)
    print("# %s: %s: %s (%.1f s, log: %s)" % (machine.name(), ktap.WORDS.get(verdict.code, "KILLED"), verdict.reason,
                                             run.seconds, os.path.relpath(log_path)))
    return verdict.code
