#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What somebody sees who has a screen: the block before the prompt, its QR code, long text a page at a time, and what
# has scrolled away.
import sys
sys.dont_write_bytecode = True

import re
import shutil
import subprocess
import time

import guest
import ktap
import slots
import tap

LINES, COLUMNS = 15, 80  # of the block
TEXT_COLUMNS, TEXT_ROWS = 80, 25
PROMPT, QUESTION, HELP = "cpu0> ", "-- more", "  help "


class Session(guest.Run):
    """An answer may also be a function of this run, which looks at the screen and presses keys."""

    def __init__(self, name, machine, steps):
        super().__init__(machine, guest.build_path("logs", "screen", name + ".log"), steps=steps)
        self.seen = {}

    def type(self, answer):
        if callable(answer):
            answer(self)
        else:
            super().type(answer)

    def press(self, *keys):
        for key in keys:
            super().type(guest.Key(key))

    def keep(self, name, look, good):
        """What is seen once it is good: the screen follows the serial line, and keys take a while."""
        for _ in range(300):
            self.seen[name] = look()
            if good(self.seen[name]):
                return
            time.sleep(0.1)

    def look_back(self, look, at_end):
        """A page up, and down again."""
        self.keep("end", look, at_end)
        self.press("pgup")
        self.keep("back", look, lambda seen: seen != self.seen["end"])
        self.press("pgdn")
        self.keep("again", look, lambda seen: seen == self.seen["end"])

    def text(self):
        """The rows of a VGA in text mode."""
        answer = guest.monitor(self.qmp_path, "xp /%dxh 0xb8000" % (TEXT_COLUMNS * TEXT_ROWS))
        cells = "".join(chr(int(word, 16) & 0x7f) for word in re.findall(r" 0x([0-9a-f]{4})\b", answer))
        return [cells[i:i + TEXT_COLUMNS].rstrip() for i in range(0, len(cells), TEXT_COLUMNS)]

    def picture(self):
        path = self.log_path.removesuffix(".log") + ".png"
        guest.monitor(self.qmp_path, "screendump %s -f png" % path)
        with open(path, "rb") as file:
            return file.read()

    def said(self):
        return self.serial.decode("utf-8", "replace").replace("\r", "")

    def block(self):
        """The comments that stand before the totals, from the kernel's name on."""
        found = re.search(r"\n(# Kvasir .*\n(?:# .*\n)*)# totals:", self.said())
        return found[1].split("\n")[:-1] if found else []


def last_of(rows):
    return next((row for row in reversed(rows) if row), "")


def has_help(rows):
    return any(row.startswith(HELP) for row in rows)


def unchanged():
    """Is this picture the one before?"""
    last = [None]

    def same(picture):
        last[0], before = picture, last[0]
        return picture == before
    return same


# Pixels, 24 bits each.

def at_first_prompt(run):
    run.keep("block", run.picture, unchanged())
    run.press(*"dmesg", "ret")


def at_question(run):
    run.keep("question", run.picture, unchanged())
    run.press("q")


def at_second_prompt(run):
    run.look_back(run.picture, unchanged())
    run.type("poweroff\r")


PIXELS = ((PROMPT, at_first_prompt), (QUESTION, at_question), (PROMPT, at_second_prompt))


# Text. The machine cannot be switched off.

def at_help_question(run):
    run.keep("question", run.text, lambda rows: QUESTION in last_of(rows))
    run.press("spc")


def behind_help(run):
    run.look_back(run.text, lambda rows: last_of(rows).endswith(PROMPT.strip()))
    run.press("up", "ret")  # the line before, once more


TEXT = ((PROMPT, lambda run: run.press(*"help", "ret")), (QUESTION, at_help_question), (PROMPT, behind_help),
        (QUESTION, lambda run: run.press("q")), (PROMPT, "more help\r"), (QUESTION, "q"), (PROMPT, "help\r"),
        (PROMPT, "reboot\r"))

# What the machine is, its words, lines that the block must have, what is done at the prompt.
ROWS = (
    ("pixels", {"env": "x64", "cpus": 2, "turns": True, "flags": ["-vga", "cirrus"]}, "test=percpu.*",
     (r"Kvasir +\d.* x64: 4-level page tables", r"verdict +PASS: \d+ tests passed, 0 failed", r"warnings +none",
      r"CPUs +2 of 2 run, .*QEMU", r"memory +[\d.]+ MiB of [\d.]+ MiB used", r"firmware +BIOS, ACPI, loaded by GRUB",
      r"console +COM1, 115200 baud; framebuffer 1024x768x24", r"keyboard +yes", r"more +'dmesg'"), PIXELS),
    # The loader has to leave the screen to text: there is no VESA.
    ("text", {"env": "i386", "flags": ["-machine", "isapc"]}, "test=cpus.call_one",
     (r"verdict +PASS: 1 test passed", r"firmware +BIOS, no ACPI", r"console .*; VGA text, 80x25"), TEXT),
    ("much is wrong", {"env": "i386", "cpus": 2, "memory": "5G", "flags": ["-machine", "i8042=off"]},
     "exit mem=100M nonsense maxcpus=1 test=vmalloc_test.fix_size_alloc_test inject=page:every=5:by=vmalloc"
     " oracle=perhaps",
     (r"Kvasir .* i386: 2-level", r"verdict +FAIL: 0 tests passed, 1 failed",
      r"failed +vmalloc_test.fix_size_alloc_test$", r"warnings +0 .* 3 other problems",
      r" +first: .*nonsense", r"CPUs +1 of 2 run",
      r"memory +99.* MiB of 4.* GiB used", r"left out +2 GiB beyond what this CPU", r" +2.* GiB cut off by mem=",
      r"keyboard +no keyboard was found"), ()),
)


