# SPDX-License-Identifier: MIT
"""From the trace lines on a serial line to the JSON that Perfetto and chrome://tracing open.

Each CPU is a track. What a CPU runs is a long slice on it, every other event a slice of one microsecond inside, and an
arrow leads from each ipi_send to the ipi_ack with its serial number.
"""

import json
import re
from collections import namedtuple

Record = namedtuple("Record", "time cpu event args")

BEGIN, END = "@trace begin", "@trace end"
LINE = re.compile(r"@(\d+) (\d+) (\w+) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)$")
ARGUMENTS = {  # what the three numbers are
    "alloc_vmap_area": ("addr", "size", "align"),
    "free_vmap_area_noflush": ("va_start", "nr_lazy", "nr_lazy_max"),
    "purge_vmap_area_lazy": ("start", "end", "npurged"),
    "tlb_flush": ("start", "end", "tree"),
    "pgd_sync": ("start", "end", "carried"),
    "ipi_send": ("to_cpu", "ipi", "serial"),
    "ipi_ack": ("from_cpu", "ipi", "serial"),
    "page_fault": ("addr", "error", "ip"),
    "sched_switch": ("prev", "next", "tree"),
}


def read_records(lines):
    """The records between the marks, and what is wrong with the lines: ([Record], [complaint])."""
    records, complaints, inside, seen_end = [], [], False, False
    for line in (line.strip() for line in lines):
        if line == BEGIN:
            inside, records = True, []
        elif line.startswith(END):
            inside, seen_end = False, True
        elif inside and line.startswith("@"):
            found = LINE.match(line)
            if found:
                time, cpu, event, *args = found.groups()
                records.append(Record(int(time), int(cpu), event, tuple(int(a, 16) for a in args)))
            else:
                complaints.append("not a record: " + line)
    if not seen_end:
        complaints.append("the trace has no end" if inside else "there is no trace")
    return sorted(records, key=lambda r: r.time), complaints


def arguments(record):
    names = ARGUMENTS.get(record.event, ("a", "b", "c"))
    small = ("nr_lazy", "nr_lazy_max", "npurged", "carried", "prev", "next", "tree", "serial", "ipi", "to_cpu",
             "from_cpu")
    return {name: value if name in small else "0x%x" % value for name, value in zip(names, record.args)}


def piece(phase, name, cpu, time, **more):
    return {"ph": phase, "name": name, "pid": 0, "tid": cpu, "ts": time, **more}


def running(records, cpu):
    """What one CPU ran, as slices from switch to switch; the last one ends with the trace."""
    switches = [r for r in records if r.cpu == cpu and r.event == "sched_switch"]
    ends = [r.time for r in switches[1:]] + [records[-1].time + 1]
    for record, end in zip(switches, ends):
        if end > record.time:
            yield piece("X", "task %d" % record.args[1], cpu, record.time, dur=end - record.time, cat="sched",
                        args={"tree": record.args[2]})


def arrows(records):
    """Both ends of each interrupt that was seen to leave and to arrive."""
    sent = {r.args[2]: r for r in records if r.event == "ipi_send"}
    for ack in (r for r in records if r.event == "ipi_ack" and r.args[2] in sent):
        send = sent[ack.args[2]]
        if send.time <= ack.time:
            yield piece("s", "ipi", send.cpu, send.time, cat="ipi", id=ack.args[2])
            yield piece("f", "ipi", ack.cpu, ack.time, cat="ipi", id=ack.args[2], bp="e")


def events(records):
    cpus = sorted({r.cpu for r in records})
    yield {"ph": "M", "name": "process_name", "pid": 0, "args": {"name": "kvasir"}}
    for cpu in cpus:
        yield {"ph": "M", "name": "thread_name", "pid": 0, "tid": cpu, "args": {"name": "CPU %d" % cpu}}
        yield {"ph": "M", "name": "thread_sort_index", "pid": 0, "tid": cpu, "args": {"sort_index": cpu}}
    slices = [s for cpu in cpus for s in running(records, cpu)]
    slices += [piece("X", r.event, r.cpu, r.time, dur=1, cat="event", args=arguments(r)) for r in records
               if r.event != "sched_switch"]
    # the outer one of two that begin together comes first
    yield from sorted(slices, key=lambda s: (s["ts"], -s["dur"]))
    yield from arrows(records)


def convert(records):
    return {"displayTimeUnit": "ns", "traceEvents": list(events(records))}


def check(trace):
    """What a viewer would stumble over, as a list of complaints: slices that cross, arrows with one end or without a
    slice."""
    complaints, open_ends, slices = [], {}, {}
    for event in trace["traceEvents"]:
        missing = {"ph", "name", "pid"} - set(event) or ({"tid", "ts"} - set(event) if event["ph"] != "M" else set())
        if missing:
            complaints.append("an event without %s: %s" % (", ".join(sorted(missing)), event))
        elif event["ph"] == "X":
            slices.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] in "sf":
            open_ends.setdefault(event["id"], []).append(event)
    for tid, spans in slices.items():
        complaints += crossing(tid, spans)
    for number, ends in open_ends.items():
        if [e["ph"] for e in ends] != ["s", "f"] or ends[0]["ts"] > ends[1]["ts"]:
            complaints.append("arrow %d has the ends %s" % (number, [(e["ph"], e["ts"]) for e in ends]))
        complaints += ["arrow %d ends outside of every slice" % number for e in ends
                       if not any(a <= e["ts"] < b for a, b in slices.get(e["tid"], ()))]
    return complaints


def crossing(tid, spans):
    """Of two slices on a track one contains the other or they are apart; in the file the outer comes first."""
    stack, complaints = [], []
    for start, end in spans:
        while stack and stack[-1][1] <= start:
            stack.pop()
        if stack and not (stack[-1][0] <= start and end <= stack[-1][1]):
            complaints.append("CPU %d: slices %s and %s cross" % (tid, stack[-1], (start, end)))
        stack.append((start, end))
    return complaints


def write(records, path):
    with open(path, "w") as file:
        json.dump(convert(records), file)
