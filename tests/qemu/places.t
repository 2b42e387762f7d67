#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Where the kernel's regions lie: at the random places of a number, or with nokaslr at their fixed ones. (What
# fits where is unit_layout's to test; all booted tests run at random places.)
import sys
sys.dont_write_bytecode = True

import re

import guest
import ktap
import slots
import tap

MODES = ("x64", "pae")
WORDS = ("kaslr=1", "kaslr=2", "seed=1", "nokaslr")
TEST = "vmalloc.vmallocinfo_line,paging"
LINE = re.compile(r"kaslr: seed=(0x[0-9a-f]+), \d+ bits a region; (direct map .*)")


def boot(job):
    env, words = job
    machine = guest.Machine(env, 1, "256M", cmdline="exit test=%s %s" % (TEST, words))
    run = guest.Run(machine, guest.build_path("logs", "places", "%s-%s.log" % (env, words)))
    run.run()
    return job, run


def judge(out, env, runs):
    said = {}
    for words, run in runs.items():
        verdict = ktap.verdict(run.log(), run.status, run.triple_fault())
        found = LINE.search(run.serial.decode("utf-8", "replace"))
        said[words] = found and found[2]
        out.ok(verdict.code == ktap.PASS, "%s %s: it runs" % (env, words),
               run.diagnosis(verdict.code) if verdict.code else [])
        out.ok(bool(found) == (words != "nokaslr"), "%s %s: it says where" % (env, words))
    out.ok(said["kaslr=1"] != said["kaslr=2"], "%s: another number, other places" % env, [str(said)])
    out.ok(said["kaslr=1"] == said["seed=1"], "%s: the same number, the same places" % env, [str(said)])


def main():
    tap.only_without_choice()
    out = tap.Tap()
    runs = {env: {} for env in MODES}
    for (env, words), run in slots.each(boot, [(env, words) for env in MODES for words in WORDS]):
        runs[env][words] = run
    for env in MODES:
        judge(out, env, runs[env])
    return out.end()


sys.exit(main())