def boot(row):
    name, machine, words, _, steps = row
    return Session(name.replace(" ", "-"), guest.Machine(cmdline=words, **machine), steps).run()


def check_block(out, run, name, wanted):
    block, problems = run.block(), run.log().problems
    missing = [pattern for pattern in wanted if not any(re.match("# " + pattern, line) for line in block)]
    fits = len(block) <= LINES and max(map(len, block), default=0) <= COLUMNS
    out.ok(fits and not missing and not problems, name + ": the block in the log",
           missing + problems + block + run.diagnosis(ktap.CRASH))


# As a camera sees it: blurred, and turned by 5 degrees.
CORNER = ["-crop", "320x320+704+0", "+repage"]
BLUR, TURN = ["-blur", "0x1"], ["-background", "black", "-rotate", "5"]
SPOILT = (("as it is", []), ("blurred", CORNER + BLUR), ("turned", CORNER + TURN),
          ("blurred and turned", CORNER + BLUR + TURN))


def decoded(path):
    command = ["zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", path]
    return subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode().strip().split("\n")


def check_code(out, run):
    """The QR code says what the block says; whatever the camera does."""
    missing = [tool for tool in ("zbarimg", "convert") if not shutil.which(tool)]
    if missing:
        return out.ok(True, "the QR code is read", skip="no %s: run 'make setup'" % ", ".join(missing))
    path, spoilt = guest.build_path("logs", "screen", "code.png"), guest.build_path("logs", "screen", "code-spoilt.png")
    with open(path, "wb") as file:
        file.write(run.seen.get("block", b""))
    block = [re.sub(" +", " ", line.removeprefix("# ")) for line in run.block()]
    for name, effect in SPOILT:
        if effect:
            subprocess.run(["convert", path, *effect, spoilt], check=False)
        text = decoded(spoilt if effect else path)
        out.ok(bool(block) and text == block, "the QR code is read " + name, text + ["not"] + block)


def check_pixels(out, run):
    seen = {name: run.seen.get(name) for name in ("block", "question", "end", "back", "again")}
    out.ok(all(seen.values()) and seen["question"] != seen["block"] and seen["back"] != seen["end"]
           and seen["again"] == seen["end"],
           "a screen of pixels: pages, and looking back", [", ".join(run.seen), *run.said().split("\n")[-40:]])


def check_text(out, run):
    seen = {name: run.seen.get(name, []) for name in ("question", "end", "back", "again")}
    all_of_it = ["%s: %s" % (name, row) for name, rows in seen.items() for row in rows] + run.said().split("\n")[-40:]
    out.ok(QUESTION in last_of(seen["question"]) and has_help(seen["question"]),
           "a page, from its first line on, and a question", all_of_it)
    out.ok(seen["end"] and not any(QUESTION in row for row in seen["end"]), "space shows the rest", all_of_it)
    out.ok(not has_help(seen["end"]) and has_help(seen["back"]), "Page Up shows what has scrolled away", all_of_it)
    out.ok(seen["again"] == seen["end"], "Page Down shows it again", all_of_it)


def check_serial(out, run):
    """What each command wrote there."""
    commands = [part.split("\n", 1)[-1] for part in re.split(r"kvasir \w+ " + PROMPT, run.said())[1:]]
    whole, left, asked, unasked = (commands + [""] * 5)[:4]
    last = "  pgds "
    out.ok(last in whole and last not in left and QUESTION in left, "the key q ends it", [whole, "left", left])
    out.ok(QUESTION in asked and last not in asked, "a serial line is asked if it wants to be", [asked])
    out.ok(QUESTION not in unasked and last in unasked, "else it is not", [unasked])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    try:
        runs = list(slots.each(boot, ROWS))
        for row, run in zip(ROWS, runs):
            check_block(out, run, row[0], row[3])
        pixels, text, _ = runs
        check_code(out, pixels)
        check_pixels(out, pixels)
        check_text(out, text)
        check_serial(out, text)
    except guest.SetupError as error:
        out.ok(False, "screen: setup", [str(error)])
    return out.end()


sys.exit(main())
