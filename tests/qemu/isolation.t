#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Page-table isolation, seen from outside. All CPUs are stopped in ring 3, and the emulator lists what their tables map:
# of the kernel exactly the entry area, with the rights that the kernel's own tables give it. Without isolation they map
# more; so the test can fail.
import sys
sys.dont_write_bytecode = True

import re
import time

import guest
import slots
import tap

CPUS = 2
MODES = {"x64": 1 << 47, "x64-la57": 1 << 56, "pae": 0xc0000000, "i386": 0xc0000000}  # where the kernel's half begins
TRIES = 200
LOOK = "look"


class Seen(guest.Run):
    """One program on each CPU. When all are in ring 3: pages[cpu] = {address: writable}, above the programs' half."""

    def type(self, answer):
        if answer != LOOK:
            super().type(answer)
            return
        self.pages = self.look()
        super().type("poweroff\r")

    def look(self):
        for _ in range(TRIES):
            guest.monitor(self.qmp_path, "stop")
            registers = guest.monitor(self.qmp_path, "info registers -a")
            pages = []
            if re.findall(r"CPL=(\d)", registers) == ["3"] * CPUS:
                pages = [self.kernel_pages(cpu) for cpu in range(CPUS)]
            guest.monitor(self.qmp_path, "cont")
            if pages:
                return pages
            time.sleep(0.02)
        return []

    def kernel_pages(self, cpu):
        """Large leaves are one page here: their first."""
        text = guest.monitor(self.qmp_path, "info tlb", cpu).replace("\r", "")
        lines = re.findall(r"^([0-9a-f]+): [0-9a-f]+ (\S{9})", text, re.MULTILINE)
        return {int(addr, 16): flags[8] == "W" for addr, flags in lines
                if int(addr, 16) >= MODES[self.machine.env] and flags[7] != "U"}


def boot(job):
    env, pti = job
    prompt = "\nkvasir %s cpu0> " % env
    steps = [(prompt, "ptdump -m\r")] + [(prompt, "run spin &\r")] * CPUS + [("spinning", "\r"), (prompt, LOOK)]
    run = Seen(guest.Machine(env, CPUS, "128M", cmdline="shell pti=" + pti),
               guest.build_path("logs", "isolation", "%s-%s.log" % job), timeout=120, silence=60, steps=steps)
    run.pages = []
    return job, run.run()


def template(run):
    """{page: writable}, as the kernel lists the entry area in its own tables."""
    text = run.serial.decode("utf-8", "replace")
    entry = re.search(r"part start=(0x[0-9a-f]+) end=(0x[0-9a-f]+) size=\d+ name=entry", text)
    leaves = re.findall(r"leaves start=(0x[0-9a-f]+) end=(0x[0-9a-f]+) size=\d+ leaf=4096 rights=(RW|ro)", text)
    return {page: rights == "RW" for start, end, rights in leaves for page in range(int(start, 16), int(end, 16), 4096)
            if entry and int(entry[1], 16) <= page < int(entry[2], 16)}


def judge(out, env, on, off):
    wanted = template(on)
    out.ok(len(wanted) > CPUS * 4, "%s: the kernel lists the entry area" % env, on.last_lines(1))
    out.ok(len(on.pages) == CPUS, "%s: all CPUs are in ring 3" % env, on.last_lines(1))
    for cpu, pages in enumerate(on.pages):
        differs = {page for page in pages.keys() | wanted.keys() if pages.get(page) != wanted.get(page)}
        out.ok(not differs, "%s: in ring 3 CPU %d sees of the kernel the entry area, nothing else" % (env, cpu),
               ["%x: %s, wanted %s" % (page, pages.get(page), wanted.get(page)) for page in sorted(differs)[:20]])
    out.ok(len(off.pages) == CPUS and all(len(pages) > 100 for pages in off.pages),
           "%s: without isolation it sees more" % env)


def main():
    tap.only_without_choice()
    out = tap.Tap()
    runs = dict(slots.each(boot, [(env, pti) for env in MODES for pti in ("on", "off")]))
    for env in MODES:
        judge(out, env, runs[env, "on"], runs[env, "off"])
    return out.end()


sys.exit(main())
