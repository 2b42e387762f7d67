#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The script that makes mutants (tests/mutate): which faults it sees in a function, and that a program with all of them
# is each of them by its number.
import sys
sys.dont_write_bytecode = True

import os
import subprocess
import tempfile

import guest
import tap

sys.path.insert(0, os.path.join(guest.ROOT, "tests", "mutate"))

import clones
import mutants
import source

TEXT = """#include <stdio.h>
/* if (a < b) in a comment is no place, nor is "x + 1;" in a text. */
static int lock, taken;
static void spin_lock(int *l) { *l = 1; taken++; }
static void spin_unlock(int *l) { *l = 0; }

static int
most(int a, const int (*pick)(int), int b[2])
{
	if (a < 0)
		return -1;
	spin_lock(&lock);
	a += 2;
	spin_unlock(&lock);
	return pick && taken ? pick(a) : a;
}

static int variadic(int n, ...)
{
	return n + 1;
}

static const int twice(int a)
{
	return a * 2;
}

int main(void)
{
	printf("%d %d %d %d\\n", most(-5, 0, 0), most(0, 0, 0), most(4, twice, 0), variadic(1));
}
"""
# What each fault of most() makes of "-1 2 12 2", which is right; a lock that is not taken leaves `taken` alone.
RIGHT = "-1 2 12 2"
EXPECTED = {
    ("off by one", "if (a <= 0)"): "-1 -1 12 2",
    ("condition", "if (!(a < 0))"): "-3 -1 -1 2",
    ("constant", "if (a < 1)"): "-1 -1 12 2",
    ("error path", "(nothing)"): "-3 2 12 2",
    ("statement", ";"): None,
    ("arithmetic", "a -= 2;"): "-1 -2 4 2",
    ("constant", "a += 3;"): "-1 3 14 2",
    ("lock", "; a += 2; ;"): "-1 2 6 2",
}


def build(folder, text):
    path = os.path.join(folder, "toy.c")
    with open(path, "w") as file:
        file.write(text + clones.PROGRAM % {"functions": 1})
    run = subprocess.run(["cc", "-w", path, "-o", path[:-2]], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return path[:-2], run.stdout


def answers(program, number):
    return subprocess.run([program], env={"MUTANT": str(number)}, stdout=subprocess.PIPE, text=True).stdout.strip()


def main():
    out = tap.Tap()
    found = {function.name: function for function in source.functions("toy.c", TEXT)}
    out.ok(sorted(found) == ["main", "most", "twice"], "functions that can be called by another name",
           [str(sorted(found))])
    made = list(mutants.of(found["most"]))
    for number, mutant in enumerate(made, 1):
        mutant.number = number
    kinds = {(mutant.kind, mutant.after()) for mutant in made}
    lost = set(EXPECTED) - kinds
    out.ok(not lost, "every kind of fault is made", ["lost: %s" % sorted(lost), "made: %s" % sorted(kinds)])
    with tempfile.TemporaryDirectory(prefix="kvasir-") as folder:
        program, words = build(folder, clones.with_clones(TEXT, [(found["most"], 0, made)])[0])
        out.ok(not words, "all of them compile beside each other", words.split("\n"))
        out.ok(answers(program, 0) == RIGHT, "without a number nothing is changed", [answers(program, 0)])
        wrong = ["%s, %s: %s" % (*key, answers(program, mutant.number)) for mutant in made
                 for key in [(mutant.kind, mutant.after())]
                 if EXPECTED.get(key) and answers(program, mutant.number) != EXPECTED[key]]
        out.ok(not wrong, "a number chooses its mutant", wrong)
    return out.end()


sys.exit(main())
