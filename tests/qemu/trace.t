#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# The way from trace lines to the file for Perfetto: with canned lines, then with those of a machine.
import sys
sys.dont_write_bytecode = True

import json

import guest
import ktap
import perfetto
import slots
import tap

MODES = ("x64", "i386")

CANNED = """noise
@trace begin
@10 0 sched_switch 1 7 0
@12 0 ipi_send 1 2 5
@13 1 ipi_ack 0 2 5
@13 1 tlb_flush ffffc90000000000 ffffc90000001000 0
@14 0 ipi_send 1 2 6
@15 0 sched_switch 7 1 2
@15 0 page_fault 1000 2 ffffffff80100000
@trace end, 0 lost
more noise""".split("\n")


def canned(out):
    records, complaints = perfetto.read_records(CANNED)
    trace = perfetto.convert(records)
    kinds = [e["ph"] for e in trace["traceEvents"]]
    out.ok(len(records) == 7 and not complaints, "all records are read", complaints)
    out.ok(kinds.count("s") == 1 and kinds.count("f") == 1, "an arrow needs both ends")
    tasks = [(e["name"], e["ts"], e["dur"]) for e in trace["traceEvents"] if e.get("cat") == "sched"]
    out.ok(tasks == [("task 7", 10, 5), ("task 1", 15, 1)], "a task runs from switch to switch", [str(tasks)])
    names = [e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"]
    out.ok(names == ["CPU 0", "CPU 1"], "a CPU is a track", names)
    out.ok(not perfetto.check(trace), "a good trace is good", perfetto.check(trace))


def broken(out):
    out.ok(perfetto.read_records(CANNED[:-2])[1] != [], "a trace without an end is told")
    out.ok(perfetto.read_records([CANNED[1], "@1 0 ipi_se", CANNED[-2]])[1] != [], "a torn line is told")
    events = perfetto.convert(perfetto.read_records(CANNED)[0])["traceEvents"]
    for what, bad in (("an arrow without an end", [e for e in events if e["ph"] != "f"]),
                      ("an arrow outside of every slice", [e for e in events if e.get("cat") != "event"]),
                      ("slices that cross", events + [perfetto.piece("X", "x", 0, 12, dur=50)])):
        out.ok(perfetto.check({"traceEvents": bad}) != [], "%s: found" % what)


def boot(env):
    machine = guest.Machine(env, 2, cmdline="exit trace=* test=cpus.call_*,cpus.processes_are_apart")
    return guest.Run(machine, guest.build_path("logs", "trace-%s.log" % env), timeout=120).run()


def booted(out, env, run):
    verdict = ktap.verdict(run.log(), run.status, run.triple_fault())
    out.ok(verdict.code == ktap.PASS, "%s: traced tests pass" % env, [verdict.reason] + run.last_lines(verdict.code))
    records, complaints = perfetto.read_records(ktap.clean(run.serial))
    out.ok(records and not complaints, "%s: the trace is complete" % env, complaints)
    text = run.serial.decode("utf-8", "replace")
    out.ok(0 < text.find("@trace end") < text.find("# Kvasir "), "%s: the block for people comes last" % env)
    trace = json.loads(json.dumps(perfetto.convert(records))) if records else {"traceEvents": []}
    out.ok(not perfetto.check(trace), "%s: nothing for a viewer to stumble over" % env, perfetto.check(trace)[:10])
    seen, arrows = {r.event for r in records}, [e for e in trace["traceEvents"] if e["ph"] == "f"]
    out.ok({"ipi_send", "ipi_ack", "sched_switch", "tlb_flush"} <= seen, "%s: events of all kinds" % env, sorted(seen))
    out.ok(1 in {e["tid"] for e in arrows}, "%s: arrows to the other CPU" % env)
    out.ok({r.cpu for r in records} == {0, 1}, "%s: both CPUs have a track" % env)


def main():
    tap.only_without_choice()
    out = tap.Tap()
    canned(out)
    broken(out)
    try:
        for env, run in zip(MODES, slots.each(boot, MODES)):
            booted(out, env, run)
    except guest.SetupError as error:
        out.ok(False, "setup", [str(error)])
    return out.end()


sys.exit(main())
