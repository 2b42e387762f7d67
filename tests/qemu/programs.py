# SPDX-License-Identifier: MIT
"""The programs of the host ring (tests/host) as jobs of the queue, and what they say as TAP."""

import os
import re
import subprocess
import tempfile

import guest
import slots

SECONDS = 600  # the longest takes ten, on a quiet machine
ENVIRONMENT = {
    "CMOCKA_MESSAGE_OUTPUT": "TAP", "HOST_QUIET": "1", "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
    "ASAN_OPTIONS": "detect_leaks=1:handle_abort=1:allocator_may_return_null=1"}
RESULT = re.compile(r"(not )?ok \d+ - (\S+)(?: # (?:SKIP|skip)\s*(.*))?$")
RUNS = re.compile(r"number_of_executed_units: *(\d+)")


def name_of(path):
    """build/host/pae/unit_slab is pae/unit_slab."""
    return "/".join(path.split("/")[-2:])


def is_fuzzer(path):
    return os.path.basename(path).startswith("fuzz_")


def fuzz_seconds(path, fuzzers):
    """The share of one program: each source has the same time, however many geometries it is built for."""
    sources = {os.path.basename(fuzzer) for fuzzer in fuzzers}
    total = os.environ.get("FUZZ_TOTAL")
    seconds = float(total) / len(sources) if total else float(os.environ.get("FUZZ_SECONDS") or 2)
    return max(1, round(seconds / sum(os.path.basename(path) == os.path.basename(fuzzer) for fuzzer in fuzzers)))


class Program:
    def __init__(self, path, fuzzers):
        self.path, self.name = path, name_of(path)
        self.fuzz = fuzz_seconds(path, fuzzers) if is_fuzzer(path) else 0
        self.job = slots.Job("program", self.name, self.fuzz or 1)
        self.code, self.text = None, ""

    def run(self):
        with self.job, tempfile.TemporaryDirectory(prefix="kvasir-") as corpus:
            more = ["-max_total_time=%d" % self.fuzz, "-max_len=4096", "-print_final_stats=1",
                    "-artifact_prefix=%s-" % self.path, corpus]
            try:
                run = subprocess.run([self.path] + more * bool(self.fuzz), cwd=guest.ROOT,
                                     env={**os.environ, **ENVIRONMENT},
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     timeout=SECONDS + self.fuzz)
                self.code, self.text = run.returncode, run.stdout.decode("utf-8", "replace")
            except subprocess.TimeoutExpired as late:
                self.text = (late.stdout or b"").decode("utf-8", "replace")
            except OSError as error:
                self.text = str(error)
        return self

    def report(self, out):
        """A line for each test of its own, and one for how it ended unless these say it all."""
        results = [found for found in map(RESULT.match, self.text.split("\n")) if found]
        for failed, test, skip in (found.groups() for found in results):
            out.ok(not failed, "%s: %s" % (self.name, test), (), (skip or "skipped") if skip is not None else None)
        if self.code or not results:
            runs = RUNS.search(self.text)
            how = "%s runs" % runs[1] if runs else "no end" if self.code is None else "exit code %d" % self.code
            out.ok(self.code == 0, "%s: %s" % (self.name, how), self.text.split("\n"))


def announce(paths):
    fuzzers = [path for path in paths if is_fuzzer(path)]
    return [Program(path, fuzzers) for path in paths]


def run_all(out, paths):
    for program in slots.each(Program.run, announce(paths)):
        program.report(out)
