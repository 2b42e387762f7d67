#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What really links, where an #include cannot show it: a prototype in the API does not say whose the function is.
# nm tells which object defines a symbol and which one uses it. The files of mm are compiled apart for it
# (boot/kernel.mk) and for one target, since none of them depends on it. Data: `links` in include-rules.
import sys
sys.dont_write_bytecode = True

import os
import subprocess

import directions
import guest
import make
import tap

TARGET = "x86_64"
KEEPS = "TDBRCWV"  # letters of nm: the object defines the symbol, for others too


def objects(place, patterns):
    """{source: its object} of the sources that the patterns name. place: obj, or apart."""
    top = guest.build_path(TARGET, place)
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            source = os.path.relpath(os.path.join(folder, name), top)[:-2]
            if name.endswith(".o") and any(directions.matches(source, p) for p in patterns) and \
                    (os.path.exists(source) or name == "all.c.o"):
                found[source] = os.path.join(folder, name)
    return found


def uses(found):
    """{(user, definer): symbols} among these objects."""
    defined, wanted, source_of = {}, [], {path: source for source, path in found.items()}
    nm = subprocess.run(["nm", "-A", *sorted(source_of)], text=True, stdout=subprocess.PIPE, check=bool(found))
    for line in nm.stdout.splitlines() if found else ():
        path, words = line.split(":", 1)
        kind, symbol = words.split()[-2:]
        if kind in KEEPS:
            defined[symbol] = source_of[path]
        elif kind == "U":
            wanted.append((source_of[path], symbol))
    arrows = {}
    for source, symbol in wanted:
        if defined.get(symbol, source) != source:
            arrows.setdefault((source, defined[symbol]), []).append(symbol)
    return arrows


def upwards(rules, arrows):
    """Arrows that the table does not allow."""
    for (user, definer), symbols in sorted(arrows.items()):
        if rules.layer(definer) not in rules.may[rules.layer(user)]:
            yield "%s uses %s of %s" % (user, ", ".join(symbols), definer)


def circles(arrows):
    """Files that can be left and reached again: what remains when files that use nobody who remains are taken away,
    from both ends."""
    left = set(arrows)
    while True:
        users, definers = {a for a, _ in left}, {b for _, b in left}
        keep = {(a, b) for a, b in left if a in definers and b in users}
        if keep == left:
            return ["%s uses %s of %s" % (a, ", ".join(arrows[a, b]), b) for a, b in sorted(left)]
        left = keep


def arrows_down(out, rules, place, patterns, what):
    """One result: the arrows among the objects of these sources. Returns them."""
    found = objects(place, patterns)
    arrows = uses(found)
    complaints = list(upwards(rules, arrows))
    out.ok(found and not complaints, "%d %s: their %d arrows point down only" % (len(found), what, len(arrows)),
           complaints or ["no objects: run make first"])
    return arrows


def main():
    tap.only_without_choice()
    os.chdir(guest.ROOT)
    out, rules = tap.Tap(), directions.Rules()
    code, lines = make.make("each file of mm", 10, "-f", "boot/kernel.mk", "TARGET=" + TARGET, "apart")
    out.ok(code == 0, "each file of mm compiles alone", lines)
    patterns = [pattern for line in rules.rules["links"] for pattern in line]
    arrows = arrows_down(out, rules, "apart", patterns, "files of mm")
    complaints = circles(arrows)
    out.ok(not complaints, "no files use each other in a circle", complaints)
    patterns = [pattern + "/*" for line in rules.rules["folders"] for pattern in line]
    arrows_down(out, rules, "obj", patterns, "folders and files of other chambers")
    return out.end()


sys.exit(main())
