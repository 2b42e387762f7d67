# SPDX-License-Identifier: MIT
"""Scenarios of the explorer, side by side, as TAP."""

import os
import re
import subprocess

import slots


def scenarios(program, glob):
    said = subprocess.run([program, "-l", "-s", glob], stdout=subprocess.PIPE, text=True)
    return [(program, name) for name in said.stdout.split()]


def explore(program, name, arguments):
    """(good, its line without number, comments)."""
    said = subprocess.run([program, "-s", name, *arguments], stdout=subprocess.PIPE, text=True, errors="replace")
    lines = [line for line in said.stdout.splitlines() if not line.startswith("1..")]
    results = [line for line in lines if re.match(r"(not )?ok \d+ - ", line)]
    line = results[0].split(" - ", 1)[1] if results else "%s # it ended with %d" % (name, said.returncode)
    return said.returncode == 0, line, [text for text in lines if text not in results]


def run_all(out, programs, glob="*", arguments=(), folder=None):
    def one(choice):
        program, name = choice
        place = os.path.basename(program)
        state = ["-f", os.path.join(folder, "%s.%s" % (place, name))] if folder else []
        with slots.Job("program", "explore: %s %s" % (place, name), 1):
            good, line, comments = explore(program, name, [*arguments, *state])
        return place, good, line, comments

    found = [choice for program in programs for choice in scenarios(program, glob)]
    for place, good, line, comments in slots.each(one, found):
        name, _, figures = line.partition(" # ")
        out.ok(good, "explore: %s %s" % (place, name), comments)
        print("# %s" % figures, flush=True)
        if good and arguments and "-r" in arguments:
            print("\n".join(comments), flush=True)
